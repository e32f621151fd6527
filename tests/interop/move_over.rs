//! The way of a node from Calico's plugin to ours and back, as `docs/operations.md` tells it: the plugin is another program,
//! configuration and store stay.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::cases::MANIFESTS;
use super::programs::{Attachment, Place, Programs, Side};

/// Containers of the node, and their addresses.
type Held = BTreeMap<&'static str, Vec<IpAddr>>;

fn add(place: &Place<'_>, side: Side, held: &mut Held, containers: &[&'static str]) {
    for container in containers {
        let attachment = Attachment::new("net", "n1", container);
        let addresses = place.call(side, "ADD", &attachment).done().addresses();
        held.insert(container, addresses);
    }
}

fn delete(place: &Place<'_>, side: Side, held: &mut Held, containers: &[&'static str]) {
    for container in containers {
        let attachment = Attachment::new("net", "n1", container);
        place.call(side, "DEL", &attachment).done();
        held.remove(container);
    }
}

/// Panics unless the store holds for each container what it was given, and nothing else, as both command lines tell.
fn assert_held(place: &Place<'_>, held: &Held) {
    let addresses: Vec<&IpAddr> = held.values().flatten().collect();
    let distinct: BTreeSet<&&IpAddr> = addresses.iter().collect();
    assert_eq!(distinct.len(), addresses.len(), "p1: {held:?}");
    let handles = place.records("/calico/ipam/v2/handle/");
    assert_eq!(handles.len(), held.len(), "{handles:?}");
    for (container, addresses) in held {
        for address in addresses {
            let argument = format!("--ip={address}");
            for shown in [
                place.calicoctl(&["ipam", "show", &argument]).done(),
                place.ipamctl(&["ipam", "show", &argument]).done(),
            ] {
                let handle = format!("net.{container}");
                assert!(shown.stdout.contains(&handle), "{address}: {shown:#?}");
            }
        }
    }
    place.ipamctl(&["ipam", "check"]).done();
}

pub(super) fn a_node_moves_over_and_back_without_losing_an_allocation(programs: &Programs) {
    let place = Place::new(programs, MANIFESTS);
    let mut held = Held::new();
    add(&place, Side::Calicos, &mut held, &["a", "b", "c"]);
    assert_held(&place, &held);
    // Ours takes the place of Calico's plugin.
    delete(&place, Side::Ours, &mut held, &["a"]);
    add(&place, Side::Ours, &mut held, &["d", "e"]);
    assert_held(&place, &held);
    // And back.
    delete(&place, Side::Calicos, &mut held, &["b", "d"]);
    add(&place, Side::Calicos, &mut held, &["f"]);
    assert_held(&place, &held);
    delete(&place, Side::Calicos, &mut held, &["c", "e", "f"]);
    assert_held(&place, &held);
}
