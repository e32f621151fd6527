//! Every operation of the library, with blocks of every size, on a store that takes only what Calico's encoder could have
//! written. The test counts what was written, so that an operation that does nothing is noticed.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use block_ipam::datastore::Memory;
use block_ipam_testing::ops::Interpreter;
use block_ipam_testing::schema::{self, Strict};
use block_ipam_testing::world::{Dice, now};
use serde_json::{Value, json};

/// A pool of 64 blocks.
#[derive(Debug, Clone, Copy)]
struct Pool {
    is_v4: bool,
    /// Prefix length of its blocks.
    length: u32,
}

impl Pool {
    fn every() -> impl Iterator<Item = Pool> {
        let v4 = (20..=32).map(|length| Pool {
            is_v4: true,
            length,
        });
        let v6 = (116..=128).map(|length| Pool {
            is_v4: false,
            length,
        });
        v4.chain(v6)
    }

    const fn bits(self) -> u32 {
        if self.is_v4 { 32 } else { 128 }
    }

    /// Addresses in a block.
    const fn size(self) -> u32 {
        1 << (self.bits() - self.length)
    }

    /// The address at a place in a block.
    fn address(self, block: u32, place: u32) -> String {
        let offset = block * self.size() + place;
        if self.is_v4 {
            Ipv4Addr::from_bits((10 << 24) + offset).to_string()
        } else {
            Ipv6Addr::from_bits((0xfd00 << 112) + u128::from(offset)).to_string()
        }
    }

    fn block(self, block: u32) -> String {
        format!("{}/{}", self.address(block, 0), self.length)
    }

    fn cidr(self) -> String {
        format!("{}/{}", self.address(0, 0), self.length - 6)
    }

    /// What wants so many addresses of this family.
    fn want(self, count: u32) -> Value {
        match self.is_v4 {
            true => json!({ "num4": count }),
            false => json!({ "num6": count }),
        }
    }
}

/// Lays members over those of an operation.
fn with(mut operation: Value, more: Value) -> Value {
    let (Value::Object(members), Value::Object(more)) = (&mut operation, more) else {
        panic!("operations are objects");
    };
    members.extend(more);
    operation
}

fn assign(pool: Pool, host: &str, handle: &str, count: u32) -> Value {
    let attributes = json!({"node": host, "pod": "<a&b>", "namespace": "shop"});
    let operation = json!({
        "type": "autoAssign", "host": host, "use": "Workload", "handle": handle, "attrs": attributes
    });
    with(operation, pool.want(count))
}

fn slots(pool: Pool) -> Value {
    let slots = json!({"start": 3, "end": 1, "handle": "windows-reserved-ipam-handle", "note": "windows host rsvd"});
    match pool.is_v4 {
        true => json!({ "reserved4": slots }),
        false => json!({ "reserved6": slots }),
    }
}

fn put_config(cooldown: u32) -> Value {
    json!({"type": "setIPAMConfig", "config": {
        "strictAffinity": false, "autoAllocateBlocks": true, "maxBlocksPerHost": 0,
        "ipCooldownSeconds": cooldown, "kubeVirtVMAddressPersistence": "Enabled"
    }})
}

/// What operators write.
fn setting_up(pool: Pool) -> Vec<Value> {
    vec![
        json!({"type": "createNode", "name": "n1", "labels": {"rack": "r1"}}),
        json!({"type": "createNode", "name": "n2"}),
        json!({"type": "createPool", "name": "p", "spec": {"cidr": pool.cidr(), "blockSize": pool.length}}),
        json!({"type": "updatePool", "name": "p", "spec": {"natOutgoing": true, "nodeSelector": "!has(nothing)"}}),
        json!({"type": "createReservation", "name": "r", "spec": {"reservedCIDRs": [pool.block(7)]}}),
        put_config(0),
    ]
}

/// Workloads that come and go, by every way there is.
fn working(pool: Pool) -> Vec<Value> {
    let first = pool.address(6, 0);
    let owner = json!({"namespace": "shop", "pod": "b", "node": "n2"});
    vec![
        json!({"type": "assignIP", "ip": first, "host": "n2", "handle": "net.vmi.shop.vm", "attrs": {"node": "n2", "pod": "a", "namespace": "shop"}}),
        json!({"type": "setOwnerAttributes", "ip": first, "handle": "net.vmi.shop.vm", "alternate": owner}),
        json!({"type": "promoteVMOwner", "network": "net", "ns": "shop", "vm": "vm", "pod": "b"}),
        json!({"type": "setOwnerAttributes", "ip": first, "handle": "net.vmi.shop.vm", "clearAlternate": true}),
        assign(pool, "n1", "net.a", 1),
        assign(pool, "n1", "net.b", 2),
        with(assign(pool, "n2", "net.c", 1), json!({ "maxPerHandle": 1 })),
        json!({"type": "releaseByHandle", "handle": "net.b"}),
        put_config(30),
        json!({"type": "releaseByHandle", "handle": "net.a"}),
        json!({"type": "collectColdIPs", "cidr": pool.block(6)}),
        json!({"type": "releaseIPs", "addresses": [{"ip": first}]}),
        put_config(0),
        with(
            assign(pool, "n1", "net.later", 1),
            json!({"now": "2026-03-02T10:00:00Z"}),
        ),
    ]
}

/// Blocks that are claimed and given up, by every way there is.
fn claiming(pool: Pool) -> Vec<Value> {
    let mut operations = vec![
        json!({"type": "claimAffinity", "cidr": pool.block(5), "host": "n1"}),
        json!({"type": "releaseAffinity", "cidr": pool.block(5), "host": "n1", "mustBeEmpty": true}),
        json!({"type": "claimAffinity", "cidr": pool.block(5), "host": "n2"}),
        json!({"type": "releaseBlockAffinity", "cidr": pool.block(5), "mustBeEmpty": true}),
        json!({"type": "claimAffinity", "cidr": pool.block(4), "host": "load-balancer", "affinityType": "virtual"}),
        json!({"type": "releaseHostAffinities", "host": "load-balancer", "affinityType": "virtual", "mustBeEmpty": false}),
    ];
    if 4 < pool.size() {
        operations.push(with(
            json!({"type": "ensureBlock", "host": "n3"}),
            slots(pool),
        ));
    }
    operations.extend([
        json!({"type": "releaseHostAffinities", "host": "n2", "affinityType": "host", "mustBeEmpty": false}),
        json!({"type": "removeIPAMHost", "host": "n1"}),
        json!({"type": "deleteNode", "name": "n2"}),
        json!({"type": "deleteReservation", "name": "r"}),
        json!({"type": "releasePoolAffinities", "cidr": pool.cidr()}),
    ]);
    operations
}

/// Runs operations, each of which must succeed, and returns how many records of each kind they changed.
fn run(pool: Pool) -> BTreeMap<&'static str, usize> {
    let memory = Arc::new(Memory::new(1));
    let strict = Strict::new(Arc::clone(&memory) as _);
    let interpreter = Interpreter::new(
        Arc::new(strict),
        Arc::new(Dice::new(u64::from(pool.length))),
    );
    let mut written = BTreeMap::new();
    let operations = [setting_up(pool), working(pool), claiming(pool)].concat();
    for (second, operation) in operations.into_iter().enumerate() {
        let before: BTreeMap<_, _> = memory
            .entries()
            .into_iter()
            .map(|entry| (entry.key, entry.modified))
            .collect();
        let at = json!({"now": format!("2026-03-02T09:00:{second:02}Z")});
        let answer = now(interpreter.answer(with(at, operation.clone())));
        assert!(
            answer.get("error").is_none(),
            "{pool:?}: {operation} => {answer}"
        );
        for entry in memory.entries() {
            if before.get(&entry.key) != Some(&entry.modified) {
                let kind = schema::kind_of(&entry.key).unwrap_or("ours");
                *written.entry(kind).or_default() += 1;
            }
        }
    }
    written
}

#[test]
fn every_operation_writes_what_calico_could_have_written() {
    let kinds = [
        "affinity",
        "block",
        "config",
        "handle",
        "node",
        "pool",
        "reservation",
    ];
    for pool in Pool::every() {
        let written = run(pool);
        for kind in kinds {
            assert!(
                written.contains_key(kind),
                "{pool:?} wrote no {kind}: {written:?}"
            );
        }
        assert!(10 <= written["block"], "{pool:?}: {written:?}");
    }
}
