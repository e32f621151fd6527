//! Owners of the address of a virtual machine, and the promotion of one.

use std::collections::BTreeMap;

use block_ipam::allocator::Hint;
use block_ipam::assign::{
    AssignAddresses, Edit, Expected, OwnerChange, OwnerId, PromoteOwner, SetOwners, vm_handle,
};
use block_ipam::ids::HandleId;
use block_ipam::refusal::Refusal;
use block_ipam::report::Held;
use block_ipam_testing::world::now;

use crate::scene::{Scene, address, handle, labels, node, refused};
use crate::table::{Row, differs, same};

use Edit::{Clear, Keep};
use Expected::{Anyone, Nobody};

pub(crate) const OWNERS: &[Row] = &[
    same("O1", "sets the active one", || {
        changes(("", ""), (set("a"), Anyone), KEEP, ("a", ""));
    }),
    same("O2", "sets the alternate one", || {
        changes(("a", ""), KEEP, (set("b"), Anyone), ("a", "b"));
    }),
    same("O3", "sets both at once", || {
        changes(("", ""), (set("a"), Anyone), (set("b"), Anyone), ("a", "b"));
    }),
    same("O4", "clears the active one", || {
        changes(("a", "b"), (Clear, Anyone), KEEP, ("", "b"));
    }),
    same("O5", "clears the alternate one", || {
        changes(("a", "b"), KEEP, (Clear, Anyone), ("a", ""));
    }),
    same("O6", "clears both", || {
        changes(("a", "b"), (Clear, Anyone), (Clear, Anyone), ("", ""));
    }),
    same("O7", "overwrites the active one", || {
        changes(("a", ""), (set("c"), Anyone), KEEP, ("c", ""));
    }),
    same("O8", "the active one leaves the alternate one", || {
        changes(("a", "b"), (set("c"), Anyone), KEEP, ("c", "b"));
    }),
    same("O9", "the alternate one leaves the active one", || {
        changes(("a", "b"), KEEP, (set("c"), Anyone), ("a", "c"));
    }),
    same("O10", "the active one is as expected", || {
        changes(("a", ""), (Clear, is("a")), KEEP, ("", ""));
    }),
    same("O11", "the active one is another", || {
        refuses(("a", ""), (Clear, is("z")), KEEP);
    }),
    same("O12", "the alternate one is as expected", || {
        changes(("a", "b"), KEEP, (Clear, is("b")), ("a", ""));
    }),
    same("O13", "the alternate one is another", || {
        refuses(("a", "b"), KEEP, (Clear, is("z")));
    }),
    same("O14", "there has to be no active one, and is none", || {
        changes(("", "b"), (set("a"), Nobody), KEEP, ("a", "b"));
    }),
    same("O15", "there has to be no active one, and is", || {
        refuses(("a", ""), (set("c"), Nobody), KEEP);
    }),
    same(
        "O16",
        "there has to be no alternate one, and is none",
        || {
            changes(("a", ""), KEEP, (set("b"), Nobody), ("a", "b"));
        },
    ),
    same("O17", "there has to be no alternate one, and is", || {
        refuses(("a", "b"), KEEP, (set("c"), Nobody));
    }),
    differs(
        "O18",
        "no updates at all is an error",
        CANNOT_BE_SAID,
        one_edit_at_most,
    ),
    differs(
        "O19",
        "set and clear the active one is an error",
        CANNOT_BE_SAID,
        one_edit_at_most,
    ),
    differs(
        "O20",
        "set and clear the alternate one is an error",
        CANNOT_BE_SAID,
        one_edit_at_most,
    ),
    differs(
        "O21",
        "expected and empty, the active one",
        CANNOT_BE_SAID,
        one_expectation_at_most,
    ),
    differs(
        "O22",
        "expected and empty, the alternate one",
        CANNOT_BE_SAID,
        one_expectation_at_most,
    ),
    same("O23", "of another handle", || {
        not_changed(
            "10.0.0.5",
            "other",
            "address 10.0.0.5 is held by k8s-pod-network.vmi.shop.vm1",
        );
    }),
    same("O24", "of an address that is free", || {
        not_changed("10.0.0.6", MACHINE, "address 10.0.0.6 is not assigned");
    }),
    same("O25", "of an address in no pool", || {
        not_changed("10.9.0.6", MACHINE, "address 10.9.0.6 is not assigned");
    }),
    same("O26", "a migration from its begin to its end", migration),
    same("O27", "both are as expected", || {
        changes(
            ("a", "b"),
            (set("b"), is("a")),
            (set("a"), is("b")),
            ("b", "a"),
        );
    }),
    same(
        "O28",
        "only the active one is as expected: nothing changes",
        || {
            refuses(("a", "b"), (set("b"), is("a")), (set("a"), is("z")));
        },
    ),
    same("O29", "nothing is to change", || {
        changes(("a", "b"), KEEP, KEEP, ("a", "b"));
    }),
];

const CANNOT_BE_SAID: &str = "the type of a change has no such value";
const MACHINE: &str = "k8s-pod-network.vmi.shop.vm1";
const KEEP: (Edit, Expected) = (Keep, Anyone);

type Owner = BTreeMap<String, String>;
type Change = (Edit, Expected);

/// An empty name is nobody.
fn owner(pod: &str) -> Owner {
    if pod.is_empty() {
        return Owner::new();
    }
    labels(&[("namespace", "shop"), ("pod", pod), ("node", "n1")])
}

fn set(pod: &str) -> Edit {
    Edit::Set(owner(pod))
}

fn id(pod: &str) -> OwnerId {
    OwnerId {
        namespace: "shop".to_owned(),
        pod: pod.to_owned(),
    }
}

fn is(pod: &str) -> Expected {
    Expected::Is(id(pod))
}

/// What happens to one owner is one of three things.
fn one_edit_at_most() {
    let all = [Keep, Clear, set("a")];
    let distinct = all.iter().filter(|edit| match edit {
        Keep | Clear | Edit::Set(_) => true,
    });
    assert_eq!(distinct.count(), 3);
    assert_eq!(Edit::default(), Keep, "who says nothing changes nothing");
}

/// What is expected of one owner is one of three things.
fn one_expectation_at_most() {
    let all = [Anyone, Nobody, is("a")];
    let distinct = all.iter().filter(|expected| match expected {
        Anyone | Nobody | Expected::Is(_) => true,
    });
    assert_eq!(distinct.count(), 3);
}

struct Machine {
    scene: Scene,
    handle: HandleId,
}

impl Machine {
    /// A machine of a network with an address of each of these that has these owners.
    fn new(network: &str, addresses: &[&str], active: &str, alternate: &str) -> Machine {
        let scene = Scene::of("10.0.0.0/24", 26);
        scene.pool("six", "fd00::/120", 122);
        let handle = vm_handle(network, "shop", "vm1").expect("a handle");
        let machine = Machine { scene, handle };
        for text in addresses {
            let addresses = vec![address(text)];
            let mut request =
                AssignAddresses::workload(node("n1"), machine.handle.clone(), addresses);
            request.attributes = owner(active);
            let hint = Hint::default();
            let granted = machine.scene.allocator.assign_addresses(&request, &hint);
            now(granted).expect("granted");
            let given = machine.change(text, KEEP, (set(alternate), Anyone));
            machine.set(&given).expect("set");
        }
        machine
    }

    fn change(&self, text: &str, active: Change, alternate: Change) -> SetOwners {
        let change = |(edit, expected)| OwnerChange { edit, expected };
        SetOwners {
            address: address(text),
            handle: self.handle.clone(),
            active: change(active),
            alternate: change(alternate),
        }
    }

    fn set(&self, change: &SetOwners) -> Result<(), Refusal> {
        now(self.scene.allocator.set_owners(change)).map_err(refused)
    }

    fn promote(&self, pod: &str) -> Result<(), Refusal> {
        let request = PromoteOwner {
            handle: self.handle.clone(),
            owner: id(pod),
        };
        now(self.scene.allocator.promote_owner(&request)).map_err(refused)
    }

    fn owners(&self, text: &str) -> (Owner, Owner) {
        match self.scene.held(text) {
            Held::By {
                attributes,
                alternate,
                ..
            } => (attributes, alternate),
            other => panic!("{other:?}"),
        }
    }

    #[track_caller]
    fn has(&self, text: &str, active: &str, alternate: &str) {
        assert_eq!(
            self.owners(text),
            (owner(active), owner(alternate)),
            "{text}"
        );
    }
}

const ADDRESS: &str = "10.0.0.5";
const SIX: &str = "fd00::5";

fn changes(before: (&str, &str), active: Change, alternate: Change, after: (&str, &str)) {
    let machine = Machine::new("", &[ADDRESS], before.0, before.1);
    let change = machine.change(ADDRESS, active, alternate);
    machine.set(&change).expect("changed");
    machine.has(ADDRESS, after.0, after.1);
    machine.scene.state();
}

fn refuses(before: (&str, &str), active: Change, alternate: Change) {
    let machine = Machine::new("", &[ADDRESS], before.0, before.1);
    let records = machine.scene.world.records();
    let refusal = machine.set(&machine.change(ADDRESS, active, alternate));
    assert!(
        matches!(refusal, Err(Refusal::OtherOwner { .. })),
        "{refusal:?}"
    );
    assert_eq!(machine.scene.world.records(), records);
}

fn not_changed(text: &str, id: &str, expected: &str) {
    let machine = Machine::new("", &[ADDRESS], "a", "");
    let mut change = machine.change(text, (set("c"), Anyone), KEEP);
    change.handle = handle(id);
    let refusal = machine.set(&change).expect_err("refused");
    assert_eq!(refusal.to_string(), expected);
}

fn migration() {
    let machine = Machine::new("", &[ADDRESS], "", "");
    for (active, alternate, after) in [
        ((set("a"), Anyone), KEEP, ("a", "")),
        (KEEP, (set("b"), Anyone), ("a", "b")),
        ((Clear, Anyone), KEEP, ("", "b")),
        (KEEP, (Clear, Anyone), ("", "")),
    ] {
        let step = machine.change(ADDRESS, active, alternate);
        machine.set(&step).expect("done");
        machine.has(ADDRESS, after.0, after.1);
    }
}

pub(crate) const PROMOTION: &[Row] = &[
    same("VM1", "on all addresses", || {
        let machine = Machine::new("", &[ADDRESS, SIX], "a", "b");
        machine.promote("b").expect("promoted");
        machine.has(ADDRESS, "b", "a");
        machine.has(SIX, "b", "a");
    }),
    same("VM2", "again is nothing", || {
        let machine = Machine::new("", &[ADDRESS], "a", "b");
        machine.promote("b").expect("promoted");
        let records = machine.scene.world.records();
        machine.promote("b").expect("is so already");
        assert_eq!(machine.scene.world.records(), records);
    }),
    same("VM3", "without an alternate one", || {
        let machine = Machine::new("", &[ADDRESS], "a", "");
        let refusal = machine.promote("b");
        assert_eq!(refusal, Err(Refusal::NoAlternateOwner(address(ADDRESS))));
    }),
    same("VM4", "of another pod", || {
        let machine = Machine::new("", &[ADDRESS], "a", "b");
        let refusal = machine.promote("c");
        assert!(
            matches!(refusal, Err(Refusal::OtherOwner { .. })),
            "{refusal:?}"
        );
        machine.has(ADDRESS, "a", "b");
    }),
    same("VM5", "without an address", || {
        let machine = Machine::new("", &[], "a", "b");
        let refusal = machine.promote("b");
        assert_eq!(refusal, Err(Refusal::HoldsNothing(machine.handle)));
    }),
    same("VM6", "when the source is gone already", || {
        let machine = Machine::new("", &[ADDRESS], "", "b");
        machine.promote("b").expect("promoted");
        machine.has(ADDRESS, "b", "");
    }),
    same("VM7", "in a network of another name", || {
        let machine = Machine::new("net1", &[ADDRESS], "a", "b");
        assert_eq!(machine.handle.as_str(), "net1.vmi.shop.vm1");
        machine.promote("b").expect("promoted");
        machine.has(ADDRESS, "b", "a");
    }),
    same("VM8", "one that was half done is resumed", || {
        let machine = Machine::new("", &[ADDRESS, SIX], "a", "b");
        let half = machine.change(SIX, (set("b"), Anyone), (set("a"), Anyone));
        machine.set(&half).expect("as another client left it");
        machine.promote("b").expect("promoted");
        machine.has(ADDRESS, "b", "a");
        machine.has(SIX, "b", "a");
    }),
];
