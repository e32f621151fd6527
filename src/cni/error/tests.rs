//! Tests of `error`: what users and runtimes see, as text.

use super::*;
use crate::blocks::{Address, Cidr, Family};
use crate::ids::ResourceName;
use crate::refusal::{PoolReason, PoolVerdict};
use crate::revision::Revision;
use expect_test::expect;

fn verdicts() -> Vec<PoolVerdict> {
    vec![PoolVerdict {
        name: ResourceName::stored("v4"),
        cidr: "10.95.0.0/28".parse::<Cidr>().expect("a CIDR"),
        reason: PoolReason::Disabled,
    }]
}

fn address() -> Address {
    "10.95.0.12".parse().expect("an address")
}

#[test]
fn every_refusal_has_its_code() {
    let family = Family::V4;
    let pools = verdicts;
    let table = [
        (Refusal::NoPool(family), 100),
        (
            Refusal::NoAdmissiblePool {
                family,
                pools: pools(),
            },
            100,
        ),
        (
            Refusal::BadPool {
                family,
                name: "nope".to_owned(),
                why: "does not exist".to_owned(),
            },
            100,
        ),
        (
            Refusal::Exhausted {
                family,
                wanted: 1,
                found: 0,
                pools: pools(),
            },
            101,
        ),
        (
            Refusal::BlockLimit {
                family,
                owned: 20,
                limit: 20,
                pools: pools(),
            },
            102,
        ),
        (
            Refusal::AddressTaken {
                address: address(),
                holder: None,
            },
            103,
        ),
        (Refusal::OutsidePools(address()), 104),
        (Refusal::Corrupt(Vec::new()), 6),
    ];
    for (refusal, code) in table {
        let error = CniError::from(&refusal);
        assert_eq!(error.code.number(), code, "{refusal}");
        assert_eq!(error.msg, refusal.to_string());
    }
}

#[test]
fn every_store_error_has_its_code() {
    let detail = || "http://127.0.0.1:1: refused".to_owned();
    let source = || Some(std::io::Error::other("refused").into());
    let table = [
        (
            DatastoreError::Unavailable {
                detail: detail(),
                source: source(),
            },
            11,
        ),
        (
            DatastoreError::Indeterminate {
                detail: detail(),
                source: source(),
            },
            11,
        ),
        (DatastoreError::Compacted(Revision(7)), 11),
        (
            DatastoreError::Rejected {
                detail: detail(),
                source: source(),
            },
            5,
        ),
        (
            DatastoreError::Corrupt {
                key: "/calico/x".to_owned(),
                revision: Revision(7),
                detail: detail(),
            },
            6,
        ),
    ];
    for (error, code) in table {
        let told = CniError::from(&AllocatorError::Store(error));
        assert_eq!(told.code.number(), code, "{told:?}");
    }
    let contention = CniError::from(&AllocatorError::Contention { tries: 9 });
    assert_eq!(contention.code, Code::TryAgain);
}

#[test]
fn a_store_without_pools_is_told_what_to_apply() {
    let error = CniError::from(&Refusal::NoPool(Family::V6));
    expect![[r#"
        no IPv6 pool exists
        apply a pool with `ipamctl apply -f FILE`:
        apiVersion: projectcalico.org/v3
        kind: IPPool
        metadata:
          name: pool-ipv6
        spec:
          cidr: fd00:64::/64
          blockSize: 122
    "#]]
    .assert_eq(&format!("{}\n{}", error.msg, error.details));
}

#[test]
fn the_reply_has_the_version_the_code_and_the_words() {
    let error = CniError::new(Code::Exhausted, "no \"room\"");
    expect![[r#"
        {
            "cniVersion": "0.4.0",
            "code": 101,
            "msg": "no \"room\""
        }"#]]
    .assert_eq(&error.render(CniVersion::V0_4_0));
    expect![[r#"
        {
            "cniVersion": "1.0.0",
            "code": 101,
            "msg": "no \"room\"",
            "details": "a\nb"
        }"#]]
    .assert_eq(&error.details("a\nb").render(CniVersion::V1_0_0));
}
