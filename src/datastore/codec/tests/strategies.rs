//! Random records, well-formed ones and JSON that only looks like records.

use std::collections::{BTreeMap, VecDeque};

use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use crate::assign::Handle;
use crate::blocks::{Address, Attribute, Block, BlockCidr, BlockParts, Cidr, Family};
use crate::clock::Timestamp;
use crate::ids::{Owner, OwnerKind};
use crate::resources::{AssignmentMode, Encapsulation, Metadata, Pool, Use};
use crate::unknown::Unknown;

fn texts() -> impl Strategy<Value = BTreeMap<String, String>> {
    btree_map(any::<String>(), any::<String>(), 0..3)
}

/// Members whose names no record knows, as text that a parser took.
pub(super) fn unknown() -> impl Strategy<Value = Unknown> {
    let raw = prop_oneof![
        Just("null"),
        Just("-0"),
        Just("1e400"),
        Just("[1, 2]"),
        Just("{ \"a\" : {} }"),
        Just("\"\\u003c<\"")
    ];
    btree_map("x-[a-z<é\"]{0,6}", raw.prop_map(str::to_owned), 0..3).prop_map(Unknown)
}

fn whole_seconds() -> impl Strategy<Value = Timestamp> {
    (-9_223_372_036_i64..=9_223_372_036).prop_map(Timestamp::from_seconds)
}

fn attribute() -> impl Strategy<Value = Attribute> {
    (
        option::of(any::<String>()),
        texts(),
        texts(),
        option::of(whole_seconds()),
        unknown(),
    )
        .prop_map(
            |(handle, secondary, alternate, released_at, unknown)| Attribute {
                handle,
                secondary,
                alternate,
                released_at,
                unknown,
            },
        )
}

fn owner() -> impl Strategy<Value = Owner> {
    let kind = prop_oneof![Just(OwnerKind::Host), Just(OwnerKind::Virtual)];
    (kind, any::<String>()).prop_map(|(kind, name)| Owner { kind, name })
}

fn block_cidr() -> impl Strategy<Value = BlockCidr> {
    let family = prop_oneof![Just(Family::V4), Just(Family::V6)];
    (family, any::<u128>(), 0u8..=5).prop_map(|(family, bits, host)| {
        let bits = bits >> (128 - u32::from(family.width()));
        let address = Address::new(family, bits).expect("bits of the family");
        BlockCidr::new(address.network(family.width() - host)).expect("the length of a block")
    })
}

/// A well-formed block: its queue is any order of what is free.
pub(super) fn block() -> impl Strategy<Value = Block> {
    let parts = (block_cidr(), vec(attribute(), 1..4)).prop_flat_map(|(cidr, attributes)| {
        let size = usize::from(cidr.size());
        let slots = vec(option::of(0..attributes.len()), size);
        let sequences = btree_map(0..size, any::<u64>(), 0..=size);
        let queue = Just((0..size).collect::<Vec<_>>()).prop_shuffle();
        (Just(cidr), Just(attributes), slots, sequences, queue)
    });
    let rest = (
        option::of(owner()),
        option::of(whole_seconds()),
        any::<u64>(),
        any::<bool>(),
        unknown(),
    );
    (parts, rest).prop_map(|((cidr, attributes, slots, sequence_of, queue), rest)| {
        let (owner, claimed_at, sequence, deleted, unknown) = rest;
        let free: VecDeque<usize> = queue
            .into_iter()
            .filter(|index| slots[*index].is_none())
            .collect();
        Block::from_parts(BlockParts {
            cidr,
            owner,
            claimed_at,
            allocations: slots,
            unallocated: free,
            attributes,
            sequence,
            sequence_of,
            deleted,
            unknown,
        })
        .expect("a well-formed block")
    })
}

pub(super) fn handle() -> impl Strategy<Value = Handle> {
    let counts = btree_map(
        block_cidr().prop_map(BlockCidr::cidr),
        0..=u64::from(u32::MAX),
        0..4,
    );
    (counts, any::<bool>(), unknown()).prop_map(|(counts, deleted, unknown)| Handle {
        counts,
        deleted,
        unknown,
    })
}

fn metadata() -> impl Strategy<Value = Metadata> {
    (
        option::of(any::<String>()),
        option::of(any::<String>()),
        texts(),
        texts(),
        unknown(),
    )
        .prop_map(|(uid, created, labels, annotations, unknown)| Metadata {
            name: "p".to_owned(),
            uid,
            created,
            deletion_requested: None,
            labels,
            annotations,
            unknown,
        })
}

fn pool_cidr() -> impl Strategy<Value = Cidr> {
    (block_cidr(), 0u8..=128).prop_map(|(block, length)| {
        let first = block.cidr().first();
        first.network(length.min(first.family().width()))
    })
}

pub(super) fn pool() -> impl Strategy<Value = Pool> {
    let encapsulation = || proptest::sample::select(&Encapsulation::ALL[..]);
    let mode = proptest::sample::select(&AssignmentMode::ALL[..]);
    let uses = proptest::sample::subsequence(&Use::ALL[..], 1..=3);
    let words = (uses, mode, encapsulation(), encapsulation());
    let selectors = ("[a-z<&'() ]{1,9}", "[a-z<&'() ]{0,9}");
    let flags = (any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>());
    (
        metadata(),
        pool_cidr(),
        0u8..=12,
        selectors,
        words,
        flags,
        unknown(),
        unknown(),
    )
        .prop_map(
            |(metadata, cidr, host, selectors, words, flags, unknown_spec, mut unknown)| {
                let out = r#"{"conditions":[{"type":"Allocatable","status":"False"}]}"#;
                if flags.3 {
                    unknown.0.insert("status".to_owned(), out.to_owned());
                }
                Pool {
                    metadata,
                    cidr,
                    block_length: cidr.family().width() - host,
                    node_selector: selectors.0,
                    namespace_selector: selectors.1,
                    allowed_uses: words.0,
                    assignment: words.1,
                    disabled: flags.0,
                    ipip: words.2,
                    vxlan: words.3,
                    nat_outgoing: flags.1,
                    disable_bgp_export: flags.2,
                    not_allocatable: flags.3,
                    unknown_spec,
                    unknown,
                }
            },
        )
}

/// Names of members of every kind of record, in odd cases too.
const NAMES: [&str; 36] = [
    "cidr",
    "CIDR",
    "affinity",
    "affinity_claim_time",
    "allocations",
    "Allocations",
    "unallocated",
    "attributes",
    "sequenceNumber",
    "sequenceNumberForAllocation",
    "deleted",
    "hostAffinity",
    "handle_id",
    "secondary",
    "alternateOwnerAttrs",
    "releasedAt",
    "state",
    "block",
    "strict_affinity",
    "maxBlocksPerHost",
    "ipCooldownSeconds",
    "kind",
    "apiVersion",
    "metadata",
    "spec",
    "status",
    "conditions",
    "type",
    "name",
    "labels",
    "annotations",
    "vxlanMode",
    "blockSize",
    "allowedUses",
    "reservedCIDRs",
    "x",
];

const WORDS: [&str; 12] = [
    "10.65.3.64/30",
    "10.65.0.0/16",
    "fd00::/64",
    "host:n1",
    "virtual:",
    "confirmed",
    "pending",
    "0",
    "3",
    "2026-03-02T09:14:55Z",
    "Allocatable",
    "False",
];

/// JSON that is made of the words of records, put together without sense.
pub(super) fn garbage() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-2i64..5).prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(|number| json!(number)),
        proptest::sample::select(&WORDS[..]).prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 60, 6, |inner| {
        let name = prop_oneof![
            4 => proptest::sample::select(&NAMES[..]).prop_map(str::to_owned),
            1 => proptest::sample::select(&WORDS[..]).prop_map(str::to_owned),
        ];
        prop_oneof![
            vec(inner.clone(), 0..5).prop_map(Value::from),
            vec((name, inner), 0..6)
                .prop_map(|members| members.into_iter().collect::<Map<_, _>>().into()),
        ]
    })
}

/// A block that is right but for one member, which is nonsense.
pub(super) fn almost_a_block() -> impl Strategy<Value = Value> {
    let right = json!({
        "cidr": "10.65.3.64/30", "affinity": "host:n1", "affinity_claim_time": "2026-03-02T09:14:55Z",
        "allocations": [0, null, 1, null], "unallocated": [1, 3],
        "attributes": [{"handle_id": "a", "secondary": {"node": "n1"}}, {"releasedAt": "2026-03-02T09:14:55Z"}],
        "sequenceNumber": 17, "sequenceNumberForAllocation": {"0": 5, "2": 16}, "deleted": false,
    });
    (proptest::sample::select(&NAMES[..]), garbage()).prop_map(move |(name, value)| {
        let mut block = right.clone();
        block[name] = value;
        block
    })
}
