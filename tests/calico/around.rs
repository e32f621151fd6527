//! What Calico's other programs do with the same records, as far as ours do it too: resources of operators, reports,
//! repairs, collection, addresses of load balancers.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use block_ipam::assign::Assign;
use block_ipam::clock::Clock;
use block_ipam::datastore::codec::decode_block_parts;
use block_ipam::ids::{HandleId, ResourceName};
use block_ipam::refusal::Refusal;
use block_ipam::report::collect::Memory;
use block_ipam::report::{Alive, FindingKind, Grace, Looks, TakenBack, repairs};
use block_ipam::resources::metadata::Metadata;
use block_ipam::resources::plans::pool_delete::Delete;
use block_ipam::resources::plans::{Mode, Put, Split, Whole, Written, put_pool, split_pool};
use block_ipam::resources::{Pool, PoolSpec, Use};
use block_ipam::revision::Revision;
use block_ipam_testing::world::now;

use crate::scene::{Scene, address, block, handle, labels, owner, refused};
use crate::table::{Row, differs, not_ours, same};

pub(crate) const AROUND: &[Row] = &[
    same("Z1", "a pool without a name", || {
        let text = put(&Scene::new(), &pool("", "10.0.0.0/24", 26), Mode::Create);
        assert!(text.expect_err("refused").contains("name"));
    }),
    differs(
        "Z2",
        "pools are created, changed, deleted and watched",
        "nothing is watched",
        z2,
    ),
    same("Z3", "the CIDR of a pool stays, and overlaps no other", z3),
    same("Z4", "so does its block size, which has bounds", z4),
    same("Z5", "a pool over blocks of another size", z5),
    same(
        "Z6",
        "the status of a pool outlasts a change of its spec",
        z6,
    ),
    same("Z7", "the numbers that `ipam show` tells", z7),
    same("Z8", "what `ipam check` finds and `ipam release` takes", z8),
    same("Z9", "what is wrong with a block", z9),
    same("Z10", "cooling addresses are no problem", z10),
    same(
        "Z11",
        "a pool is split into equal parts, or not at all",
        z11,
    ),
    not_ours(
        "Z12",
        "addresses of tunnel devices",
        "Calico's node agent asks for them; that such a request is served stands in T5",
    ),
    same(
        "Z13",
        "35 tests of collection: leaks, grace, last blocks",
        z13,
    ),
    differs(
        "Z14",
        "negative limits in the configuration",
        "Calico's own library stores them; they mean none",
        z14,
    ),
    differs(
        "Z15",
        "leaks of nodes that are gone from Kubernetes",
        "who lives is told by the caller",
        z15,
    ),
    differs(
        "Z16",
        "what is kept and what is released while a node lives",
        "who lives is told by the caller",
        z16,
    ),
    same("Z17", "addresses of load balancers", z17),
];

fn pool(name: &str, cidr: &str, block_size: i64) -> PoolSpec {
    PoolSpec {
        metadata: Metadata {
            name: name.to_owned(),
            ..Metadata::default()
        },
        cidr: Some(cidr.to_owned()),
        block_size: Some(block_size),
        ..PoolSpec::default()
    }
}

/// Each request to write a resource draws its identity.
fn identified(metadata: &Metadata) -> Metadata {
    static DRAWN: AtomicU32 = AtomicU32::new(0);
    let drawn = DRAWN.fetch_add(1, Ordering::Relaxed);
    Metadata {
        uid: Some(format!("8f2b6a4e-3b1d-4c5e-9f60-{drawn:012}")),
        created: Some("2026-03-02T09:14:55Z".to_owned()),
        ..metadata.clone()
    }
}

/// Writes a pool as an operator does; what was refused as text.
fn put(scene: &Scene, spec: &PoolSpec, mode: Mode) -> Result<Written, String> {
    put_expecting(scene, spec, mode, None)
}

fn put_expecting(
    scene: &Scene,
    spec: &PoolSpec,
    mode: Mode,
    expected: Option<Revision>,
) -> Result<Written, String> {
    let spec = PoolSpec {
        metadata: identified(&spec.metadata),
        ..spec.clone()
    };
    let value: Pool = spec.pool().map_err(|faults| {
        let texts = faults.iter().map(ToString::to_string);
        texts.collect::<Vec<_>>().join("; ")
    })?;
    let request = Put {
        value,
        mode,
        expected,
    };
    let written = scene
        .allocator
        .run(|view, context| put_pool(view, &request, context));
    now(written).map_err(|error| refused(error).to_string())
}

fn stored(scene: &Scene, name: &str) -> (String, Revision) {
    let key = format!("/calico/resources/v3/projectcalico.org/ippools/{name}");
    let mut entries = scene.world.network.memory.entries().into_iter();
    let entry = entries.find(|entry| entry.key == key).expect("a pool");
    (
        String::from_utf8(entry.value).expect("text"),
        entry.modified,
    )
}

fn z2() {
    let scene = Scene::new();
    let spec = pool("a", "10.0.0.0/24", 0);
    assert_eq!(put(&scene, &spec, Mode::Create), Ok(Written::Created));
    let (text, revision) = stored(&scene, "a");
    for default in [
        r#""blockSize":26"#,
        r#""nodeSelector":"all()""#,
        "Workload",
        "Tunnel",
    ] {
        assert!(text.contains(default), "{default} in {text}");
    }
    put(&scene, &spec, Mode::Create).expect_err("exists");
    let mut changed = spec;
    changed.disabled = Some(true);
    let write = |expected| put_expecting(&scene, &changed, Mode::Replace, Some(expected));
    assert_eq!(write(revision), Ok(Written::Replaced));
    changed_refused(write(revision));
    let delete = Delete {
        name: ResourceName::stored("a"),
        expected: None,
    };
    now(scene.allocator.delete_pool(&delete)).expect("deleted");
    now(scene.allocator.delete_pool(&delete)).expect_err("gone");
    assert!(scene.world.records().is_empty());
}

#[track_caller]
fn changed_refused(written: Result<Written, String>) {
    match written {
        // The same content again is no change.
        Ok(Written::Unchanged) => {}
        other => assert!(other.expect_err("stale").contains("resourceVersion")),
    }
}

fn z3() {
    let scene = Scene::new();
    put(&scene, &pool("a", "10.0.0.0/24", 26), Mode::Create).expect("created");
    put(&scene, &pool("six", "fd00::/112", 122), Mode::Create).expect("created");
    for other in ["10.1.0.0/24", "10.0.0.0/25", "10.0.0.0/16", "fd00::/112"] {
        put(&scene, &pool("a", other, 0), Mode::Replace).expect_err(other);
    }
    for spelling in ["fd00:0:0::/112", "FD00::/112", "fd00:0000::0/112"] {
        put(&scene, &pool("six", spelling, 122), Mode::Apply).expect(spelling);
    }
    for (overlapping, size) in [
        ("10.0.0.0/24", 26),
        ("10.0.0.0/16", 26),
        ("10.0.0.128/25", 26),
        ("10.0.0.64/26", 26),
        ("fd00::/64", 122),
        ("fd00::ff00/120", 122),
    ] {
        let text = put(&scene, &pool("b", overlapping, size), Mode::Create);
        assert!(text.expect_err(overlapping).contains("overlaps"));
    }
    put(&scene, &pool("b", "10.0.1.0/24", 26), Mode::Create).expect("beside it");
    put(&scene, &pool("c", "10.0.2.7/24", 26), Mode::Create).expect_err("host bits");
}

fn z4() {
    let scene = Scene::new();
    put(&scene, &pool("a", "10.0.0.0/24", 26), Mode::Create).expect("created");
    put(&scene, &pool("a", "10.0.0.0/24", 27), Mode::Replace).expect_err("it stays");
    for (cidr, size) in [
        ("10.1.0.0/16", 19),
        ("10.1.0.0/16", 33),
        ("fd00::/64", 115),
        ("fd00::/64", 129),
        ("10.1.0.0/27", 26),
        ("10.1.0.0/16", -1),
    ] {
        put(&scene, &pool("b", cidr, size), Mode::Create).expect_err(cidr);
    }
    put(&scene, &pool("b", "10.0.0.0/26", 28), Mode::Create)
        .expect_err("overlaps, in small blocks");
}

fn z5() {
    let scene = Scene::of("10.0.0.0/24", 26);
    scene.one("n1");
    scene.lose_pool("a");
    let text = put(&scene, &pool("b", "10.0.0.0/24", 28), Mode::Create);
    assert!(
        text.expect_err("blocks of /26")
            .contains("different blockSize")
    );
    put(&scene, &pool("c", "10.1.0.0/24", 28), Mode::Create).expect("elsewhere");
    put(&scene, &pool("d", "10.0.0.0/24", 26), Mode::Create).expect("of their size");
}

fn z6() {
    let scene = Scene::new();
    const STATUS: &str = r#""status":{"conditions":[{"type":"Allocatable","status":"True"}]}"#;
    scene.world.put(
        "/calico/resources/v3/projectcalico.org/ippools/a",
        &format!(
            r#"{{"kind":"IPPool","apiVersion":"projectcalico.org/v3","metadata":{{"name":"a"}},"spec":{{"cidr":"10.0.0.0/24","blockSize":26}},{STATUS}}}"#
        ),
    );
    let mut spec = pool("a", "10.0.0.0/24", 26);
    spec.disabled = Some(true);
    assert_eq!(put(&scene, &spec, Mode::Replace), Ok(Written::Replaced));
    let (text, _) = stored(&scene, "a");
    assert!(
        text.contains(STATUS) && text.contains(r#""disabled":true"#),
        "{text}"
    );
}

fn z7() {
    for (cidr, size, held, of_pool, of_block) in [
        ("10.0.0.0/16", 26, 5, (5, 65_531), (5, 59)),
        ("10.1.0.0/24", 29, 8, (8, 248), (8, 0)),
        ("fd00::/112", 122, 5, (5, 65_531), (5, 59)),
        ("fd01::/120", 125, 7, (7, 249), (7, 1)),
    ] {
        let scene = Scene::of(cidr, size);
        let ask = scene.ask("n1");
        let ask = if cidr.contains(':') {
            ask.v6(held)
        } else {
            ask.v4(held)
        };
        assert_eq!(ask.get().len(), held);
        let usage = now(scene.allocator.usage()).expect("counted").report;
        let pool = &usage.pools[0];
        assert_eq!((pool.numbers.in_use, pool.numbers.free), of_pool, "{cidr}");
        let numbers = pool.blocks[0].numbers;
        assert_eq!((numbers.in_use, numbers.free), of_block, "{cidr}");
    }
}

fn findings(scene: &Scene) -> Vec<block_ipam::report::Finding> {
    now(scene.allocator.check())
        .expect("checked")
        .report
        .findings
}

fn z8() {
    let scene = Scene::of("10.0.0.0/24", 26);
    let one = scene.one_as("n1", "living");
    scene.world.put(
        "/calico/ipam/v2/handle/leaked",
        r#"{"block":{"10.0.0.0/26":1},"deleted":false}"#,
    );
    let found = findings(&scene);
    assert_eq!(found.len(), 1);
    assert!(matches!(
        found[0].kind,
        FindingKind::HandleHoldsNothing { .. }
    ));
    let mut looks = Looks::default();
    let repair = |looks: &Looks| {
        let repairs = repairs(&found, looks, scene.world.clock.now());
        now(scene.allocator.repair(&repairs[0].kind)).expect("answered")
    };
    looks = looks.and(&found, scene.world.clock.now());
    scene.wait(3600);
    assert_eq!(repair(&looks), block_ipam::affinity::repair::Repaired::Done);
    assert!(findings(&scene).is_empty());
    assert_eq!(
        repair(&looks),
        block_ipam::affinity::repair::Repaired::NotNeeded,
        "again"
    );
    scene.free(one);
    assert!(findings(&scene).is_empty());
}

/// Each record, and whether something is wrong with it.
fn z9() {
    const FREE: &str = "null,null,null,null";
    let record = |slots: &str, queue: &str, attributes: &str| {
        format!(
            r#"{{"cidr":"10.0.0.0/30","affinity":"host:n1","allocations":[{slots}],"unallocated":[{queue}],"attributes":[{attributes}],"sequenceNumber":1,"deleted":false}}"#
        )
    };
    let held = r#"{"handle_id":"h"}"#;
    for (text, fault) in [
        (record(FREE, "0,1,2,3", ""), None),
        (record("0,null,null,null", "1,2,3", held), None),
        (
            record("1,null,null,null", "1,2,3", held),
            Some("which does not exist"),
        ),
        (
            record(FREE, "0,1,2,3", held),
            Some("nothing points at attribute 0"),
        ),
        (
            record(
                "0,null,null,null",
                "1,2,3",
                r#"{"releasedAt":"2999-01-01T00:00:00Z"}"#,
            ),
            Some("clock skew"),
        ),
        (record(FREE, "0,1,2,3,4", ""), Some("out of the block")),
        (record(FREE, "0,1,2,3,3", ""), Some("more than once")),
        (
            record("0,null,null,null", "0,1,2,3", held),
            Some("allocated and in the queue"),
        ),
        (record(FREE, "0,1,2", ""), Some("free and not in the queue")),
        (
            record("null", "0", ""),
            Some("1 allocations for 4 addresses"),
        ),
    ] {
        let parts = decode_block_parts(block("10.0.0.0/30"), text.as_bytes()).expect("a block");
        let faults = parts.faults_at(Scene::new().world.clock.now());
        let texts: Vec<String> = faults.iter().map(ToString::to_string).collect();
        match fault {
            None => assert!(texts.is_empty(), "{text}: {texts:?}"),
            Some(fault) => assert!(
                texts.iter().any(|told| told.contains(fault)),
                "{text}: {texts:?}"
            ),
        }
    }
}

fn z10() {
    let scene = Scene::of("10.0.0.0/24", 26);
    scene.config(r#""auto_allocate_blocks":true,"ipCooldownSeconds":30"#);
    scene.one_as("n1", "h");
    scene.release_handle("h");
    assert!(findings(&scene).is_empty());
}

/// Splits the pool `a`; how many parts it has then.
pub(crate) fn split(scene: &Scene, parts: usize) -> Result<usize, String> {
    let uid = |index: usize| format!("5c1de0b2-77aa-4d0f-8a31-{index:012}");
    let request = Split {
        whole: Whole::Name(ResourceName::stored("a")),
        parts,
        uids: (0..parts).map(uid).collect(),
        created: "2026-03-02T09:14:55Z".to_owned(),
    };
    let done = scene
        .allocator
        .run(|view, context| split_pool(view, &request, context));
    now(done)
        .map(|parts| parts.len())
        .map_err(|error| refused(error).to_string())
}

fn z11() {
    let scene = Scene::of("10.0.0.0/24", 26);
    let held = scene.one("n1");
    let before = scene.world.records();
    for parts in [3, 512, 0, 1] {
        split(&scene, parts).expect_err("no such parts");
        assert_eq!(scene.world.records(), before, "{parts}");
    }
    assert_eq!(split(&scene, 4), Ok(4));
    let usage = now(scene.allocator.usage()).expect("counted").report;
    assert_eq!(usage.pools.len(), 4);
    assert!(usage.orphans.is_empty(), "its blocks lie in the parts");
    scene.free(held);
}

/// Collects, given who lives.
fn collect(scene: &Scene, alive: &impl Alive, memory: &mut Memory, grace: Grace) -> TakenBack {
    let collected = scene.allocator.collect(alive, memory, grace);
    let (taken, after) = now(collected).expect("collected").report;
    *memory = after;
    taken
}

fn living(ids: &[&str]) -> BTreeSet<HandleId> {
    ids.iter().copied().map(handle).collect()
}

fn z13() {
    a_leak_is_released_at_the_second_look_and_with_all_of_its_handle();
    a_renewed_assignment_begins_again();
    surplus_blocks_go_and_the_last_one_stays();
    a_thousand_nodes_are_looked_through();
}

fn a_leak_is_released_at_the_second_look_and_with_all_of_its_handle() {
    let scene = Scene::of("10.0.0.0/24", 26);
    let leaked = scene.one_as("n1", "leaked");
    scene.one_as("n1", "living");
    let living = living(&["living"]);
    let mut memory = Memory::default();
    let grace = Grace::default();
    assert!(
        collect(&scene, &living, &mut memory, grace)
            .released
            .released
            .is_empty()
    );
    scene.wait(60);
    assert!(
        collect(&scene, &living, &mut memory, grace)
            .released
            .released
            .is_empty()
    );
    scene.wait(900);
    // Another address of the handle is young: none is released.
    scene.assign_ip("n1", "leaked", "10.0.0.200").expect("free");
    assert!(
        collect(&scene, &living, &mut memory, grace)
            .released
            .released
            .is_empty()
    );
    scene.wait(900);
    let taken = collect(&scene, &living, &mut memory, grace);
    assert_eq!(taken.released.released, [leaked, address("10.0.0.200")]);
    assert_eq!(scene.state().handles.len(), 1);
}

fn a_renewed_assignment_begins_again() {
    let scene = Scene::of("10.0.0.0/32", 32);
    let grace = Grace {
        leak: Duration::from_secs(10),
        ..Grace::default()
    };
    let mut memory = Memory::default();
    for _ in 0..3 {
        scene.one_as("n1", "h");
        assert!(
            collect(&scene, &living(&[]), &mut memory, grace)
                .released
                .released
                .is_empty()
        );
        scene.wait(60);
        scene.release_handle("h");
    }
    // Without grace the second look takes.
    scene.one_as("n1", "h");
    let none = Grace {
        leak: Duration::ZERO,
        ..grace
    };
    assert!(
        collect(&scene, &living(&[]), &mut memory, none)
            .released
            .released
            .is_empty()
    );
    assert_eq!(
        collect(&scene, &living(&[]), &mut memory, none)
            .released
            .released
            .len(),
        1
    );
}

fn surplus_blocks_go_and_the_last_one_stays() {
    for size in [30, 32] {
        let scene = Scene::of("10.0.0.0/28", size);
        scene.ask("n1").handle("h").v4(12).get().complete(12, 0);
        scene.release_handle("h");
        let before = scene.blocks_of("n1").len();
        let mut memory = Memory::default();
        let none = living(&[]);
        for _ in 0..2 {
            assert!(
                collect(&scene, &none, &mut memory, Grace::default())
                    .surrendered
                    .is_nothing()
            );
            scene.wait(600);
        }
        let taken = collect(&scene, &none, &mut memory, Grace::default());
        assert_eq!(taken.surrendered.deleted.len(), before - 1, "/{size}");
        assert_eq!(scene.counts(), (1, 1), "/{size}");
    }
}

fn a_thousand_nodes_are_looked_through() {
    let scene = Scene::of("10.0.0.0/16", 28);
    let mut all = BTreeSet::new();
    for index in 0..1000 {
        let id = format!("n{index}");
        scene.ask(&id).handle(&id).v4(5).get().complete(5, 0);
        all.insert(handle(&id));
    }
    all.remove(&handle("n500"));
    let mut memory = Memory::default();
    collect(&scene, &all, &mut memory, Grace::default());
    scene.wait(900);
    scene.world.requests();
    let taken = collect(&scene, &all, &mut memory, Grace::default());
    assert_eq!(taken.released.released.len(), 5);
    let (reads, commits) = scene.world.requests();
    assert!(
        reads < 20 && commits == 1,
        "{reads} reads, {commits} commits"
    );
}

fn z14() {
    let scene = Scene::of("10.0.0.0/24", 30);
    scene.config(r#""auto_allocate_blocks":true,"maxBlocksPerHost":-1,"ipCooldownSeconds":-1"#);
    let config = now(scene.allocator.config()).expect("told");
    assert_eq!(
        (config.max_blocks_per_host, config.cooldown_seconds),
        (-1, -1)
    );
    let got = scene.ask("n1").handle("h").v4(84).get();
    let short = got.short_of(80);
    assert!(
        matches!(short, Refusal::BlockLimit { limit: 20, .. }),
        "{short}"
    );
    assert_eq!(scene.release_handle("h"), 80);
    scene.ask("n1").v4(80).get().complete(80, 0);
}

/// Pods of these names live; what names no pod is left alone, as Calico's controller leaves it.
struct Pods(&'static [&'static str]);

impl Alive for Pods {
    fn is_alive(&self, _: &HandleId, attributes: &BTreeMap<String, String>) -> bool {
        attributes
            .get("pod")
            .is_none_or(|pod| self.0.contains(&pod.as_str()))
    }
}

fn pod(scene: &Scene, name: &str, id: &str, pod: Option<&str>) {
    let mut ask = scene.ask(name).handle(id).v4(1);
    if let Some(pod) = pod {
        let attributes = labels(&[("node", name), ("pod", pod), ("namespace", "shop")]);
        ask.request = Assign {
            attributes,
            ..ask.request
        };
    }
    ask.get().complete(1, 0);
}

fn after_grace(scene: &Scene, alive: &Pods) -> usize {
    let mut memory = Memory::default();
    collect(scene, alive, &mut memory, Grace::default());
    scene.wait(901);
    let taken = collect(scene, alive, &mut memory, Grace::default());
    taken.released.released.len()
}

fn z15() {
    let scene = Scene::of("10.0.0.0/24", 26);
    pod(&scene, "gone", "h1", Some("a"));
    pod(&scene, "gone", "h2", None);
    assert_eq!(
        after_grace(&scene, &Pods(&[])),
        1,
        "what names no pod is never collected"
    );
    assert_eq!(scene.holds("h2").map(|held| held.len()), Some(1));
}

fn z16() {
    let scene = Scene::of("10.0.0.0/24", 26);
    pod(&scene, "n1", "h1", Some("living"));
    pod(&scene, "n1", "h2", Some("dead"));
    pod(&scene, "n1", "h3", None);
    let tunnel = scene.ask("n1").handle("tunnel").v4(1).purpose(Use::Tunnel);
    tunnel.get().complete(1, 0);
    assert_eq!(after_grace(&scene, &Pods(&["living"])), 1);
    assert_eq!(scene.holds("h2"), None);
}

fn z17() {
    let scene = Scene::new();
    let ask = |id: &str| {
        scene
            .ask("load-balancer")
            .handle(id)
            .v4(1)
            .purpose(Use::LoadBalancer)
    };
    ask("early").get().short_of(0);
    let uses = r#""allowedUses":["LoadBalancer"]"#;
    scene.pool_with("lb", "10.0.0.0/30", 30, uses);
    scene.pool_with("lb2", "10.1.0.0/30", 30, uses);
    let first = ask("svc1").get();
    assert!(first.inside("10.0.0.0/30"), "{first:?}");
    assert!(
        ask("svc2").from(&["lb2"]).get().inside("10.1.0.0/30"),
        "a pool by request"
    );
    let named =
        |id: &str| scene.assign_ip_for("load-balancer", id, "10.0.0.3", Some(Use::LoadBalancer));
    named("svc3").expect("free");
    named("svc4").expect_err("another Service holds it");
    assert_eq!(scene.release_handle("svc3"), 1);
    named("svc4").expect("freed by another Service");
    let owners: Vec<_> = scene.world.records().into_keys().collect();
    assert!(
        owners
            .iter()
            .any(|key| key.starts_with("/calico/ipam/v2/virtual/load-balancer/"))
    );
    assert!(
        !owners
            .iter()
            .any(|key| key.starts_with("/calico/ipam/v2/host/"))
    );
    let of_nodes = scene.claim("10.0.0.0/30", owner("n1")).expect("answered");
    assert_eq!(of_nodes.failed.len(), 1, "its block stays the Services'");
}
