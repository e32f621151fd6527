//! Every rule of a pool, with the words that the operator reads.

use expect_test::{Expect, expect};

use super::PoolSpec;
use crate::resources::{Metadata, Pool, pool_rules};

/// Reads `member: value` lines as the members of an IPPool.
fn spec(text: &str) -> PoolSpec {
    let mut spec = PoolSpec {
        metadata: named("p"),
        ..PoolSpec::default()
    };
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (member, value) = line.split_once(':').expect("member: value");
        let value = value.trim();
        let text = Some(value.to_owned());
        match member {
            "name" => spec.metadata = named(value),
            "cidr" => spec.cidr = text,
            "blockSize" => spec.block_size = Some(value.parse().unwrap()),
            "nodeSelector" => spec.node_selector = text,
            "namespaceSelector" => spec.namespace_selector = text,
            "uses" => spec.allowed_uses = value.split(' ').map(str::to_owned).collect(),
            "mode" => spec.assignment_mode = text,
            "ipip" => spec.ipip_mode = text,
            "vxlan" => spec.vxlan_mode = text,
            "disabled" => spec.disabled = Some(value == "true"),
            "disableBGPExport" => spec.disable_bgp_export = Some(value == "true"),
            other => panic!("no member {other}"),
        }
    }
    spec
}

fn named(name: &str) -> Metadata {
    Metadata {
        name: name.to_owned(),
        ..Metadata::default()
    }
}

fn show(pool: &Pool) -> String {
    format!(
        "{} {} /{} nodes {:?} namespaces {:?} {:?} {:?} ipip {:?} vxlan {:?}{}\n",
        pool.metadata.name,
        pool.cidr,
        pool.block_length,
        pool.node_selector,
        pool.namespace_selector,
        pool.allowed_uses,
        pool.assignment,
        pool.ipip,
        pool.vxlan,
        if pool.disabled { " disabled" } else { "" },
    )
}

#[track_caller]
fn check(text: &str, expect: &Expect) {
    let text = match spec(text).pool() {
        Ok(pool) => show(&pool),
        Err(faults) => faults.iter().map(|fault| format!("{fault}\n")).collect(),
    };
    expect.assert_eq(&text);
}

#[test]
fn what_is_not_said_has_calicos_defaults() {
    check(
        "cidr: 10.65.0.0/16",
        &expect![[r#"
            p 10.65.0.0/16 /26 nodes "all()" namespaces "" [Workload, Tunnel] Automatic ipip Never vxlan Never
        "#]],
    );
    check(
        "cidr: FD00:65:0::/112
         blockSize: 0
         nodeSelector:
         mode:",
        &expect![[r#"
            p fd00:65::/112 /122 nodes "all()" namespaces "" [Workload, Tunnel] Automatic ipip Never vxlan Never
        "#]],
    );
}

#[test]
fn everything_can_be_said() {
    check(
        "cidr: 10.65.0.0/28
         blockSize: 26
         disabled: true
         nodeSelector: rack == 'r1'
         namespaceSelector: team == 'a'
         uses: Workload
         mode: Manual
         vxlan: CrossSubnet",
        &expect![[r#"
            p 10.65.0.0/28 /26 nodes "rack == 'r1'" namespaces "team == 'a'" [Workload] Manual ipip Never vxlan CrossSubnet disabled
        "#]],
    );
    check(
        "cidr: 10.65.0.0/26
         uses: LoadBalancer",
        &expect![[r#"
            p 10.65.0.0/26 /26 nodes "all()" namespaces "" [LoadBalancer] Automatic ipip Never vxlan Never
        "#]],
    );
}

#[test]
fn a_cidr_is_needed_and_means_a_network() {
    check(
        "",
        &expect![[r#"
            spec.cidr: IPPool CIDR must be specified
        "#]],
    );
    for text in [
        "hello",
        "10.0.0.0",
        "10.0.0.0/33",
        "10.0.0/8",
        "010.0.0.0/8",
        "10.0.0.0/-1",
        "10.0.0.0/+8",
        " 10.0.0.0/8",
        "::/129",
        "10.0.0.0/99999999999999999999",
        &format!("{}::/64", "0:".repeat(30)),
    ] {
        let mut spec = spec("");
        spec.cidr = Some(text.to_owned());
        let faults = spec.pool().expect_err(text);
        assert_eq!(
            faults[0].rule, "IPPool CIDR must be a valid subnet",
            "{text}"
        );
    }
}

#[test]
fn host_bits_are_refused_with_the_network() {
    check(
        "cidr: 10.93.0.7/24",
        &expect![[r#"
            spec.cidr = '10.93.0.7/24': IPPool CIDR is not strictly masked; the network is 10.93.0.0/24
        "#]],
    );
    check(
        "cidr: fd00:93::1/112",
        &expect![[r#"
            spec.cidr = 'fd00:93::1/112': IPPool CIDR is not strictly masked; the network is fd00:93::/112
        "#]],
    );
}

#[test]
fn block_sizes_have_limits() {
    for (cidr, size, legal) in [
        ("10.0.0.0/16", 19, false),
        ("10.0.0.0/16", 20, true),
        ("10.0.0.0/16", 32, true),
        ("10.0.0.0/16", 33, false),
        ("10.0.0.0/16", -1, false),
        ("10.0.0.0/16", 256 + 26, false),
        ("10.0.0.0/16", i64::MAX, false),
        ("10.0.0.0/16", i64::MIN, false),
        ("10.0.0.0/16", 122, false),
        ("fd00::/48", 115, false),
        ("fd00::/48", 116, true),
        ("fd00::/48", 128, true),
        ("fd00::/48", 129, false),
        ("fd00::/48", 26, false),
    ] {
        let result = spec(&format!("cidr: {cidr}\nblockSize: {size}")).pool();
        assert_eq!(result.is_ok(), legal, "{cidr} {size}: {result:?}");
    }
    check(
        "cidr: 10.93.0.0/24
         blockSize: 33",
        &expect![[r#"
            spec.blockSize = '33': blockSize must be between 20 and 32 for IPv4 pools, and between 116 and 128 for IPv6 pools
        "#]],
    );
}

#[test]
fn a_pool_holds_a_block_unless_it_is_disabled() {
    check(
        "cidr: 10.93.0.0/28",
        &expect![[r#"
            spec.cidr = '10.93.0.0/28': IP pool size is too small for use with Calico IPAM. It must be equal to or greater than the block size; a block is a /26
        "#]],
    );
    for (text, legal) in [
        ("cidr: 10.93.0.0/26", true),
        ("cidr: 10.93.0.0/28\ndisabled: true", true),
        ("cidr: 10.93.0.0/28\nblockSize: 28", true),
        ("cidr: 10.93.0.1/32\nblockSize: 32", true),
        ("cidr: fd00::/123", false),
        ("cidr: fd00::/122", true),
    ] {
        assert_eq!(spec(text).pool().is_ok(), legal, "{text}");
    }
}

#[test]
fn link_local_addresses_are_no_pool() {
    for (cidr, legal) in [
        ("169.254.0.0/24", false),
        ("169.0.0.0/8", false),
        ("169.253.0.0/16", true),
        ("169.255.0.0/16", true),
        ("fe80:1::/64", false),
        ("febf:ffff::/64", false),
        ("fec0::/64", true),
        ("::/0", false),
        ("::/64", false),
    ] {
        assert_eq!(
            spec(&format!("cidr: {cidr}")).pool().is_ok(),
            legal,
            "{cidr}"
        );
    }
    check(
        "cidr: fe80:1::/64",
        &expect![[r#"
            spec.cidr = 'fe80:1::/64': IPPool CIDR overlaps with IPv6 link local range fe80::/10
        "#]],
    );
}

#[test]
fn encapsulations_exclude_each_other_and_ipip_is_for_ipv4() {
    check(
        "cidr: 10.93.0.0/24
         ipip: Always
         vxlan: CrossSubnet",
        &expect![[r#"
            spec: ipipMode and vxlanMode cannot both be enabled
        "#]],
    );
    check(
        "cidr: fd00:93::/112
         ipip: Always",
        &expect![[r#"
            spec.ipipMode: IPIP is not supported on IPv6 pools
        "#]],
    );
    check(
        "cidr: 10.93.0.0/24
         ipip: always
         vxlan: No",
        &expect![[r#"
            spec.ipipMode = 'always': supported values: "Never", "Always", "CrossSubnet"
            spec.vxlanMode = 'No': supported values: "Never", "Always", "CrossSubnet"
        "#]],
    );
}

#[test]
fn selectors_are_read_bounded_and_not_global() {
    check(
        "cidr: 10.93.0.0/24
         nodeSelector: global()",
        &expect![[r#"
            spec.nodeSelector = 'global()': global() selector is not valid for IPPool nodeSelector
        "#]],
    );
    check(
        "cidr: 10.93.0.0/24
         uses: Workload
         namespaceSelector: global()",
        &expect![[r#"
            spec.namespaceSelector = 'global()': global() selector is not valid for IPPool namespaceSelector
        "#]],
    );
    check(
        "cidr: 10.93.0.0/24
         nodeSelector: rack = r1",
        &expect![[r#"
            spec.nodeSelector = 'rack = r1': expected ==, !=, in, not in, contains, starts with or ends with at character 6, found "= r1"
        "#]],
    );
    let length = |count: usize| {
        format!(
            "cidr: 10.93.0.0/24\nnodeSelector: {}",
            "!".repeat(count - 5) + "all()"
        )
    };
    assert!(spec(&length(1023)).pool().is_ok());
    let faults = spec(&length(1025)).pool().unwrap_err();
    assert_eq!(
        faults[0].rule,
        "nodeSelector may be at most 1024 characters"
    );
}

#[test]
fn uses_are_three_words_each_once() {
    check(
        "cidr: 10.93.0.0/24
         uses: Nothing Workload Workload",
        &expect![[r#"
            spec.allowedUses[0] = 'Nothing': supported values: "Workload", "Tunnel", "LoadBalancer"
            spec.allowedUses[2] = 'Workload': each use may be listed once
        "#]],
    );
    let many = format!("cidr: 10.93.0.0/24\nuses: {}", ["Workload"; 11].join(" "));
    let faults = spec(&many).pool().unwrap_err();
    assert_eq!(faults[0].rule, "at most 10 uses may be listed");
}

#[test]
fn load_balancer_pools_are_for_nothing_else() {
    check(
        "cidr: 10.93.0.0/24
         uses: LoadBalancer Workload
         ipip: Always
         disableBGPExport: true
         nodeSelector: a == 'b'",
        &expect![[r#"
            spec.allowedUses: LoadBalancer cannot be combined with Workload or Tunnel allowed uses
            spec: LoadBalancer IP pool cannot have IPIP or VXLAN enabled
            spec.disableBGPExport: LoadBalancer IP pools cannot disable BGP export
            spec.nodeSelector: IP Pool with AllowedUse LoadBalancer must have nodeSelector set to all()
        "#]],
    );
}

#[test]
fn tunnels_know_no_namespace() {
    check(
        "cidr: 10.93.0.0/24
         namespaceSelector: a == 'b'",
        &expect![[r#"
            spec.namespaceSelector = 'a == 'b'': IP Pool with AllowedUse Tunnel cannot have namespaceSelector; name allowedUses without Tunnel, such as [Workload]
        "#]],
    );
}

#[test]
fn all_that_cannot_be_read_is_told_at_once() {
    check(
        "name: Bad_Name
         cidr: 10.93.0.7/24
         mode: Sometimes
         uses: x",
        &expect![[r#"
            spec.cidr = '10.93.0.7/24': IPPool CIDR is not strictly masked; the network is 10.93.0.0/24
            spec.allowedUses[0] = 'x': supported values: "Workload", "Tunnel", "LoadBalancer"
            spec.assignmentMode = 'Sometimes': supported values: "Automatic", "Manual"
        "#]],
    );
    check(
        "name: Bad_Name
         cidr: 169.254.0.0/28",
        &expect![[r#"
            metadata.name = 'Bad_Name': name must consist of lower case alphanumeric characters, '-' or '.' (regex: [a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*)
            spec.cidr = '169.254.0.0/28': IP pool size is too small for use with Calico IPAM. It must be equal to or greater than the block size; a block is a /26
            spec.cidr = '169.254.0.0/28': IPPool CIDR overlaps with IPv4 link local range 169.254.0.0/16
        "#]],
    );
}

#[track_caller]
fn check_edit(old: &str, new: &str, expect: &Expect) {
    let (old, new) = (spec(old).pool().unwrap(), spec(new).pool().unwrap());
    let faults = pool_rules::validate_edit(&old, &new);
    let text: String = faults.iter().map(|fault| format!("{fault}\n")).collect();
    expect.assert_eq(&text);
}

#[test]
fn an_edit_keeps_cidr_and_block_size() {
    check_edit(
        "cidr: 10.92.0.0/24",
        "cidr: 10.94.0.0/24
         blockSize: 27",
        &expect![[r#"
            spec.cidr = '10.94.0.0/24': IPPool CIDR cannot be modified; it is 10.92.0.0/24
            spec.blockSize = '27': IPPool BlockSize cannot be modified; it is 26
        "#]],
    );
    // Two spellings of one network are no change.
    check_edit("cidr: fd00::/64", "cidr: FD00:0::/64", &expect![""]);
    check_edit(
        "cidr: 10.92.0.0/24",
        "cidr: 10.92.0.0/24
         disabled: true
         nodeSelector: a == 'b'
         uses: Tunnel
         mode: Manual
         vxlan: Always",
        &expect![""],
    );
}

#[test]
fn a_load_balancer_pool_stays_one() {
    check_edit(
        "cidr: 10.92.0.0/24
         uses: LoadBalancer",
        "cidr: 10.92.0.0/24
         uses: Workload",
        &expect![[r#"
            spec.allowedUses = '[Workload]': IPPool allowed use cannot be changed from LoadBalancer to Workload or Tunnel
        "#]],
    );
    check_edit(
        "cidr: 10.92.0.0/24",
        "cidr: 10.92.0.0/24
         uses: LoadBalancer",
        &expect![""],
    );
}

#[test]
fn pools_that_share_an_address_overlap_disabled_or_not() {
    let old = spec("name: old\ncidr: 10.92.0.0/24\ndisabled: true")
        .pool()
        .unwrap();
    for (cidr, overlaps) in [
        ("10.92.0.128/25", true),
        ("10.92.0.0/24", true),
        ("10.0.0.0/8", true),
        ("10.93.0.0/24", false),
        ("fd00::/64", false),
    ] {
        let new = spec(&format!("name: new\ncidr: {cidr}")).pool().unwrap();
        let fault = pool_rules::overlap_fault(&new, &old);
        assert_eq!(fault.is_some(), overlaps, "{cidr}");
    }
}
