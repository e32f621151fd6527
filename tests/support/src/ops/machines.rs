//! Owners of the addresses of virtual machines.

use std::collections::BTreeMap;

use block_ipam::assign::{
    Edit, Expected, OwnerChange, OwnerId, PromoteOwner, SetOwners, vm_handle,
};
use block_ipam::ids::HandleId;
use serde::Deserialize;
use serde_json::json;

use crate::ops::failure::Failure;
use crate::ops::operation::{Answer, Operation, World, address, stored_handle};

type Attributes = BTreeMap<String, String>;

/// Changes the active or the alternate owner of an address.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
#[derive(Default)]
#[expect(clippy::struct_excessive_bools, reason = "Calico's members are these")]
pub(super) struct SetOwnerAttributes {
    ip: String,
    handle: String,
    active: Option<Attributes>,
    alternate: Option<Attributes>,
    clear_active: bool,
    clear_alternate: bool,
    no_updates: bool,
    expect_active: Option<Somebody>,
    expect_alternate: Option<Somebody>,
    active_empty: bool,
    alternate_empty: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Somebody {
    #[serde(default)]
    namespace: String,
    #[serde(default)]
    pod: String,
}

impl Operation for SetOwnerAttributes {
    async fn perform(self, world: &World) -> Answer {
        if self.no_updates {
            return Err(Failure::bad_request("no change is asked for"));
        }
        let request = SetOwners {
            address: address(&self.ip)?,
            handle: stored_handle(&self.handle)?,
            active: OwnerChange {
                edit: edit(self.active, self.clear_active)?,
                expected: expected(self.expect_active, self.active_empty)?,
            },
            alternate: OwnerChange {
                edit: edit(self.alternate, self.clear_alternate)?,
                expected: expected(self.expect_alternate, self.alternate_empty)?,
            },
        };
        let done = world.allocator.set_owners(&request).await;
        done.map_err(|error| Failure::from(error).where_kind("already exists", "other"))?;
        Ok(json!({}))
    }
}

fn edit(set: Option<Attributes>, clear: bool) -> Result<Edit, Failure> {
    match (set, clear) {
        (Some(_), true) => Err(Failure::bad_request(
            "an owner is either set or cleared, not both",
        )),
        (Some(attributes), false) => Ok(Edit::Set(attributes)),
        (None, true) => Ok(Edit::Clear),
        (None, false) => Ok(Edit::Keep),
    }
}

fn expected(somebody: Option<Somebody>, nobody: bool) -> Result<Expected, Failure> {
    match (somebody, nobody) {
        (Some(_), true) => Err(Failure::bad_request(
            "an owner is either expected or expected to be nobody, not both",
        )),
        (Some(Somebody { namespace, pod }), false) => Ok(Expected::Is(OwnerId { namespace, pod })),
        (None, true) => Ok(Expected::Nobody),
        (None, false) => Ok(Expected::Anyone),
    }
}

/// Tells the handle of a virtual machine.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct VmHandle {
    #[serde(default)]
    network: String,
    ns: String,
    vm: String,
}

impl VmHandle {
    fn id(&self) -> Result<HandleId, Failure> {
        vm_handle(&self.network, &self.ns, &self.vm).map_err(Failure::bad_request)
    }
}

impl Operation for VmHandle {
    async fn perform(self, _: &World) -> Answer {
        Ok(json!({ "handle": self.id()?.as_str() }))
    }
}

/// Makes the alternate owner the active one.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PromoteVmOwner {
    #[serde(default)]
    network: String,
    ns: String,
    vm: String,
    pod: String,
}

impl Operation for PromoteVmOwner {
    async fn perform(self, world: &World) -> Answer {
        let machine = VmHandle {
            network: self.network,
            ns: self.ns.clone(),
            vm: self.vm,
        };
        let request = PromoteOwner {
            handle: machine.id()?,
            owner: OwnerId {
                namespace: self.ns,
                pod: self.pod,
            },
        };
        let done = world.allocator.promote_owner(&request).await;
        done.map_err(|error| {
            Failure::from(error).where_kind("update conflict", "alternate owner mismatch")
        })?;
        Ok(json!({}))
    }
}
