//! Where we differ from Calico on purpose, by recorded file, with the reason; and what we cannot do yet.
//!
//! `looks` is the whole difference, so that another one in the same file is noticed. It is empty until the operation
//! exists.

use std::collections::BTreeMap;

use expect_test::{Expect, expect};

/// Operations of Calico that we do not have, with the number of recorded files that wait for them.
pub(crate) const NOT_YET: [(&str, usize); 1] = [("upgradeHost", 1)];

/// A deliberate difference.
pub(crate) struct Difference {
    pub(crate) why: &'static str,
    pub(crate) looks: Expect,
}

const REPEATED: &str =
    "a request repeated with the same handle is answered with what it holds; Calico takes one more";
const REPEATED_ADDRESS: &str = "an address that the handle holds already is granted again; Calico does so only where \
    the handle has a cap";
const COUNTS: &str = "a handle counts what was taken; Calico counts what was wanted";
const IN_PLACE: &str = "an empty block is reclaimed in place and keeps its queue, so that the address freed last is \
    given out last; Calico deletes it and makes a new one";
const OWNERLESS: &str = "an ownerless empty block is reclaimed; Calico can never claim it again";
const DESELECTED: &str = "an empty block in a pool that no longer selects its node is given up by collection, not on \
    the way of a request";
const OLD_SIZE: &str = "an affinity or a block whose size is not its pool's is never granted from; Calico lays the \
    block over those of the new size and gives one address out twice";
const KEPT: &str = "members that we do not know survive our write; Calico drops them";
const EMPTY_HANDLE: &str = "an empty handle is refused before anything is read; Calico tries until it believes to be \
    at its block limit, and claims a block for nothing";
const SMALL_BLOCKS: &str = "a pool whose blocks are too small for the slots of a Windows node serves none; Calico \
    claims useless blocks of it";
const COOLING: &str = "an address that cools carries the number of its release, so that a release decided before it \
    is refused; Calico sees to that where it releases by address only";
const MARKED: &str = "what is assigned without a handle carries a mark of its request, by which a repeated try finds it; \
    Calico's takes one more";
const ORPHAN: &str = "an affinity whose block is gone is dropped when it is given up; Calico leaves it, and makes the \
    block anew from it";
const CRASH: &str = "Calico's process crashes";

/// Returns the table, by file name.
pub(crate) fn known() -> BTreeMap<&'static str, Difference> {
    let table = [
        (
            "auto-block-limit-config",
            COUNTS,
            expect![[r#"
            handle/net.l count 10.73.0.12/30: 4; Calico 5
            handle/net.l count 10.73.0.8/30: 4; Calico 9"#]],
        ),
        (
            "auto-block-limit-default",
            COUNTS,
            expect![[r#"
                handle/net.n count 10.73.1.1/32: 1; Calico 22
                handle/net.n count 10.73.1.10/32: 1; Calico 10
                handle/net.n count 10.73.1.11/32: 1; Calico 25
                handle/net.n count 10.73.1.12/32: 1; Calico 15
                handle/net.n count 10.73.1.13/32: 1; Calico 13
                handle/net.n count 10.73.1.14/32: 1; Calico 8
                handle/net.n count 10.73.1.15/32: 1; Calico 7
                handle/net.n count 10.73.1.17/32: 1; Calico 9
                handle/net.n count 10.73.1.18/32: 1; Calico 6
                handle/net.n count 10.73.1.19/32: 1; Calico 23
                handle/net.n count 10.73.1.2/32: 1; Calico 19
                handle/net.n count 10.73.1.20/32: 1; Calico 16
                handle/net.n count 10.73.1.22/32: 1; Calico 12
                handle/net.n count 10.73.1.23/32: 1; Calico 24
                handle/net.n count 10.73.1.24/32: 1; Calico 14
                handle/net.n count 10.73.1.27/32: 1; Calico 20
                handle/net.n count 10.73.1.6/32: 1; Calico 18
                handle/net.n count 10.73.1.7/32: 1; Calico 17
                handle/net.n count 10.73.1.8/32: 1; Calico 21
                handle/net.n count 10.73.1.9/32: 1; Calico 11"#]],
        ),
        (
            "auto-block-limit-request",
            COUNTS,
            expect!["handle/net.m count 10.73.0.4/30: 4; Calico 5"],
        ),
        (
            "auto-own-blocks-outside-pool",
            COUNTS,
            expect![[r#"
            handle/z count 10.111.0.0/30: 4; Calico 9
            handle/z count 10.111.0.4/30: 4; Calico 5"#]],
        ),
        (
            "auto-reserved-exhausted",
            COUNTS,
            expect!["handle/net.r2 count 10.76.0.0/29: 3; Calico 6"],
        ),
        (
            "auto-windows-full",
            COUNTS,
            expect!["handle/net.w2 count 10.77.0.0/29: 3; Calico 10"],
        ),
        (
            "cooldown-auto",
            COUNTS,
            expect!["handle/net.k4 count 10.80.0.0/30: 1; Calico 2"],
        ),
        (
            "auto-warm-same-handle-other-attrs",
            REPEATED,
            expect![[r#"
            answers {"short":null,"v4":["10.70.0.1/32"],"v6":[]}; Calico {"short":null,"v4":["10.70.0.2/28"],"v6":[]}
            assignment/ipv4/block/10.70.0.0-28 entry 02: nothing; Calico "1 before the block"
            assignment/ipv4/block/10.70.0.0-28 queue: "[2,3,4,5,6,7,8,9,10,11,12,13,14,15]"; Calico "[3,4,5,6,7,8,9,10,11,12,13,14,15]"
            assignment/ipv4/block/10.70.0.0-28 slot 02: "free"; Calico {"handle_id":"net.c2","secondary":{"namespace":"shop","node":"n1","pod":"web-2b","timestamp":"2026-11-21 08:00:00.5 +0000 UTC"}}
            assignment/ipv4/block/10.70.0.0-28 sequence number: 1795250255383584478 after Some(1795250255383584478); Calico 1795250255383584479
            handle/net.c2 count 10.70.0.0/28: 1; Calico 2"#]],
        ),
        (
            "auto-warm-same-handle-same-attrs",
            REPEATED,
            expect![[r#"
            answers {"short":null,"v4":["10.70.0.1/32"],"v6":[]}; Calico {"short":null,"v4":["10.70.0.3/28"],"v6":[]}
            assignment/ipv4/block/10.70.0.0-28 entry 03: nothing; Calico "1 before the block"
            assignment/ipv4/block/10.70.0.0-28 queue: "[3,4,5,6,7,8,9,10,11,12,13,14,15]"; Calico "[4,5,6,7,8,9,10,11,12,13,14,15]"
            assignment/ipv4/block/10.70.0.0-28 slot 03: "free"; Calico {"handle_id":"net.c2","secondary":{"namespace":"shop","node":"n1","pod":"web-2","timestamp":"2026-11-21 08:00:00.5 +0000 UTC"}}
            assignment/ipv4/block/10.70.0.0-28 sequence number: 1795250255383584479 after Some(1795250255383584479); Calico 1795250255383584480
            handle/net.c2 count 10.70.0.0/28: 2; Calico 3"#]],
        ),
        (
            "block-entry-without-handle-auto",
            "an address that the block gives to the handle is answered with, and the missing handle is written; \
             Calico takes a second one",
            expect![[r#"
                answers {"short":null,"v4":["10.85.0.1/32"],"v6":[]}; Calico {"short":null,"v4":["10.85.0.2/30"],"v6":[]}
                assignment/ipv4/block/10.85.0.0-30 entry 02: nothing; Calico "1 before the block"
                assignment/ipv4/block/10.85.0.0-30 queue: "[2,3]"; Calico "[3]"
                assignment/ipv4/block/10.85.0.0-30 slot 02: "free"; Calico {"handle_id":"net.h3","secondary":{"node":"n1"}}
                assignment/ipv4/block/10.85.0.0-30 sequence number: 1795250261014286385 after Some(1795250261014286385); Calico 1795250261014286386"#]],
        ),
        (
            "auto-cap-second",
            REPEATED,
            expect![[r#"
            answers {"short":null,"v4":["10.78.0.40/32"],"v6":[]}; Calico {"short":null,"v4":["10.78.0.32/28"],"v6":[]}
            assignment/ipv4/block/10.78.0.32-28 entry 00: nothing; Calico "1 before the block"
            assignment/ipv4/block/10.78.0.32-28 queue: "[0,2,3,4,6,7,10,11,12,13,14,15]"; Calico "[2,3,4,6,7,10,11,12,13,14,15]"
            assignment/ipv4/block/10.78.0.32-28 slot 00: "free"; Calico {"handle_id":"net.i2","secondary":{"namespace":"shop","node":"n1","pod":"i-2","timestamp":"2026-11-21 08:00:00.5 +0000 UTC"}}
            assignment/ipv4/block/10.78.0.32-28 sequence number: 1795250256357033058 after Some(1795250256357033058); Calico 1795250256357033059
            handle/net.i2 count 10.78.0.32/28: 1; Calico 2"#]],
        ),
        (
            "auto-pool-requested-v4-in-v6",
            "what was taken is answered; Calico takes the IPv4 address and does not tell",
            expect![[
                r#"answers {"short":"bad pool","v4":["10.74.1.2/28"],"v6":[]}; Calico {"short":"bad pool","v4":[],"v6":[]}"#
            ]],
        ),
        (
            "auto-v4-none-v6-ok",
            "each family is judged for itself where a shortage is accepted; Calico does not try IPv6 after IPv4 failed",
            expect![[r#"
                answers {"short":"no pool admits it","v4":[],"v6":["fd00:74::/124"]}; Calico {"short":"no pool admits it","v4":[],"v6":[]}
                assignment/ipv6/block/fd00:74::-124: Calico does not have it
                handle/net.p8: Calico does not have it
                host/n2/ipv6/block/fd00:74::-124: Calico does not have it"#]],
        ),
        (
            "block-without-affinity-auto",
            "an own block without affinity is found where nothing else can be claimed, and by repair; Calico lists \
             all blocks at each claim",
            expect![[r#"
                answers {"short":null,"v4":["10.85.0.0/30"],"v6":[]}; Calico {"short":null,"v4":["10.85.0.5/30"],"v6":[]}
                assignment/ipv4/block/10.85.0.4-30 entry 01: nothing; Calico "1 before the block"
                assignment/ipv4/block/10.85.0.4-30 queue: "[1,2,3]"; Calico "[2,3]"
                assignment/ipv4/block/10.85.0.4-30 slot 01: "free"; Calico {"handle_id":"net.i2","secondary":{"node":"n1"}}
                assignment/ipv4/block/10.85.0.4-30 sequence number: 1795250261109883936 after Some(1795250261109883936); Calico 1795250261109883938
                handle/net.i2 count 10.85.0.0/30: 1; Calico nothing
                handle/net.i2 count 10.85.0.4/30: nothing; Calico 1
                host/n1/ipv4/block/10.85.0.4-30: we do not have it
                assignment/ipv4/block/10.85.0.0-30: Calico does not have it
                host/n1/ipv4/block/10.85.0.0-30: Calico does not have it"#]],
        ),
        (
            "cooldown-ownerless-last",
            COOLING,
            expect![[
                r#"assignment/ipv4/block/10.80.0.0-30 entry 03: "1 before the block"; Calico 1795250260363860174"#
            ]],
        ),
        (
            "cooldown-release-by-handle",
            COOLING,
            expect![[r#"
            assignment/ipv4/block/10.80.0.0-30 entry 00: "1 before the block"; Calico 1795250260363860170
            assignment/ipv4/block/10.80.0.0-30 entry 01: "1 before the block"; Calico 1795250260363860170"#]],
        ),
        (
            "release-mixed-one-bad",
            "each address is judged for itself; Calico refuses all of the block",
            expect![[r#"
                assignment/ipv4/block/10.79.0.0-28 entry 00: nothing; Calico 1795250260298455389
                assignment/ipv4/block/10.79.0.0-28 queue: "[5,6,7,8,9,10,11,12,13,14,15,2,0]"; Calico "[5,6,7,8,9,10,11,12,13,14,15,2]"
                assignment/ipv4/block/10.79.0.0-28 slot 00: "free"; Calico {"handle_id":"net.r1","secondary":{"namespace":"shop","node":"n1","pod":"r-1","timestamp":"2026-11-21 08:00:00.5 +0000 UTC"}}
                assignment/ipv4/block/10.79.0.0-28 sequence number: 1795250260298455394 after Some(1795250260298455393); Calico 1795250260298455393
                handle/net.r1 count 10.79.0.0/28: 1; Calico 2"#]],
        ),
        (
            "auto-partial-overcount",
            COUNTS,
            expect!["handle/net.six count 10.71.0.4/30: 4; Calico 6"],
        ),
        (
            "handle-too-low-release",
            "a count that is too low goes to nothing and the record with it; Calico leaves the record for ever",
            expect!["handle/net.h3: we do not have it"],
        ),
        (
            "reclaim-old",
            IN_PLACE,
            expect![[r#"
            answers {"short":null,"v4":["10.83.0.1/30"],"v6":[]}; Calico {"short":null,"v4":["10.83.0.0/30"],"v6":[]}
            assignment/ipv4/block/10.83.0.0-30 entry 00: nothing; Calico "1 before the block"
            assignment/ipv4/block/10.83.0.0-30 entry 01: "1 before the block"; Calico nothing
            assignment/ipv4/block/10.83.0.0-30 queue: "[2,3,0]"; Calico "[1,2,3]"
            assignment/ipv4/block/10.83.0.0-30 slot 00: "free"; Calico {"handle_id":"net.t2","secondary":{"namespace":"shop","node":"n2","pod":"t2","timestamp":"2026-11-21 08:00:00.5 +0000 UTC"}}
            assignment/ipv4/block/10.83.0.0-30 slot 01: {"handle_id":"net.t2","secondary":{"namespace":"shop","node":"n2","pod":"t2","timestamp":"2026-11-21 08:00:00.5 +0000 UTC"}}; Calico "free""#]],
        ),
        (
            "reclaim-no-claim-time",
            IN_PLACE,
            expect![[r#"
            answers {"short":null,"v4":["10.83.0.1/30"],"v6":[]}; Calico {"short":null,"v4":["10.83.0.0/30"],"v6":[]}
            assignment/ipv4/block/10.83.0.0-30 entry 00: nothing; Calico "1 before the block"
            assignment/ipv4/block/10.83.0.0-30 entry 01: "1 before the block"; Calico nothing
            assignment/ipv4/block/10.83.0.0-30 queue: "[2,3,0]"; Calico "[1,2,3]"
            assignment/ipv4/block/10.83.0.0-30 slot 00: "free"; Calico {"handle_id":"net.t3","secondary":{"namespace":"shop","node":"n1","pod":"t3","timestamp":"2026-11-21 08:00:00.5 +0000 UTC"}}
            assignment/ipv4/block/10.83.0.0-30 slot 01: {"handle_id":"net.t3","secondary":{"namespace":"shop","node":"n1","pod":"t3","timestamp":"2026-11-21 08:00:00.5 +0000 UTC"}}; Calico "free""#]],
        ),
        (
            "auto-ownerless-empty",
            OWNERLESS,
            expect![[r#"
            assignment/ipv4/block/10.80.0.0-30 affinity: "host:n1"; Calico nothing
            assignment/ipv4/block/10.80.0.0-30 claimed: "now"; Calico nothing
            host/n1/ipv4/block/10.80.0.0-30: Calico does not have it"#]],
        ),
        (
            "strict-ownerless-empty",
            OWNERLESS,
            expect![[r#"
            answers {"short":null,"v4":["10.116.0.1/30"],"v6":[]}; Calico {"short":"exhausted","v4":[],"v6":[]}
            assignment/ipv4/block/10.116.0.0-30 affinity: "host:n1"; Calico nothing
            assignment/ipv4/block/10.116.0.0-30 claimed: "now"; Calico nothing
            assignment/ipv4/block/10.116.0.0-30 entry 01: "1 before the block"; Calico nothing
            assignment/ipv4/block/10.116.0.0-30 queue: "[2,3,0]"; Calico "[1,2,3,0]"
            assignment/ipv4/block/10.116.0.0-30 slot 01: {"handle_id":"b","secondary":{"node":"n1"}}; Calico "free"
            assignment/ipv4/block/10.116.0.0-30 sequence number: 1795250264068659244 after Some(1795250264068659243); Calico 1795250264068659243
            handle/b: Calico does not have it
            host/n1/ipv4/block/10.116.0.0-30: Calico does not have it"#]],
        ),
        (
            "stale-affinity-auto",
            "an affinity whose block is another's or nobody's is dropped by repair, not on the way of a request",
            expect!["host/n1/ipv4/block/10.85.0.0-30: Calico does not have it"],
        ),
        (
            "auto-deselected-empty",
            DESELECTED,
            expect![[r#"
            assignment/ipv4/block/10.82.0.4-30: Calico does not have it
            host/n1/ipv4/block/10.82.0.4-30: Calico does not have it"#]],
        ),
        (
            "release-deselected-last",
            DESELECTED,
            expect![[r#"
            assignment/ipv4/block/10.82.0.4-30: Calico does not have it
            host/n1/ipv4/block/10.82.0.4-30: Calico does not have it"#]],
        ),
        (
            "old-size-affinity-recreated",
            OLD_SIZE,
            expect![[r#"
            answers {"short":null,"v4":["10.117.0.8/29"],"v6":[]}; Calico {"short":null,"v4":["10.117.0.0/30"],"v6":[]}
            assignment/ipv4/block/10.117.0.0-30: we do not have it
            handle/y count 10.117.0.0/30: nothing; Calico 1
            handle/y count 10.117.0.8/29: 1; Calico nothing
            assignment/ipv4/block/10.117.0.8-29: Calico does not have it
            host/n1/ipv4/block/10.117.0.8-29: Calico does not have it"#]],
        ),
        (
            "old-size-affinity-double",
            OLD_SIZE,
            expect![[r#"
            answers {"short":null,"v4":["10.117.0.8/29"],"v6":[]}; Calico {"short":null,"v4":["10.117.0.1/30"],"v6":[]}
            assignment/ipv4/block/10.117.0.0-30 entry 01: nothing; Calico "1 before the block"
            assignment/ipv4/block/10.117.0.0-30 queue: "[1,2,3]"; Calico "[2,3]"
            assignment/ipv4/block/10.117.0.0-30 slot 01: "free"; Calico {"handle_id":"z","secondary":{"node":"n1"}}
            assignment/ipv4/block/10.117.0.0-30 sequence number: 1795250264620553524 after Some(1795250264620553524); Calico 1795250264620553525
            handle/z count 10.117.0.0/30: nothing; Calico 1
            handle/z count 10.117.0.8/29: 1; Calico nothing
            assignment/ipv4/block/10.117.0.8-29: Calico does not have it
            host/n1/ipv4/block/10.117.0.8-29: Calico does not have it"#]],
        ),
        (
            "unknown-members-lost",
            KEPT,
            expect![[r#"
            assignment/ipv4/block/10.86.0.0-30 slot 00: {"extra":"x","handle_id":"net.z"}; Calico {"handle_id":"net.z"}
            assignment/ipv4/block/10.86.0.0-30 vendor: {"a":1}; Calico nothing"#]],
        ),
        (
            "legacy-auto",
            KEPT,
            expect!["assignment/ipv4/block/10.86.0.0-30 strictAffinity: false; Calico nothing"],
        ),
        (
            "auto-empty-handle",
            EMPTY_HANDLE,
            expect![[
                r#"answers {"short":"bad request","v4":[],"v6":[]}; Calico {"short":"block limit","v4":[],"v6":[]}"#
            ]],
        ),
        (
            "auto-empty-handle-cold",
            EMPTY_HANDLE,
            expect![[r#"
                answers {"short":"bad request","v4":[],"v6":[]}; Calico {"short":"block limit","v4":[],"v6":[]}
                assignment/ipv4/block/10.28.1.224-28: we do not have it
                host/n1/ipv4/block/10.28.1.224-28: we do not have it"#]],
        ),
        (
            "assign-empty-handle",
            EMPTY_HANDLE,
            expect![[r#"
            assignment/ipv4/block/10.28.1.192-28: we do not have it
            host/n1/ipv4/block/10.28.1.192-28: we do not have it"#]],
        ),
        (
            "auto-cap-not-enough",
            "what the handle holds counts towards what it wants; Calico claims a block for nothing and reports its \
             block limit",
            expect![[r#"
                answers {"short":null,"v4":["10.78.0.32/28","10.78.0.34/28"],"v6":[]}; Calico {"short":"block limit","v4":[],"v6":[]}
                assignment/ipv4/block/10.78.0.224-28: we do not have it
                assignment/ipv4/block/10.78.0.32-28 entry 02: "1 before the block"; Calico nothing
                assignment/ipv4/block/10.78.0.32-28 queue: "[3,4,6,7,10,11,12,13,14,15,8]"; Calico "[2,3,4,6,7,10,11,12,13,14,15,8]"
                assignment/ipv4/block/10.78.0.32-28 slot 02: {"handle_id":"net.i2","secondary":{"namespace":"shop","node":"n1","pod":"i-2","timestamp":"2026-11-21 08:00:00.5 +0000 UTC"}}; Calico "free"
                assignment/ipv4/block/10.78.0.32-28 sequence number: 1795250256357033061 after Some(1795250256357033060); Calico 1795250256357033060
                handle/net.i2 count 10.78.0.32/28: 2; Calico 1
                host/n1/ipv4/block/10.78.0.224-28: we do not have it"#]],
        ),
        (
            "auto-windows-small-pool-first",
            SMALL_BLOCKS,
            expect![[r#"
                answers {"short":null,"v4":["10.113.1.3/28"],"v6":[]}; Calico {"short":"exhausted","v4":[],"v6":[]}
                assignment/ipv4/block/10.113.0.4-30: we do not have it
                host/n1/ipv4/block/10.113.0.4-30: we do not have it
                assignment/ipv4/block/10.113.1.0-28: Calico does not have it
                handle/net.w: Calico does not have it
                host/n1/ipv4/block/10.113.1.0-28: Calico does not have it"#]],
        ),
        (
            "auto-windows-small-pool-again",
            SMALL_BLOCKS,
            expect![[r#"
            answers {"short":null,"v4":["10.113.1.3/28"],"v6":[]}; Calico {"short":"exhausted","v4":[],"v6":[]}
            assignment/ipv4/block/10.113.0.0-30: we do not have it
            host/n1/ipv4/block/10.113.0.0-30: we do not have it
            assignment/ipv4/block/10.113.1.0-28: Calico does not have it
            handle/net.w: Calico does not have it
            host/n1/ipv4/block/10.113.1.0-28: Calico does not have it"#]],
        ),
        (
            "utilization-minimal-pool",
            CRASH,
            expect![[
                r#"answers {"pools":[{"available":0,"blocks":[{"available":0,"capacity":4,"cidr":"10.114.0.0/30","inUse":1,"reserved":3}],"capacity":4,"cidr":"10.114.0.0/30","inUse":1,"name":"p","reserved":3},{"available":63,"blocks":[{"available":63,"capacity":64,"cidr":"10.115.0.0/26","inUse":1,"reserved":0}],"capacity":64,"cidr":"10.115.0.0/26","inUse":1,"name":"min","reserved":0},{"available":0,"blocks":[],"capacity":0,"cidr":"0.0.0.0/0","inUse":0,"name":"orphaned allocation blocks","reserved":0}]}; Calico crash: invalid CIDR address: nonsense"#
            ]],
        ),
        (
            "vm-handle-long",
            CRASH,
            expect![[
                r#"answers {"handle":"net1.vmi._tkY7W48rZJ4kUJXVRWe1D4EmTiabAgQb6p4ckFeddVY"}; Calico crash: runtime error: slice bounds out of range [:118] with length 43"#
            ]],
        ),
        (
            "assign-no-handle",
            MARKED,
            expect![[
                r#"assignment/ipv4/block/10.78.0.32-28 slot 09: {"secondary":{"request":"0000000000000000"}}; Calico {}"#
            ]],
        ),
        (
            "auto-more-than-pool",
            MARKED,
            expect![[r#"
            assignment/ipv4/block/10.71.0.0-30 slot 00: {"secondary":{"node":"n1","request":"0000000000000000"}}; Calico {"secondary":{"node":"n1"}}
            assignment/ipv4/block/10.71.0.0-30 slot 01: {"secondary":{"node":"n1","request":"0000000000000000"}}; Calico {"secondary":{"node":"n1"}}
            assignment/ipv4/block/10.71.0.0-30 slot 02: {"secondary":{"node":"n1","request":"0000000000000000"}}; Calico {"secondary":{"node":"n1"}}
            assignment/ipv4/block/10.71.0.0-30 slot 03: {"secondary":{"node":"n1","request":"0000000000000000"}}; Calico {"secondary":{"node":"n1"}}
            assignment/ipv4/block/10.71.0.4-30 slot 00: {"secondary":{"node":"n1","request":"0000000000000000"}}; Calico {"secondary":{"node":"n1"}}
            assignment/ipv4/block/10.71.0.4-30 slot 01: {"secondary":{"node":"n1","request":"0000000000000000"}}; Calico {"secondary":{"node":"n1"}}
            assignment/ipv4/block/10.71.0.4-30 slot 02: {"secondary":{"node":"n1","request":"0000000000000000"}}; Calico {"secondary":{"node":"n1"}}
            assignment/ipv4/block/10.71.0.4-30 slot 03: {"secondary":{"node":"n1","request":"0000000000000000"}}; Calico {"secondary":{"node":"n1"}}"#]],
        ),
        (
            "auto-no-handle-attrs",
            MARKED,
            expect![[
                r#"assignment/ipv4/block/10.70.0.0-28 slot 09: {"secondary":{"node":"n1","request":"0000000000000000"}}; Calico {"secondary":{"node":"n1"}}"#
            ]],
        ),
        (
            "auto-no-handle-no-attrs",
            MARKED,
            expect![[r#"
            assignment/ipv4/block/10.70.0.0-28 slot 07: {"secondary":{"request":"0000000000000000"}}; Calico {}
            assignment/ipv4/block/10.70.0.0-28 slot 08: {"secondary":{"request":"0000000000000000"}}; Calico {}"#]],
        ),
        (
            "assign-twice",
            REPEATED_ADDRESS,
            expect!["answers {}; Calico taken"],
        ),
        (
            "strict-ownerless-empty-assign",
            OWNERLESS,
            expect![[r#"
            answers {}; Calico strict affinity
            assignment/ipv4/block/10.116.0.0-30 affinity: "host:n1"; Calico nothing
            assignment/ipv4/block/10.116.0.0-30 claimed: "now"; Calico nothing
            assignment/ipv4/block/10.116.0.0-30 entry 01: "1 before the block"; Calico nothing
            assignment/ipv4/block/10.116.0.0-30 queue: "[2,3,0]"; Calico "[1,2,3,0]"
            assignment/ipv4/block/10.116.0.0-30 slot 01: {"handle_id":"b","secondary":{"node":"n1"}}; Calico "free"
            assignment/ipv4/block/10.116.0.0-30 sequence number: 1795250264068659244 after Some(1795250264068659243); Calico 1795250264068659243
            handle/b: Calico does not have it
            host/n1/ipv4/block/10.116.0.0-30: Calico does not have it"#]],
        ),
        (
            "assign-manual-pool-no-node",
            "a node without a record gets nothing in a store that Calico runs on, whose collector would free it; \
             Calico looks at the record for automatic assignments only",
            expect![[r#"
                answers no node record; Calico {}
                assignment/ipv4/block/10.74.2.0-28 entry 09: nothing; Calico "1 before the block"
                assignment/ipv4/block/10.74.2.0-28 queue: "[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15]"; Calico "[1,2,3,4,5,6,7,8,10,11,12,13,14,15]"
                assignment/ipv4/block/10.74.2.0-28 slot 09: "free"; Calico {"handle_id":"net.q","secondary":{"node":"ghost"}}
                assignment/ipv4/block/10.74.2.0-28 sequence number: 1795250256049637968 after Some(1795250256049637968); Calico 1795250256049637969
                handle/net.q: we do not have it"#]],
        ),
        (
            "cooldown-ownerless-collect",
            "a block of nobody in which the last address has cooled down is deleted; Calico leaves it for ever",
            expect!["assignment/ipv4/block/10.80.0.0-30: we do not have it"],
        ),
        (
            "attributes-disabled-pool",
            "who holds an address is told whatever became of its pool; Calico looks at enabled pools only",
            expect![[
                r#"answers {"active":{"namespace":"shop","node":"n1","pod":"s-3","timestamp":"2026-11-21 08:00:00.5 +0000 UTC"},"alternate":null,"handle":"net.s3"}; Calico not found"#
            ]],
        ),
        (
            "get-config-absent",
            "what no record says about KubeVirt machines stays unsaid; Calico fills its default in",
            expect![[
                r#"answers {"config":{"autoAllocateBlocks":true,"ipCooldownSeconds":0,"kubeVirtVMAddressPersistence":null,"maxBlocksPerHost":0,"strictAffinity":false}}; Calico {"config":{"autoAllocateBlocks":true,"ipCooldownSeconds":0,"kubeVirtVMAddressPersistence":"Enabled","maxBlocksPerHost":0,"strictAffinity":false}}"#
            ]],
        ),
        (
            "pool-delete-in-use",
            "a pool is deleted when nothing stands in it; Calico takes the blocks from their nodes",
            expect![[r#"
                answers in use; Calico {}
                assignment/ipv4/block/10.110.0.8-30 affinity: "host:n1"; Calico nothing
                assignment/ipv4/block/10.110.0.8-30 claimed: "2026-11-21T08:37:43Z"; Calico nothing
                assignment/ipv4/block/10.110.0.8-30 sequence number: 1795250263359295627 after Some(1795250263359295627); Calico 1795250263359295628
                assignment/ipv4/block/10.110.0.0-30: Calico does not have it
                assignment/ipv4/block/10.110.0.12-30: Calico does not have it
                assignment/ipv4/block/10.110.0.4-30: Calico does not have it
                host/n1/ipv4/block/10.110.0.8-30: Calico does not have it
                host/n2/ipv4/block/10.110.0.0-30: Calico does not have it
                host/n2/ipv4/block/10.110.0.12-30: Calico does not have it
                host/n2/ipv4/block/10.110.0.4-30: Calico does not have it
                ippools/p: Calico does not have it"#]],
        ),
        (
            "claim-past-pool-end",
            "only blocks of the pool are claimed; Calico goes on behind its end, and leaves those blocks when the \
             pool is deleted",
            expect![[r#"
                answers {"claimed":["10.111.0.0/30","10.111.0.4/30"],"failed":[]}; Calico {"claimed":["10.111.0.0/30","10.111.0.4/30","10.111.0.8/30","10.111.0.12/30"],"failed":[]}
                assignment/ipv4/block/10.111.0.12-30: we do not have it
                assignment/ipv4/block/10.111.0.8-30: we do not have it
                host/n1/ipv4/block/10.111.0.12-30: we do not have it
                host/n1/ipv4/block/10.111.0.8-30: we do not have it"#]],
        ),
        (
            "affinity-without-block-release-affinity",
            ORPHAN,
            expect!["host/n1/ipv4/block/10.85.0.4-30: we do not have it"],
        ),
        (
            "pending-deletion-2-release",
            ORPHAN,
            expect!["host/n1/ipv4/block/10.85.0.0-30: we do not have it"],
        ),
        (
            "strict-ownerless-empty-claim",
            OWNERLESS,
            expect![[r#"
            answers {"claimed":["10.116.0.0/30"],"failed":[]}; Calico {"claimed":[],"failed":["10.116.0.0/30"]}
            assignment/ipv4/block/10.116.0.0-30 affinity: "host:n1"; Calico nothing
            assignment/ipv4/block/10.116.0.0-30 claimed: "now"; Calico nothing
            assignment/ipv4/block/10.116.0.0-30 sequence number: 1795250264068659244 after Some(1795250264068659243); Calico 1795250264068659243
            host/n1/ipv4/block/10.116.0.0-30: Calico does not have it"#]],
        ),
        (
            "legacy-claim-empty-state",
            "an affinity is confirmed together with a write of the block, which fences off a release in flight",
            expect![[
                r#"assignment/ipv4/block/10.86.0.0-30 sequence number: 19 after Some(18); Calico 18"#
            ]],
        ),
        (
            "remove-host-bad-marker",
            "the old mark of a node goes whatever it says; Calico gives up when it cannot read it",
            expect![[r#"
                answers {}; Calico error: failed to parse datastore entry key=/calico/ipam/v2/host/n1; value=not JSON: invalid character 'o' in literal null (expecting 'u')
                host/n1: we do not have it"#]],
        ),
    ];
    let count = table.len();
    let table: BTreeMap<_, _> = table
        .into_iter()
        .map(|(file, why, looks)| (file, Difference { why, looks }))
        .collect();
    assert_eq!(table.len(), count, "a file stands twice in the table");
    table
}
