//! Manifests in all their ways of being wrong, and the traps of YAML.

use expect_test::{Expect, expect};

use super::{Manifest, Resource, Source, read};

fn source(text: &str) -> Source {
    Source {
        name: "pools.yaml".to_owned(),
        bytes: text.as_bytes().to_vec(),
    }
}

fn show(manifest: &Manifest) -> String {
    let what = match &manifest.resource {
        Resource::Pool(pool) => format!(
            "{} /{} disabled {}",
            pool.cidr, pool.block_length, pool.disabled
        ),
        Resource::Reservation(reservation) => format!("{:?}", reservation.stored),
        Resource::Node(node) => format!("{:?} {:?}", node.metadata.labels, node.unknown.0),
        Resource::Config(config) => format!("{config:?}"),
    };
    let expected = manifest
        .expected
        .map(|at| format!(" @{at}"))
        .unwrap_or_default();
    format!("{} `{}`{expected}: {what}\n", manifest.kind, manifest.name)
}

#[track_caller]
fn check(text: &str, expect: &Expect) {
    check_bytes(text.as_bytes(), expect);
}

#[track_caller]
fn check_bytes(bytes: &[u8], expect: &Expect) {
    let source = Source {
        name: "pools.yaml".to_owned(),
        bytes: bytes.to_vec(),
    };
    let text = match read(&[source], false) {
        Ok(manifests) => manifests.iter().map(show).collect(),
        Err(failure) => {
            let details = failure.details.iter().map(|detail| format!("  {detail}\n"));
            format!("{}\n{}", failure.error, details.collect::<String>())
        }
    };
    expect.assert_eq(&text);
}

/// A pool with these lines in its `metadata` and `spec`.
fn pool(metadata: &str, spec: &str) -> String {
    format!(
        "apiVersion: projectcalico.org/v3\nkind: IPPool\nmetadata:\n  {metadata}\nspec:\n  {spec}\n"
    )
}

#[test]
fn calicoctls_manifests_are_read() {
    check(
        r"
apiVersion: projectcalico.org/v3
kind: IPPool
metadata:
  name: rack1
spec:
  cidr: 10.90.0.0/24
  blockSize: 28
  natOutgoing: true
  nodeSelector: rack == 'r1'
---
---
apiVersion: projectcalico.org/v3
kind: IPReservation
metadata: {name: gateways}
spec: {reservedCIDRs: [10.90.0.0/30, 10.90.0.255/32]}
---
apiVersion: projectcalico.org/v3
kind: Node
metadata:
  name: n1
  labels: {rack: r1}
spec:
  orchRefs: [{nodeName: n1, orchestrator: k8s}]
status: {}
---
apiVersion: projectcalico.org/v3
kind: IPAMConfiguration
metadata: {name: default}
spec: {strictAffinity: true, maxBlocksPerHost: 4}
",
        &expect![[r#"
            IPPool `rack1`: 10.90.0.0/24 /28 disabled false
            IPReservation `gateways`: ["10.90.0.0/30", "10.90.0.255/32"]
            Node `n1`: {"rack": "r1"} {"spec": "{\"orchRefs\":[{\"nodeName\":\"n1\",\"orchestrator\":\"k8s\"}]}"}
            IPAMConfiguration `default`: Config { strict_affinity: true, auto_allocate_blocks: true, max_blocks_per_host: 4, vm_address_persistence: None, cooldown_seconds: 0, unknown: Unknown({}) }
        "#]],
    );
}

#[test]
fn lists_are_taken_apart_and_what_get_prints_is_read() {
    check(
        r#"{
  "kind": "IPPoolList", "apiVersion": "projectcalico.org/v3", "metadata": {"resourceVersion": "16939"},
  "items": [
    {"kind": "IPPool", "apiVersion": "projectcalico.org/v3",
     "metadata": {"name": "a", "uid": "5296f752", "resourceVersion": "16936", "creationTimestamp": "2026-11-21T08:21:49Z"},
     "spec": {"cidr": "10.90.0.0/24", "vxlanMode": "Never", "ipipMode": "Never", "allowedUses": ["Workload", "Tunnel"], "assignmentMode": "Automatic"},
     "status": {"conditions": []}},
    {"kind": "IPPool", "apiVersion": "projectcalico.org/v3", "metadata": {"name": "b"}, "spec": {"cidr": "hello"}}
  ]
}"#,
        &expect![[r#"
            the manifest is refused, nothing was changed
              pools.yaml, document 1, items[1]: spec.cidr = 'hello': IPPool CIDR must be a valid subnet
        "#]],
    );
    check(
        r#"{"kind":"List","apiVersion":"v1","items":[{"kind":"IPPool","apiVersion":"projectcalico.org/v3","metadata":{"name":"a","resourceVersion":"18446744073709551615"},"spec":{"cidr":"10.0.0.0/24"}}]}"#,
        &expect![[r#"
            IPPool `a` @18446744073709551615: 10.0.0.0/24 /26 disabled false
        "#]],
    );
}

#[test]
fn a_list_without_items_is_told() {
    let list = |items: &str| format!("apiVersion: projectcalico.org/v3\nkind: IPPoolList\n{items}");
    check(
        &list("items: {a: b}"),
        &expect![[r#"
        the manifest is refused, nothing was changed
          pools.yaml, document 1: items: expected a list of resources, found a map
    "#]],
    );
    check(
        &list(""),
        &expect![[r#"
        the manifest is refused, nothing was changed
          pools.yaml, document 1: items: expected a list of resources, found nothing
    "#]],
    );
}

#[test]
fn a_word_of_yaml_1_1_is_a_name_where_a_name_is_wanted_and_a_flag_where_a_flag_is() {
    for name in ["off", "no", "yes", "on", "y", "n", "null-and", "1e3a"] {
        let text = pool(&format!("name: {name}"), "cidr: 10.0.0.0/24");
        let manifests = read(&[source(&text)], false).unwrap();
        assert_eq!(manifests[0].name, name);
    }
    for (word, disabled) in [
        ("yes", true),
        ("off", false),
        ("True", true),
        ("\"no\"", false),
    ] {
        let text = pool("name: p", &format!("cidr: 10.0.0.0/24\n  disabled: {word}"));
        let manifests = read(&[source(&text)], false).unwrap();
        let Resource::Pool(pool) = &manifests[0].resource else {
            panic!("a pool");
        };
        assert_eq!(pool.disabled, disabled, "{word}");
    }
}

#[test]
fn what_yaml_takes_for_something_else_is_refused_with_what_to_write() {
    check(
        &pool("name: true", "cidr: 10.0.0.0/24"),
        &expect![[r#"
        the manifest is refused, nothing was changed
          pools.yaml, document 1: metadata.name = 'true': expected text: put it in quotes
    "#]],
    );
    check(
        &pool("name: 123", "cidr: 10.0.0.0/24"),
        &expect![[r#"
        the manifest is refused, nothing was changed
          pools.yaml, document 1: metadata.name = '123': expected text: put it in quotes
    "#]],
    );
    check(
        &pool("name: 1e3", "cidr: 10.0.0.0/24"),
        &expect![[r#"
        the manifest is refused, nothing was changed
          pools.yaml, document 1: metadata.name = '1000.0': expected text: put it in quotes
    "#]],
    );
    check(
        &pool("name: ~", "cidr: 10.0.0.0/24"),
        &expect![[r#"
        the manifest is refused, nothing was changed
          pools.yaml, document 1: metadata.name: name must be specified
    "#]],
    );
    check(
        &pool(
            "name: p\n  labels: {rack: 1, on: [x]}",
            "cidr: 10.0.0.0/24\n  disabled: 1",
        ),
        &expect![[r#"
            the manifest is refused, nothing was changed
              pools.yaml, document 1: metadata.labels.rack = '1': expected text: put it in quotes
              pools.yaml, document 1: metadata.labels.on: expected text, found a list
              pools.yaml, document 1: spec.disabled = '1': expected true or false
        "#]],
    );
}

#[test]
fn unknown_members_are_named_with_their_place() {
    check(
        &format!(
            "{}---\n{}",
            pool("name: p", "cidr: 10.0.0.0/24"),
            pool(
                "name: q\n  colour: red",
                "cidr: 10.1.0.0/24\n  blocksize: 26"
            ) + "kinds: 1\n"
        ),
        &expect![[r#"
            the manifest is refused, nothing was changed
              pools.yaml, document 2: metadata.colour: field in document is not recognized or is in the wrong location; known are name, uid, creationTimestamp, deletionTimestamp, labels, annotations, resourceVersion, namespace, selfLink, finalizers, generateName, generation, managedFields, ownerReferences, deletionGracePeriodSeconds
              pools.yaml, document 2: kinds: field in document is not recognized or is in the wrong location; known are kind, apiVersion, metadata, spec, status
              pools.yaml, document 2: spec.blocksize: field in document is not recognized or is in the wrong location; known are cidr, blockSize, nodeSelector, namespaceSelector, allowedUses, assignmentMode, ipipMode, vxlanMode, natOutgoing, disabled, disableBGPExport
        "#]],
    );
    check(
        "apiVersion: projectcalico.org/v3\nkind: Node\nmetadata: {name: n1}\nspec: {adresses: []}\n",
        &expect![[r#"
            the manifest is refused, nothing was changed
              pools.yaml, document 1: spec.adresses: field in document is not recognized or is in the wrong location; known are addresses, bgp, interfaces, ipv4VXLANTunnelAddr, ipv6VXLANTunnelAddr, orchRefs, vxlanTunnelMACAddr, vxlanTunnelMACAddrV6, wireguard
        "#]],
    );
}

#[test]
fn numbers_are_whole_and_of_64_bits() {
    for number in [
        "26.0",
        "99999999999999999999",
        "1e400",
        "abc",
        "\"26\"",
        "[26]",
        "0x",
        ".inf",
    ] {
        let text = pool(
            "name: p",
            &format!("cidr: 10.0.0.0/24\n  blockSize: {number}"),
        );
        assert!(read(&[source(&text)], false).is_err(), "{number}");
    }
    check(
        &pool(
            "name: p",
            "cidr: 10.0.0.0/24\n  blockSize: 99999999999999999999",
        ),
        &expect![[r#"
            the manifest is refused, nothing was changed
              pools.yaml, document 1: spec.blockSize = '1e+20': expected a whole number
        "#]],
    );
    check(
        &pool("name: p", "cidr: 10.0.0.0/24\n  blockSize: 26.5"),
        &expect![[r#"
            the manifest is refused, nothing was changed
              pools.yaml, document 1: spec.blockSize = '26.5': expected a whole number
        "#]],
    );
    check(
        r#"{"kind":"IPPool","apiVersion":"projectcalico.org/v3","metadata":{"name":"p"},"spec":{"cidr":"10.0.0.0/24","blockSize":99999999999999999999}}"#,
        &expect![[r#"
            the manifest is refused, nothing was changed
              pools.yaml, document 1: spec.blockSize = '1e+20': expected a whole number
        "#]],
    );
}

#[test]
fn kind_and_version_are_checked() {
    check(
        "kind: Widget\napiVersion: v1\nmetadata: {name: p}\n",
        &expect![[r#"
            the manifest is refused, nothing was changed
              pools.yaml, document 1: apiVersion = 'v1': must be projectcalico.org/v3
              pools.yaml, document 1: kind = 'Widget': kinds that can be written: IPPool, IPReservation, Node, IPAMConfiguration
        "#]],
    );
    check(
        "metadata: {name: p}\n",
        &expect![[r#"
        the manifest is refused, nothing was changed
          pools.yaml, document 1: apiVersion: must be projectcalico.org/v3
          pools.yaml, document 1: kind: kinds that can be written: IPPool, IPReservation, Node, IPAMConfiguration
    "#]],
    );
    check(
        "- 1\n- 2\n",
        &expect![[r#"
        the manifest is refused, nothing was changed
          pools.yaml, document 1: resource: expected kind, apiVersion, metadata and spec, found a list
    "#]],
    );
    check(
        "hello\n",
        &expect![[r#"
        the manifest is refused, nothing was changed
          pools.yaml, document 1: resource: expected kind, apiVersion, metadata and spec, found text
    "#]],
    );
}

#[test]
fn what_is_no_document_is_refused_with_its_place() {
    check(
        "",
        &expect![[r#"
        no resources are in pools.yaml
    "#]],
    );
    check(
        "---\n---\n# nothing\n---\nhello: 1\n",
        &expect![[r#"
        the manifest is refused, nothing was changed
          pools.yaml, document 3: hello: field in document is not recognized or is in the wrong location; known are kind, apiVersion, metadata, spec, status
          pools.yaml, document 3: apiVersion: must be projectcalico.org/v3
          pools.yaml, document 3: kind: kinds that can be written: IPPool, IPReservation, Node, IPAMConfiguration
    "#]],
    );
    check(
        "%YAML 1.2\n---\na: 1\n...\nb: 2\n",
        &expect![[r#"
        the manifest is refused, nothing was changed
          pools.yaml, document 1: a: field in document is not recognized or is in the wrong location; known are kind, apiVersion, metadata, spec, status
          pools.yaml, document 1: apiVersion: must be projectcalico.org/v3
          pools.yaml, document 1: kind: kinds that can be written: IPPool, IPReservation, Node, IPAMConfiguration
          pools.yaml, document 2: b: field in document is not recognized or is in the wrong location; known are kind, apiVersion, metadata, spec, status
          pools.yaml, document 2: apiVersion: must be projectcalico.org/v3
          pools.yaml, document 2: kind: kinds that can be written: IPPool, IPReservation, Node, IPAMConfiguration
    "#]],
    );
    check(
        "# x\n--- {a: 1}\n---\n- |\n  ---\n  x\n---x\n",
        &expect![[r#"
        pools.yaml, document 2 is neither JSON nor YAML: simple key expected ':' at line 7, column 1
    "#]],
    );
    check(
        "---\n---\n",
        &expect![[r#"
        no resources are in pools.yaml
    "#]],
    );
    check(
        &(pool("name: p", "cidr: 10.0.0.0/24") + "---\na: [1\n"),
        &expect![[r#"
            pools.yaml, document 2 is neither JSON nor YAML: unclosed bracket '[' at line 8, column 4
        "#]],
    );
    check(
        "a: b: c\n",
        &expect![[r#"
        pools.yaml, document 1 is neither JSON nor YAML: mapping values are not allowed in this context at line 1, column 5
    "#]],
    );
    check(
        "kind: IPPool\n\tname: x\n",
        &expect![[r#"
        pools.yaml, document 1 is neither JSON nor YAML: while scanning a plain scalar, found a tab at line 1, column 7
    "#]],
    );
    check(
        r#"{"kind": "IPPool", "#,
        &expect![[r#"
        pools.yaml, document 1 is neither JSON nor YAML: unclosed bracket '{' at line 1, column 1
    "#]],
    );
    check_bytes(
        b"\x00\x01\x02\xff\xfe",
        &expect![[r#"
        pools.yaml is not text: byte 3 is not UTF-8
    "#]],
    );
    check_bytes(
        b"\x1f\x8b\x08",
        &expect![[r#"
        pools.yaml is not text: byte 1 is not UTF-8
    "#]],
    );
    check(
        &"[".repeat(100_000),
        &expect![[r#"
        pools.yaml, document 1 is neither JSON nor YAML: recursion limit exceeded at line 1, column 256
    "#]],
    );
    check(
        "&a [*a, *a]\n",
        &expect![[r#"
        pools.yaml, document 1 is neither JSON nor YAML: recursive references require weak recursion types at line 1, column 5
    "#]],
    );
}

#[test]
fn a_member_or_a_name_that_is_there_twice_is_refused() {
    check(
        &pool("name: p\n  name: q", "cidr: 10.0.0.0/24"),
        &expect![[r#"
            pools.yaml, document 1 is neither JSON nor YAML: field `name` is there twice at line 4, column 3
        "#]],
    );
    check(
        r#"{"kind":"IPPool","kind":"IPPool","apiVersion":"projectcalico.org/v3","metadata":{"name":"p"},"spec":{"cidr":"10.0.0.0/24"}}"#,
        &expect![[r#"
            pools.yaml, document 1 is neither JSON nor YAML: field `kind` is there twice
        "#]],
    );
    let one = pool("name: p", "cidr: 10.0.0.0/24");
    check(
        &format!(
            "{one}---\n{}---\n{one}",
            pool("name: q", "cidr: 10.1.0.0/24")
        ),
        &expect![[r#"
            the manifest is refused, nothing was changed
              pools.yaml, document 3: IPPool `p` stands in pools.yaml, document 1 too
        "#]],
    );
}

#[test]
fn every_fault_of_every_document_is_told_at_once() {
    check(
        &format!(
            "{}---\n{}---\n{}",
            pool("name: P", "cidr: 10.0.0.0/28"),
            pool("name: q", "cidr: 10.1.0.7/24\n  vxlanMode: Sometimes"),
            "apiVersion: projectcalico.org/v3\nkind: IPReservation\nmetadata: {name: r}\nspec: {reservedCIDRs: [10.0.0.1, x]}\n"
        ),
        &expect![[r#"
            the manifest is refused, nothing was changed
              pools.yaml, document 1: metadata.name = 'P': name must consist of lower case alphanumeric characters, '-' or '.' (regex: [a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*)
              pools.yaml, document 1: spec.cidr = '10.0.0.0/28': IP pool size is too small for use with Calico IPAM. It must be equal to or greater than the block size; a block is a /26
              pools.yaml, document 2: spec.cidr = '10.1.0.7/24': IPPool CIDR is not strictly masked; the network is 10.1.0.0/24
              pools.yaml, document 2: spec.vxlanMode = 'Sometimes': supported values: "Never", "Always", "CrossSubnet"
              pools.yaml, document 3: spec.reservedCIDRs[0] = '10.0.0.1': must be of type cidr: write 10.0.0.1/32
              pools.yaml, document 3: spec.reservedCIDRs[1] = 'x': must be of type cidr, such as 10.64.0.0/30 or fd00:64::/126
        "#]],
    );
    check(
        "apiVersion: projectcalico.org/v3\nkind: IPAMConfiguration\nmetadata: {name: other}\nspec: {maxBlocksPerHost: 3}\n",
        &expect![[r#"
            the manifest is refused, nothing was changed
              pools.yaml, document 1: metadata.name = 'other': resource name has to be "default"
              pools.yaml, document 1: spec.maxBlocksPerHost = '3': MaxBlocksPerHost requires StrictAffinity to be enabled
        "#]],
    );
    check(
        &pool("name: p\n  resourceVersion: abc", "cidr: 10.0.0.0/24"),
        &expect![[r#"
            the manifest is refused, nothing was changed
              pools.yaml, document 1: metadata.resourceVersion = 'abc': expected a decimal number in quotes, as `get -o yaml` prints it
        "#]],
    );
    check(
        &pool("name: p", "- cidr"),
        &expect![[r#"
        the manifest is refused, nothing was changed
          pools.yaml, document 1: spec: expected a map of fields, found a list
    "#]],
    );
}
