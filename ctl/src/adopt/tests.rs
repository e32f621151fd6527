//! Each rule by a store that asks for it, and stores that ask for nothing.

use block_ipam::ids::NodeName;
use block_ipam::plan::RecordId;
use block_ipam::report::Finding;
use block_ipam::revision::Revision;

use super::*;

fn cluster(version: &str) -> Cluster {
    Cluster {
        version: version.to_owned(),
        revision: Some(Revision(7)),
        ..Cluster::default()
    }
}

fn told(facts: &Facts, urgency: Urgency) -> Vec<String> {
    let told = advise(facts).into_iter();
    told.filter(|advice| advice.urgency == urgency)
        .map(|advice| advice.what)
        .collect()
}

#[test]
fn a_store_without_calico_asks_for_nothing() {
    let facts = Facts::default();
    assert_eq!(told(&facts, Urgency::First), Vec::<String>::new());
    assert_eq!(told(&facts, Urgency::Better), Vec::<String>::new());
    assert!(told(&facts, Urgency::Know)[0].contains("Calico never ran"));
}

#[test]
fn cool_down_is_switched_off_first_while_clients_may_drop_it() {
    let table = [
        ("v3.31.7", 30, true),
        ("v3.32.1", 30, true),
        ("", 30, true),
        ("v3.32.1", 0, false),
        ("v3.33.0", 30, false),
        ("v3.34.0-0.dev-67-g87c1", 30, false),
        ("v4.0.0", 30, false),
    ];
    for (version, cooldown, asked) in table {
        let facts = Facts {
            cluster: cluster(version),
            cooldown,
            ..Facts::default()
        };
        let first = told(&facts, Urgency::First);
        assert_eq!(!first.is_empty(), asked, "{version} {cooldown}: {first:?}");
    }
}

#[test]
fn nodes_without_record_are_named_first() {
    let node = NodeName::new("rack1").expect("a name");
    let kind = FindingKind::NodeWithoutRecord {
        node: node.clone(),
        blocks: 2,
    };
    let finding = Finding::of(RecordId::Node(node), kind);
    let facts = Facts {
        cluster: cluster("v3.32.0"),
        check: CheckReport {
            findings: vec![finding],
            ..CheckReport::default()
        },
        ..Facts::default()
    };
    let first = told(&facts, Urgency::First);
    assert!(first.iter().any(|what| what.contains("rack1")), "{first:?}");
}

#[test]
fn a_locked_store_and_controllers_are_told() {
    let facts = Facts {
        cluster: Cluster {
            is_locked: true,
            ..cluster("v3.33.0")
        },
        has_controllers: true,
        knows_workloads: true,
        ..Facts::default()
    };
    assert!(told(&facts, Urgency::First)[0].contains("locked"));
    let know = told(&facts, Urgency::Know).join("\n");
    assert!(
        know.contains("controllers") && know.contains("plain containers"),
        "{know}"
    );
}

#[test]
fn a_count_of_problems_is_better_repaired_before() {
    let facts = Facts {
        cluster: cluster("v3.31.0"),
        check: CheckReport {
            left_out: 3,
            ..CheckReport::default()
        },
        ..Facts::default()
    };
    assert!(told(&facts, Urgency::Better)[0].contains("3 problems"));
    let know = told(&facts, Urgency::Know).join("\n");
    assert!(know.contains("time of a claim"), "{know}");
}
