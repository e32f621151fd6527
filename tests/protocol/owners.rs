//! Calico's own tests of the owners of a virtual machine's address, a row each; where we decide otherwise the row
//! says so. And what no test of Calico looks at: neighbours that share an attribute, promotion, lost replies.

use std::collections::BTreeMap;

use block_ipam::allocator::{Allocator, AllocatorError, Hint};
use block_ipam::assign::{
    AssignAddresses, Edit, Expected, OwnerChange, OwnerId, PromoteOwner, SetOwners, vm_handle,
};
use block_ipam::blocks::Address;
use block_ipam::ids::{HandleId, NodeName};
use block_ipam::refusal::Refusal;
use block_ipam::report::Held;

use crate::state::State;
use crate::world::{Faults, Process, World, now, run};

const ADDRESS: &str = "10.0.0.5";

type Owner = BTreeMap<String, String>;

fn machine() -> HandleId {
    vm_handle("", "shop", "vm1").expect("a handle")
}

fn owner(pod: &str) -> Owner {
    let members = [("namespace", "shop"), ("pod", pod), ("node", "n1")];
    let members = members.map(|(name, value)| (name.to_owned(), value.to_owned()));
    members.into_iter().collect()
}

fn is(pod: &str) -> Expected {
    Expected::Is(OwnerId {
        namespace: "shop".to_owned(),
        pod: pod.to_owned(),
    })
}

fn set(pod: &str) -> Edit {
    Edit::Set(owner(pod))
}

/// An empty name is nobody.
fn named(pod: &str) -> Owner {
    if pod.is_empty() {
        Owner::new()
    } else {
        owner(pod)
    }
}

fn assign(allocator: &Allocator, text: &str, handle: HandleId, attributes: Owner) {
    let node = NodeName::new("n1").expect("a node name");
    let address = text.parse().expect("an address");
    let mut request = AssignAddresses::workload(node, handle, vec![address]);
    request.attributes = attributes;
    now(allocator.assign_addresses(&request, &Hint::default())).expect("granted");
}

/// A machine whose address has these owners.
fn world(active: &str, alternate: &str) -> World {
    let world = World::new(1);
    world.pool("a", "10.0.0.0/24", 26);
    let allocator = world.allocator();
    assign(&allocator, ADDRESS, machine(), named(active));
    let given = change(keep(), (Edit::Set(named(alternate)), Expected::Anyone));
    now(allocator.set_owners(&given)).expect("set");
    world
}

fn keep() -> (Edit, Expected) {
    (Edit::Keep, Expected::Anyone)
}

fn change(active: (Edit, Expected), alternate: (Edit, Expected)) -> SetOwners {
    let change = |(edit, expected)| OwnerChange { edit, expected };
    SetOwners {
        address: ADDRESS.parse().expect("an address"),
        handle: machine(),
        active: change(active),
        alternate: change(alternate),
    }
}

fn owners_of(allocator: &Allocator, text: &str) -> (Owner, Owner) {
    let address: Address = text.parse().expect("an address");
    match now(allocator.attributes_of(address)).expect("an answer") {
        Held::By {
            attributes,
            alternate,
            ..
        } => (attributes, alternate),
        other => panic!("{other:?}"),
    }
}

fn refusal(result: Result<(), AllocatorError>) -> Refusal {
    match result.expect_err("a refusal") {
        AllocatorError::Refused(refusal) => refusal,
        other => panic!("{other}"),
    }
}

/// Calico's own tests of it are rows of `tests/calico`.
#[test]
fn an_expectation_counts_where_something_changes_and_is_not_so_already() {
    use Edit::{Clear, Keep};
    use Expected::{Anyone, Nobody};
    let any = |edit: Edit| (edit, Anyone);
    // What is there, what is asked for, what is there then.
    let rows = [
        (
            "expects of what stays",
            ("a", "b"),
            ((Keep, is("z")), any(Clear)),
            ("a", ""),
        ),
        (
            "otherwise than with Calico, is so already",
            ("a", "b"),
            ((set("a"), Nobody), keep()),
            ("a", "b"),
        ),
    ];
    for (subject, (active, alternate), (first, second), expected) in rows {
        let world = world(active, alternate);
        let allocator = world.allocator();
        let change = change(first, second);
        now(allocator.set_owners(&change)).unwrap_or_else(|error| panic!("{subject}: {error}"));
        let found = owners_of(&allocator, ADDRESS);
        assert_eq!(found, (named(expected.0), named(expected.1)), "{subject}");
        State::of(&world.records()).check();
    }
}

#[test]
fn a_migration_goes_through_its_steps() {
    let world = world("a", "");
    let allocator = world.allocator();
    let steps = [
        (change(keep(), (set("b"), Expected::Nobody)), ("a", "b")),
        (change((Edit::Clear, is("a")), keep()), ("", "b")),
        (change(keep(), (Edit::Clear, is("b"))), ("", "")),
    ];
    for (step, (active, alternate)) in steps {
        now(allocator.set_owners(&step)).expect("done");
        assert_eq!(
            owners_of(&allocator, ADDRESS),
            (named(active), named(alternate))
        );
    }
}

#[test]
fn only_the_holder_of_an_address_has_its_owners_changed() {
    let world = world("a", "");
    let allocator = world.allocator();
    let ask = |text: &str, handle: HandleId| {
        let mut request = change((set("c"), Expected::Anyone), keep());
        request.address = text.parse().expect("an address");
        request.handle = handle;
        refusal(now(allocator.set_owners(&request))).to_string()
    };
    let other = HandleId::new("other").expect("a handle");
    let taken = format!("address {ADDRESS} is held by {}", machine());
    assert_eq!(ask(ADDRESS, other), taken);
    assert_eq!(
        ask("10.0.0.6", machine()),
        "address 10.0.0.6 is not assigned"
    );
    assert_eq!(
        ask("10.9.0.6", machine()),
        "address 10.9.0.6 is not assigned"
    );
}

#[test]
fn a_neighbour_that_shares_the_attribute_keeps_its_owner() {
    let world = world("a", "");
    let allocator = world.allocator();
    assign(&allocator, "10.0.0.6", machine(), owner("a"));
    let block = State::of(&world.records()).blocks["10.0.0.0/26"].clone();
    assert_eq!(block["allocations"][5], block["allocations"][6], "shared");
    let moved = change((set("c"), Expected::Anyone), keep());
    now(allocator.set_owners(&moved)).expect("set");
    assert_eq!(owners_of(&allocator, ADDRESS).0, owner("c"));
    assert_eq!(owners_of(&allocator, "10.0.0.6").0, owner("a"));
    State::of(&world.records()).check();
}

fn promotion(pod: &str) -> PromoteOwner {
    PromoteOwner {
        handle: machine(),
        owner: OwnerId {
            namespace: "shop".to_owned(),
            pod: pod.to_owned(),
        },
    }
}

#[test]
fn a_promotion_swaps_the_owners_of_all_addresses_or_of_none() {
    let world = world("a", "b");
    world.pool("six", "fd00::/120", 122);
    let allocator = world.allocator();
    let mut six = change(keep(), (set("b"), Expected::Nobody));
    six.address = "fd00::5".parse().expect("an address");
    assign(&allocator, "fd00::5", machine(), owner("a"));
    let half = refusal(now(allocator.promote_owner(&promotion("b"))));
    assert!(
        matches!(half, Refusal::NoAlternateOwner(address) if address == six.address),
        "{half}"
    );
    assert_eq!(owners_of(&allocator, ADDRESS), (owner("a"), owner("b")));
    now(allocator.set_owners(&six)).expect("set");
    world.requests();
    for commits in [1, 0] {
        now(allocator.promote_owner(&promotion("b"))).expect("promoted");
        assert_eq!(world.requests().1, commits, "again is nothing");
        for text in [ADDRESS, "fd00::5"] {
            assert_eq!(
                owners_of(&allocator, text),
                (owner("b"), owner("a")),
                "{text}"
            );
        }
        world.requests();
    }
    let other = refusal(now(allocator.promote_owner(&promotion("c")))).to_string();
    assert_eq!(
        other,
        format!("the alternate owner of address {ADDRESS} is shop/a, not shop/c")
    );
    let mut nobody = promotion("b");
    nobody.handle = HandleId::new("other").expect("a handle");
    let nothing = refusal(now(allocator.promote_owner(&nobody))).to_string();
    assert_eq!(nothing, "handle other holds no address");
}

/// Of the same change asked for twice at once neither fails, and none is undone by a late copy of an earlier one.
#[test]
fn changes_of_owners_outlast_lost_replies_and_late_commits() {
    for seed in 0..60 {
        let world = world("a", "b");
        world.network.set_faults(Faults {
            lose_request: 5,
            lose_reply: 20,
            apply_late: 20,
        });
        let promoting: Vec<Process<'_, bool>> = (0..3)
            .map(|_| {
                let allocator = world.allocator();
                Box::pin(async move {
                    let promoted = allocator.promote_owner(&promotion("b")).await.is_ok();
                    let cleared = change(keep(), (Edit::Clear, is("a")));
                    promoted && allocator.set_owners(&cleared).await.is_ok()
                }) as Process<'_, bool>
            })
            .collect();
        let mut step = 0;
        let ended = run(&world.dice, promoting, 0, || {
            step += 1;
            if (step + seed) % 5 == 0 {
                now(world.network.deliver_late());
            }
        });
        now(world.network.deliver_late());
        world.network.set_faults(Faults::default());
        assert_eq!(ended, [Some(true); 3], "seed {seed}");
        let found = owners_of(&world.allocator(), ADDRESS);
        assert_eq!(found, (owner("b"), Owner::new()), "seed {seed}");
    }
}
