//! One after the other: each side reads, shows, changes and releases what the other wrote.

use std::net::IpAddr;

use block_ipam_testing::schema;

use super::programs::{Attachment, Place, Programs, Side};

/// Two nodes, and a pool of each family.
pub(crate) const MANIFESTS: &str = "
apiVersion: projectcalico.org/v3
kind: IPPool
metadata: {name: v4}
spec: {cidr: 10.64.0.0/24, blockSize: 29}
---
apiVersion: projectcalico.org/v3
kind: IPPool
metadata: {name: v6}
spec: {cidr: 'fd00:64::/120', blockSize: 125}
---
apiVersion: projectcalico.org/v3
kind: Node
metadata: {name: n1}
---
apiVersion: projectcalico.org/v3
kind: Node
metadata: {name: n2}
";

/// The same with pools of one block each, of which the second node can only borrow.
fn pools_of_one_block() -> String {
    MANIFESTS
        .replace("10.64.0.0/24", "10.64.0.0/29")
        .replace("fd00:64::/120", "fd00:64::/125")
}

/// Gives containers their addresses.
pub(super) fn assign(
    place: &Place<'_>,
    side: Side,
    node: &'static str,
    containers: &[&str],
) -> Vec<IpAddr> {
    let each = containers.iter().flat_map(|container| {
        let attachment = Attachment::new("net", node, container);
        place.call(side, "ADD", &attachment).done().addresses()
    });
    each.collect()
}

/// Panics unless all records are such as Calico writes.
pub(super) fn assert_records_are_calicos(place: &Place<'_>) {
    let records = place.records("/calico/ipam/");
    let fault = |(key, value): &(String, String)| schema::faults(key, value.as_bytes());
    let faults: Vec<String> = records.iter().flat_map(fault).collect();
    assert_eq!(faults, Vec::<String>::new());
}

pub(super) fn calicoctl_shows_what_we_assigned(programs: &Programs) {
    let place = Place::new(programs, MANIFESTS);
    let given = assign(&place, Side::Ours, "n1", &["a", "b", "c"]);
    assert_eq!(given.len(), 6);
    let shown = place.calicoctl(&["ipam", "show", "--show-blocks"]).done();
    let rows: Vec<&str> = shown
        .stdout
        .lines()
        .filter(|row| row.contains("3 ("))
        .collect();
    assert_eq!(
        rows.len(),
        4,
        "two pools and two blocks with three each: {shown:#?}"
    );
    for address in given {
        let shown = place
            .calicoctl(&["ipam", "show", &format!("--ip={address}")])
            .done();
        assert!(shown.stdout.contains("Handle ID: net."), "{shown:#?}");
        assert!(shown.stdout.contains("node: n1"), "{shown:#?}");
    }
    assert_records_are_calicos(&place);
}

/// The cells of a table, without the one in which Calico prints the address of a pointer, as wide as that is.
fn cells(table: &str) -> Vec<Vec<&str>> {
    let rows = table.lines().filter(|row| row.starts_with('|'));
    rows.filter(|row| !row.contains("KubeVirtVMAddressPersistence"))
        .map(|row| row.split('|').map(str::trim).collect())
        .collect()
}

pub(super) fn we_show_what_calico_assigned(programs: &Programs) {
    let place = Place::new(programs, MANIFESTS);
    let given = assign(&place, Side::Calicos, "n1", &["a", "b", "c"]);
    assert_eq!(given.len(), 6);
    for flag in ["--show-blocks", "--show-configuration"] {
        let calicos = place.calicoctl(&["ipam", "show", flag]).done();
        let ours = place.ipamctl(&["ipam", "show", flag]).done();
        assert_eq!(cells(&calicos.stdout), cells(&ours.stdout));
    }
    for address in given {
        let argument = format!("--ip={address}");
        let ours = place.ipamctl(&["ipam", "show", &argument]).done();
        assert!(ours.stdout.contains("net."), "{ours:#?}");
    }
}

pub(super) fn each_plugin_releases_what_the_other_assigned(programs: &Programs) {
    let place = Place::new(programs, MANIFESTS);
    for side in Side::BOTH {
        let given = assign(&place, side, "n1", &["a", "b"]);
        assert_eq!(given.len(), 4);
        for container in ["a", "b"] {
            let attachment = Attachment::new("net", "n1", container);
            place.call(side.other(), "DEL", &attachment).done();
        }
        assert_eq!(place.records("/calico/ipam/v2/handle/"), [], "{side:?}");
        let blocks = place.records("/calico/ipam/v2/assignment/");
        let free = |(_, value): &(String, String)| value.contains(r#""attributes":[]"#);
        assert!(
            blocks.len() == 2 && blocks.iter().all(free),
            "{side:?} {blocks:#?}"
        );
        assert_records_are_calicos(&place);
    }
}

pub(super) fn each_tool_releases_the_addresses_of_the_other(programs: &Programs) {
    let place = Place::new(programs, MANIFESTS);
    let ours = assign(&place, Side::Ours, "n1", &["a"]);
    let calicos = assign(&place, Side::Calicos, "n2", &["b"]);
    for address in ours {
        place
            .calicoctl(&["ipam", "release", &format!("--ip={address}")])
            .done();
    }
    for address in calicos {
        place
            .ipamctl(&["ipam", "release", &format!("--ip={address}")])
            .done();
    }
    assert_eq!(place.records("/calico/ipam/v2/handle/"), []);
    assert_records_are_calicos(&place);
}

pub(super) fn borrowed_addresses_are_told_by_calicoctl(programs: &Programs) {
    let place = Place::new(programs, &pools_of_one_block());
    assign(&place, Side::Calicos, "n1", &["a"]);
    let borrowed = assign(&place, Side::Ours, "n2", &["b"]);
    let shown = place.calicoctl(&["ipam", "show", "--show-borrowed"]).done();
    for address in borrowed {
        let row = shown
            .stdout
            .lines()
            .find(|row| row.contains(&format!(" {address} ")));
        let row = row.unwrap_or_else(|| panic!("{address} is not shown: {shown:#?}"));
        assert!(row.contains("n2") && row.contains("n1"), "{row}");
    }
}

pub(super) fn manifests_of_one_are_read_by_the_other(programs: &Programs) {
    let place = Place::new(programs, MANIFESTS);
    place
        .ipamctl_with(
            &["create"],
            "
apiVersion: projectcalico.org/v3
kind: IPPool
metadata: {name: ours, labels: {row: a}}
spec: {cidr: 10.65.0.0/24, nodeSelector: rack == 'r1', natOutgoing: true, vxlanMode: CrossSubnet}
---
apiVersion: projectcalico.org/v3
kind: IPReservation
metadata: {name: gateways}
spec: {reservedCIDRs: [10.65.0.0/30, 'fd00:64::1/128']}
",
        )
        .done();
    for kind in ["ippool", "ipreservation", "node"] {
        let json = |text: String| -> serde_json::Value {
            serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
        };
        let calicos = json(place.calicoctl(&["get", kind, "-o", "json"]).done().stdout);
        let ours = json(place.ipamctl(&["get", kind, "-o", "json"]).done().stdout);
        assert_eq!(calicos["items"], ours["items"], "{kind}");
    }
    let calicos = place.calicoctl(&["get", "ippool"]).done().stdout;
    let ours = place.ipamctl(&["get", "ippool"]).done().stdout;
    assert_eq!(calicos, ours);
}

pub(super) fn a_pool_deleted_by_one_is_gone_for_the_other(programs: &Programs) {
    let place = Place::new(programs, MANIFESTS);
    assign(&place, Side::Ours, "n1", &["a"]);
    place
        .call(Side::Calicos, "DEL", &Attachment::new("net", "n1", "a"))
        .done();
    place.calicoctl(&["delete", "ippool", "v4"]).done();
    let refused = place.call(Side::Ours, "ADD", &Attachment::new("net", "n1", "b"));
    assert!(!refused.is_done(), "{refused:#?}");
    let blocks = place.records("/calico/ipam/v2/assignment/ipv4/");
    assert_eq!(blocks, [], "the empty block of ours went with its pool");
    place.ipamctl(&["delete", "ippool", "v6", "--yes"]).done();
    let pools = place
        .calicoctl(&["get", "ippool", "-o", "json"])
        .done()
        .stdout;
    assert!(pools.contains(r#""items": []"#), "{pools}");
}

pub(super) fn configuration_by_calicoctl_is_obeyed(programs: &Programs) {
    let place = Place::new(programs, &pools_of_one_block());
    assign(&place, Side::Calicos, "n1", &["a"]);
    place
        .calicoctl(&["ipam", "configure", "--strictaffinity=true"])
        .done();
    let refused = place.call(Side::Ours, "ADD", &Attachment::new("net", "n2", "b"));
    assert!(
        !refused.is_done(),
        "strict affinity borrows nothing: {refused:#?}"
    );
    place
        .calicoctl(&["ipam", "configure", "--strictaffinity=false"])
        .done();
    assign(&place, Side::Ours, "n2", &["b"]);
}

pub(super) fn a_node_deleted_by_calicoctl_leaves_what_is_in_use(programs: &Programs) {
    let place = Place::new(programs, MANIFESTS);
    let given = assign(&place, Side::Ours, "n1", &["a"]);
    place.calicoctl(&["delete", "node", "n1"]).done();
    assert_eq!(place.records("/calico/ipam/v2/host/"), []);
    for address in given {
        let shown = place
            .calicoctl(&["ipam", "show", &format!("--ip={address}")])
            .done();
        assert!(shown.stdout.contains("is in use"), "{shown:#?}");
    }
    let attachment = Attachment::new("net", "n1", "a");
    place.call(Side::Ours, "DEL", &attachment).done();
    assert_eq!(place.records("/calico/ipam/v2/"), [], "nothing is left");
}
