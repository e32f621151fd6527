//! What concerns single addresses: assigning by address, asking who holds what, owners of virtual machines,
//! addresses that have cooled down.

use block_ipam::allocator::{Allocator, Hint};
use block_ipam::assign::{
    AssignAddresses, Edit, Expected, OwnerChange, OwnerId, PromoteOwner, SetOwners, vm_handle,
};
use block_ipam::blocks::Address;
use block_ipam::ids::{HandleId, NodeName};
use block_ipam::report::Held;
use serde_json::{Value, json};

use crate::load::Transition;
use crate::run::{Stopped, bad, labels, number, purpose, stopped};

/// Does the operation if it is one of these.
pub(crate) async fn perform(
    allocator: &Allocator,
    transition: &Transition,
) -> Option<Result<Value, Stopped>> {
    Some(match transition.kind() {
        "assignIP" => assign(allocator, transition).await,
        "ipsByHandle" => addresses_of(allocator, transition).await,
        "getAttributes" => attributes(allocator, transition).await,
        "setOwnerAttributes" => set_owners(allocator, transition).await,
        "promoteVMOwner" => promote(allocator, transition).await,
        "vmHandle" => machine(transition).map(|id| json!({ "handle": id.as_str() })),
        "collectColdIPs" => {
            let block = transition.text("cidr").parse().expect("a block");
            let done = allocator.collect_cold(block).await;
            done.map(|_| json!({})).map_err(|e| stopped(&e))
        }
        _ => return None,
    })
}

fn address(transition: &Transition) -> Address {
    transition.text("ip").parse().expect("an address")
}

async fn assign(allocator: &Allocator, transition: &Transition) -> Result<Value, Stopped> {
    let operation = &transition.operation;
    let handle = operation["handle"].as_str().map(HandleId::new);
    let word = operation["use"].as_str();
    let request = AssignAddresses {
        addresses: vec![address(transition)],
        handle: handle.transpose().map_err(bad)?,
        interface: None,
        node: NodeName::new(transition.text("host")).map_err(bad)?,
        attributes: labels(&operation["attrs"]),
        purpose: word.map(purpose).transpose()?,
        reserved_slots: None,
        max_per_handle: number(&operation["maxPerHandle"]),
    };
    let done = allocator.assign_addresses(&request, &Hint::default()).await;
    done.map(|_| json!({})).map_err(|e| stopped(&e))
}

async fn addresses_of(allocator: &Allocator, transition: &Transition) -> Result<Value, Stopped> {
    let handle = HandleId::stored(transition.text("handle"));
    let held = allocator.addresses_of(&handle).await;
    let held = held.map_err(|e| stopped(&e))?;
    let held = held.ok_or_else(|| Stopped::Refused("not found".to_owned()))?;
    let addresses: Vec<String> = held.iter().map(|held| held.address.to_string()).collect();
    Ok(json!({ "ips": addresses }))
}

async fn attributes(allocator: &Allocator, transition: &Transition) -> Result<Value, Stopped> {
    let held = allocator.attributes_of(address(transition)).await;
    match held.map_err(|e| stopped(&e))? {
        Held::Free => Err(Stopped::Refused("not found".to_owned())),
        Held::Cooling(_) => Err(Stopped::Refused("in cooldown".to_owned())),
        Held::By {
            handle,
            attributes,
            alternate,
        } => Ok(json!({
            "handle": handle,
            "active": (!attributes.is_empty()).then_some(attributes),
            "alternate": (!alternate.is_empty()).then_some(alternate),
        })),
    }
}

async fn set_owners(allocator: &Allocator, transition: &Transition) -> Result<Value, Stopped> {
    if transition.operation["noUpdates"] == true {
        return Err(bad("nobody can ask for it"));
    }
    let request = SetOwners {
        address: address(transition),
        handle: HandleId::stored(transition.text("handle")),
        active: change(
            transition,
            ["active", "clearActive", "expectActive", "activeEmpty"],
        )?,
        alternate: change(
            transition,
            [
                "alternate",
                "clearAlternate",
                "expectAlternate",
                "alternateEmpty",
            ],
        )?,
    };
    let done = allocator.set_owners(&request).await;
    done.map(|()| json!({})).map_err(|e| stopped(&e))
}

/// Our types cannot say the contradictions that Calico refuses.
fn change(
    transition: &Transition,
    [set, clear, expect, empty]: [&str; 4],
) -> Result<OwnerChange, Stopped> {
    let operation = &transition.operation;
    let expected = &operation[expect];
    let text = |member: &str| expected[member].as_str().expect("text").to_owned();
    Ok(OwnerChange {
        edit: match (operation[set].is_object(), operation[clear] == true) {
            (true, true) => return Err(bad("set and clear")),
            (true, false) => Edit::Set(labels(&operation[set])),
            (false, true) => Edit::Clear,
            (false, false) => Edit::Keep,
        },
        expected: match (expected.is_object(), operation[empty] == true) {
            (true, true) => return Err(bad("somebody and nobody")),
            (true, false) => Expected::Is(OwnerId {
                namespace: text("namespace"),
                pod: text("pod"),
            }),
            (false, true) => Expected::Nobody,
            (false, false) => Expected::Anyone,
        },
    })
}

async fn promote(allocator: &Allocator, transition: &Transition) -> Result<Value, Stopped> {
    let request = PromoteOwner {
        handle: machine(transition)?,
        owner: OwnerId {
            namespace: transition.text("ns").to_owned(),
            pod: transition.text("pod").to_owned(),
        },
    };
    let done = allocator.promote_owner(&request).await;
    done.map(|()| json!({})).map_err(|e| stopped(&e))
}

fn machine(transition: &Transition) -> Result<HandleId, Stopped> {
    let [network, namespace, machine] = ["network", "ns", "vm"].map(|name| transition.text(name));
    vm_handle(network, namespace, machine).map_err(bad)
}
