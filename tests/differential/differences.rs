//! Where we differ from Calico on purpose, by recorded file, with the reason; and what we cannot do yet.
//!
//! `looks` is the whole difference, so that another one in the same file is noticed. It is empty until the operation
//! exists.

use std::collections::BTreeMap;

use expect_test::{Expect, expect};

/// Operations of Calico that we do not have, with the number of recorded files that wait for them.
pub(crate) const NOT_YET: [(&str, usize); 28] = [
    ("assignIP", 25),
    ("autoAssign", 81),
    ("claimAffinity", 9),
    ("collectColdIPs", 3),
    ("createNode", 1),
    ("createPool", 16),
    ("createReservation", 2),
    ("deleteNode", 1),
    ("deletePool", 2),
    ("deleteReservation", 1),
    ("ensureBlock", 3),
    ("getAttributes", 7),
    ("getIPAMConfig", 3),
    ("getUtilization", 5),
    ("ipsByHandle", 5),
    ("promoteVMOwner", 3),
    ("releaseAffinity", 9),
    ("releaseBlockAffinity", 1),
    ("releaseByHandle", 29),
    ("releaseHostAffinities", 2),
    ("releaseIPs", 22),
    ("releasePoolAffinities", 3),
    ("removeIPAMHost", 3),
    ("setIPAMConfig", 7),
    ("setOwnerAttributes", 8),
    ("updatePool", 3),
    ("upgradeHost", 1),
    ("vmHandle", 2),
];

/// A deliberate difference.
pub(crate) struct Difference {
    pub(crate) why: &'static str,
    pub(crate) looks: Expect,
}

const REPEATED: &str =
    "a request repeated with the same handle is answered with what it holds; Calico takes one more";
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
const CRASH: &str = "Calico's process crashes";

/// Returns the table, by file name.
pub(crate) fn known() -> BTreeMap<&'static str, Difference> {
    let table = [
        ("auto-block-limit-config", COUNTS, expect![[""]]),
        ("auto-block-limit-default", COUNTS, expect![[""]]),
        ("auto-block-limit-request", COUNTS, expect![[""]]),
        ("auto-own-blocks-outside-pool", COUNTS, expect![[""]]),
        ("auto-reserved-exhausted", COUNTS, expect![[""]]),
        ("auto-windows-full", COUNTS, expect![[""]]),
        ("cooldown-auto", COUNTS, expect![[""]]),
        ("auto-warm-same-handle-other-attrs", REPEATED, expect![[""]]),
        ("auto-warm-same-handle-same-attrs", REPEATED, expect![[""]]),
        (
            "block-entry-without-handle-auto",
            "an address that the block gives to the handle is answered with, and the missing handle is written; \
             Calico takes a second one",
            expect![[""]],
        ),
        ("auto-partial-overcount", COUNTS, expect![[""]]),
        (
            "handle-too-low-release",
            "a count that is too low goes to nothing and the record with it; Calico leaves the record for ever",
            expect![[""]],
        ),
        ("reclaim-old", IN_PLACE, expect![[""]]),
        ("reclaim-no-claim-time", IN_PLACE, expect![[""]]),
        ("auto-ownerless-empty", OWNERLESS, expect![[""]]),
        ("strict-ownerless-empty", OWNERLESS, expect![[""]]),
        (
            "stale-affinity-auto",
            "an affinity whose block is another's or nobody's is dropped by repair, not on the way of a request",
            expect![[""]],
        ),
        ("auto-deselected-empty", DESELECTED, expect![[""]]),
        ("release-deselected-last", DESELECTED, expect![[""]]),
        ("old-size-affinity-recreated", OLD_SIZE, expect![[""]]),
        ("old-size-affinity-double", OLD_SIZE, expect![[""]]),
        ("unknown-members-lost", KEPT, expect![[""]]),
        ("legacy-auto", KEPT, expect![[""]]),
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
        ("assign-empty-handle", EMPTY_HANDLE, expect![[""]]),
        (
            "auto-cap-not-enough",
            "refused before anything is claimed; Calico claims a block for nothing and reports its block limit",
            expect![[""]],
        ),
        ("auto-windows-small-pool-first", SMALL_BLOCKS, expect![[""]]),
        ("auto-windows-small-pool-again", SMALL_BLOCKS, expect![[""]]),
        ("utilization-minimal-pool", CRASH, expect![[""]]),
        ("vm-handle-long", CRASH, expect![[""]]),
        (
            "claim-past-pool-end",
            "only blocks of the pool are claimed; Calico goes on behind its end, and leaves those blocks when the \
             pool is deleted",
            expect![[""]],
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
