//! Where what we write is not, byte for byte, what stood there. `docs/datastore.md` gives each reason.

use crate::data::Stored;

/// One record that we write in other words, with the same meaning.
pub(crate) struct Difference {
    /// A store, or a transition for both of its sides.
    file: &'static str,
    key: &'static str,
    pub(crate) why: &'static str,
    /// What is replaced by what.
    replaced: &'static [(&'static str, &'static str)],
}

impl Difference {
    pub(crate) fn is_of(&self, record: &Stored) -> bool {
        let file = record.file.split(' ').next();
        file == Some(self.file) && record.key == self.key
    }

    /// What we are to write in place of the stored value.
    pub(crate) fn apply(&self, value: &str) -> String {
        let mut text = value.to_owned();
        for (from, to) in self.replaced {
            text = if from.is_empty() {
                (*to).to_owned()
            } else {
                text.replace(from, to)
            };
        }
        text
    }
}

/// A null list of attributes is written as an empty one. Calico writes null in a block that never had any.
pub(crate) fn with_empty_attributes(value: &str) -> String {
    value.replace(r#""attributes":null"#, r#""attributes":[]"#)
}

const QUEUE: &str = "the queue is set right by the allocations";
const STATE: &str = "an affinity without a state is written with an empty one";
const DEFAULTS: &str = "the defaults of a pool are written";
const OLD: &str = "members that old writers left out are there, explicit nulls are not, obsolete ones follow at the end";
const EMPTY: &str = "empty maps of an attribute are left out, a null map is an empty one";

const STATELESS: &[(&str, &str)] = &[("", r#"{"state":"","deleted":false}"#)];
const OLD_AFFINITY: &str = "/calico/ipam/v2/host/n1/ipv4/block/10.86.0.0-30";
const OLD_BLOCK: &str = "/calico/ipam/v2/assignment/ipv4/block/10.86.0.0-30";
const MINIMAL_POOL: &str = "/calico/resources/v3/projectcalico.org/ippools/min";
const MINIMAL_SPEC: &[(&str, &str)] = &[(
    r#""cidr":"10.115.0.0/26""#,
    r#""cidr":"10.115.0.0/26","vxlanMode":"Never","ipipMode":"Never","blockSize":26,"nodeSelector":"all()","allowedUses":["Workload","Tunnel"],"assignmentMode":"Automatic""#,
)];
const OLD_SPELLING: &[(&str, &str)] = &[
    (r#""strictAffinity":false,"#, ""),
    (r#"{"handle_id":null,"secondary":null}"#, "{}"),
    (
        r#"}}],"deleted":false"#,
        r#"}}],"sequenceNumber":0,"sequenceNumberForAllocation":{},"deleted":false,"strictAffinity":false"#,
    ),
];

const fn difference(
    file: &'static str,
    key: &'static str,
    why: &'static str,
    replaced: &'static [(&'static str, &'static str)],
) -> Difference {
    Difference {
        file,
        key,
        why,
        replaced,
    }
}

const fn stateless(file: &'static str) -> Difference {
    difference(file, OLD_AFFINITY, STATE, STATELESS)
}

/// Every such record.
pub(crate) const TABLE: [Difference; 16] = [
    difference(
        "stores/damaged",
        "/calico/ipam/v2/assignment/ipv4/block/10.130.0.4-30",
        QUEUE,
        &[("[1,2,2]", "[1,2,3]")],
    ),
    difference(
        "stores/damaged",
        "/calico/ipam/v2/assignment/ipv4/block/10.130.0.8-30",
        QUEUE,
        &[("[0,1,2,3]", "[1,2,3]")],
    ),
    difference(
        "stores/damaged",
        "/calico/ipam/v2/assignment/ipv4/block/10.130.0.12-30",
        QUEUE,
        &[("[1,2,3,9]", "[1,2,3]")],
    ),
    difference(
        "stores/damaged",
        "/calico/ipam/v2/assignment/ipv4/block/10.130.0.16-30",
        QUEUE,
        &[("[1,2]", "[1,2,3]")],
    ),
    stateless("stores/legacy-deleted-true"),
    stateless("stores/legacy-spellings"),
    stateless("transitions/deleted-true-auto"),
    stateless("transitions/deleted-true-release"),
    stateless("transitions/legacy-auto"),
    stateless("transitions/legacy-release-cr-handle"),
    stateless("transitions/legacy-release-no-handle"),
    difference("stores/legacy-spellings", OLD_BLOCK, OLD, OLD_SPELLING),
    difference("transitions/legacy-auto", OLD_BLOCK, OLD, OLD_SPELLING),
    difference(
        "transitions/auto-odd-resources",
        MINIMAL_POOL,
        DEFAULTS,
        MINIMAL_SPEC,
    ),
    difference(
        "transitions/utilization-minimal-pool",
        MINIMAL_POOL,
        DEFAULTS,
        MINIMAL_SPEC,
    ),
    difference(
        "transitions/unknown-members-lost",
        OLD_BLOCK,
        EMPTY,
        &[
            (r#""secondary":{},"#, ""),
            (
                r#""sequenceNumberForAllocation":null"#,
                r#""sequenceNumberForAllocation":{}"#,
            ),
        ],
    ),
];
