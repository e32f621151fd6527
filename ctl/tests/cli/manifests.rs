//! Resources: created, changed, shown and deleted.

use expect_test::expect;

use crate::support::{Bench, show};

const POOLS: &str = "\
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
apiVersion: projectcalico.org/v3
kind: IPPool
metadata:
  name: six
spec:
  cidr: FD00:90::/120
  blockSize: 124
---
apiVersion: projectcalico.org/v3
kind: IPPool
metadata:
  name: \"off\"
spec:
  cidr: 10.9.0.0/26
  disabled: true
";

fn pools() -> Bench {
    let bench = Bench::new();
    bench.file("pools.yaml", POOLS);
    let output = bench.run(&["create", "-f", "pools.yaml"], "");
    assert!(output.status.success(), "{output:?}");
    bench
}

#[test]
fn pools_are_created_once_and_applied_as_often_as_one_likes() {
    let bench = Bench::new();
    bench.file("pools.yaml", POOLS);
    bench.check(
        &["create", "-f", "pools.yaml"],
        &expect![[r#"
            Successfully created 3 'IPPool' resource(s)
            --- stderr
            Created IPPool rack1
            Created IPPool six
            Created IPPool off
        "#]],
    );
    bench.check(
        &["create", "-f", "pools.yaml"],
        &expect![[r#"
        --- stderr
        Error: IPPool `rack1` exists already
        Hint: `ipamctl apply` changes what exists
        Error: IPPool `six` exists already
        Hint: `ipamctl apply` changes what exists
        Error: IPPool `off` exists already
        Hint: `ipamctl apply` changes what exists
        Error: all resources were refused
        [exit status: 1]
    "#]],
    );
    bench.check(
        &["apply", "-f", "pools.yaml"],
        &expect![[r#"
            Successfully applied 3 'IPPool' resource(s)
            --- stderr
            Unchanged: IPPool rack1
            Unchanged: IPPool six
            Unchanged: IPPool off
        "#]],
    );
    bench.check(
        &["apply", "-q", "-o", "json", "-f", "pools.yaml"],
        &expect![[r#"
        [
          {
            "kind": "IPPool",
            "name": "rack1",
            "result": "unchanged"
          },
          {
            "kind": "IPPool",
            "name": "six",
            "result": "unchanged"
          },
          {
            "kind": "IPPool",
            "name": "off",
            "result": "unchanged"
          }
        ]
    "#]],
    );
}

#[test]
fn pools_are_shown_in_order_of_their_addresses() {
    let bench = pools();
    bench.check(
        &["get", "ippool"],
        &expect![[r#"
            NAME    CIDR            SELECTOR       
            off     10.9.0.0/26     all()          
            rack1   10.90.0.0/24    rack == 'r1'   
            six     fd00:90::/120   all()          

        "#]],
    );
    bench.check(&["get", "IPPools", "-o", "wide"], &expect![[r#"
        NAME    CIDR            NAT     IPIPMODE   VXLANMODE   DISABLED   DISABLEBGPEXPORT   SELECTOR       ASSIGNMENTMODE   BLOCKSIZE   ALLOWEDUSES       NAMESPACESELECTOR   
        off     10.9.0.0/26     false   Never      Never       true       false              all()          Automatic        26          Workload,Tunnel                       
        rack1   10.90.0.0/24    true    Never      Never       false      false              rack == 'r1'   Automatic        28          Workload,Tunnel                       
        six     fd00:90::/120   false   Never      Never       false      false              all()          Automatic        124         Workload,Tunnel                       

    "#]]);
    bench.check(
        &["get", "pool", "six", "-o", "name"],
        &expect![[r#"
        ippool/six
    "#]],
    );
    bench.check(
        &["get", "ippool", "rack1", "-o", "yaml"],
        &expect![[r#"
        apiVersion: projectcalico.org/v3
        kind: IPPool
        metadata:
          creationTimestamp: ".."
          name: rack1
          resourceVersion: "2"
          uid: ..
        spec:
          allowedUses:
          - Workload
          - Tunnel
          assignmentMode: Automatic
          blockSize: 28
          cidr: 10.90.0.0/24
          ipipMode: Never
          natOutgoing: true
          nodeSelector: rack == 'r1'
          vxlanMode: Never
    "#]],
    );
    bench.check(
        &["get", "ippool", "off", "-o", "yaml"],
        &expect![[r#"
        apiVersion: projectcalico.org/v3
        kind: IPPool
        metadata:
          creationTimestamp: ".."
          name: "off"
          resourceVersion: "4"
          uid: ..
        spec:
          allowedUses:
          - Workload
          - Tunnel
          assignmentMode: Automatic
          blockSize: 26
          cidr: 10.9.0.0/26
          disabled: true
          ipipMode: Never
          nodeSelector: all()
          vxlanMode: Never
    "#]],
    );
    bench.check(
        &["get", "ippool", "rack1", "six", "-o", "json"],
        &expect![[r#"
        {
          "kind": "IPPoolList",
          "apiVersion": "projectcalico.org/v3",
          "metadata": {
            "resourceVersion": "4"
          },
          "items": [
            {
              "kind": "IPPool",
              "apiVersion": "projectcalico.org/v3",
              "metadata": {
                "name": "rack1",
                "uid": "..",
                "resourceVersion": "2",
                "creationTimestamp": ".."
              },
              "spec": {
                "cidr": "10.90.0.0/24",
                "vxlanMode": "Never",
                "ipipMode": "Never",
                "natOutgoing": true,
                "blockSize": 28,
                "nodeSelector": "rack == 'r1'",
                "allowedUses": [
                  "Workload",
                  "Tunnel"
                ],
                "assignmentMode": "Automatic"
              }
            },
            {
              "kind": "IPPool",
              "apiVersion": "projectcalico.org/v3",
              "metadata": {
                "name": "six",
                "uid": "..",
                "resourceVersion": "3",
                "creationTimestamp": ".."
              },
              "spec": {
                "cidr": "fd00:90::/120",
                "vxlanMode": "Never",
                "ipipMode": "Never",
                "blockSize": 124,
                "nodeSelector": "all()",
                "allowedUses": [
                  "Workload",
                  "Tunnel"
                ],
                "assignmentMode": "Automatic"
              }
            }
          ]
        }
    "#]],
    );
    bench.check(
        &["get", "ippool", "rack1", "nope"],
        &expect![[r#"
            NAME    CIDR           SELECTOR       
            rack1   10.90.0.0/24   rack == 'r1'   

            --- stderr
            Error: IPPool `nope` does not exist
            [exit status: 1]
        "#]],
    );
    bench.check(
        &["get", "ippool", "nope", "-o", "yaml"],
        &expect![[r#"
        --- stderr
        Error: IPPool `nope` does not exist
        [exit status: 1]
    "#]],
    );
    bench.check(
        &["get", "widget"],
        &expect![[r#"
            --- stderr
            Error: resource type 'widget' is not supported
            Hint: there are ippool, ipreservation, node, ipamconfiguration and blockaffinity
            [exit status: 2]
        "#]],
    );
}

#[test]
fn what_get_prints_apply_takes() {
    let bench = pools();
    let shown = |format: &str| {
        let shown = bench.run(&["get", "ippool", "-o", format], "");
        String::from_utf8(shown.stdout).unwrap()
    };
    let expected = "Successfully applied 3 'IPPool' resource(s)\n--- stderr\nUnchanged: IPPool off\nUnchanged: IPPool rack1\nUnchanged: IPPool six\n";
    for format in ["yaml", "json"] {
        let applied = bench.run(&["apply", "-f", "-"], &shown(format));
        assert_eq!(show(&applied), expected, "{format}");
    }
}

#[test]
fn an_edit_from_an_older_state_is_refused() {
    let bench = pools();
    let shown = bench.run(&["get", "ippool", "six", "-o", "yaml"], "");
    let first = String::from_utf8(shown.stdout).unwrap() + "  disabled: true\n";
    let second = first.replace("disabled: true", "natOutgoing: true");
    bench.check_with(
        &["replace", "-f", "-"],
        &first,
        &expect![[r#"
            Successfully replaced 1 'IPPool' resource(s)
            --- stderr
            Changed IPPool six
        "#]],
    );
    bench.check_with(&["replace", "-f", "-"], &second, &expect![[r#"
        --- stderr
        Error: IPPool `six` was changed by somebody else: resourceVersion 3 was given, it is 5
        Hint: `ipamctl get ippool six -o yaml` shows the newest; leave resourceVersion out to overwrite it
        [exit status: 1]
    "#]]);
}

#[test]
fn rules_are_told_in_full_and_nothing_is_written() {
    let bench = Bench::new();
    let manifest = POOLS
        .replace("10.90.0.0/24", "10.90.0.7/24")
        .replace("124", "99");
    bench.check_with(&["create", "-f", "-"], &manifest, &expect![[r#"
        --- stderr
        Error: the manifest is refused, nothing was changed
          standard input, document 1: spec.cidr = '10.90.0.7/24': IPPool CIDR is not strictly masked; the network is 10.90.0.0/24
          standard input, document 2: spec.blockSize = '99': blockSize must be between 20 and 32 for IPv4 pools, and between 116 and 128 for IPv6 pools
        [exit status: 1]
    "#]]);
    assert!(!bench.path("ipam.db").exists());
}

#[test]
fn pools_that_overlap_and_immutable_fields_are_refused() {
    let bench = pools();
    let over = r#"{"apiVersion": "projectcalico.org/v3", "kind": "IPPool", "metadata": {"name": "over"}, "spec": {"cidr": "10.9.0.0/16"}}"#;
    bench.check_with(
        &["create", "-f", "-"],
        over,
        &expect![[r#"
        --- stderr
        Error: IPPool `over` is refused
          spec.cidr = '10.9.0.0/16': IPPool(over) CIDR overlaps with IPPool(off) CIDR 10.9.0.0/26
        [exit status: 1]
    "#]],
    );
    let moved = POOLS
        .replace("10.90.0.0/24", "10.91.0.0/24")
        .replace("blockSize: 28", "blockSize: 27");
    bench.check_with(
        &["apply", "-f", "-"],
        &moved,
        &expect![[r#"
            Successfully applied 2 'IPPool' resource(s)
            --- stderr
            Error: IPPool `rack1` is refused
              spec.cidr = '10.91.0.0/24': IPPool CIDR cannot be modified; it is 10.90.0.0/24
              spec.blockSize = '27': IPPool BlockSize cannot be modified; it is 28
            Unchanged: IPPool six
            Unchanged: IPPool off
            Error: 1 of 3 resources were refused, the others were written
            [exit status: 1]
        "#]],
    );
    let absent = POOLS.replace("rack1", "rack2");
    bench.check_with(
        &["replace", "-f", "-"],
        &absent,
        &expect![[r#"
            Successfully replaced 2 'IPPool' resource(s)
            --- stderr
            Error: IPPool `rack2` does not exist
            Hint: `ipamctl get ippool` lists what exists
            Unchanged: IPPool six
            Unchanged: IPPool off
            Error: 1 of 3 resources were refused, the others were written
            [exit status: 1]
        "#]],
    );
}

#[test]
fn pools_are_deleted_when_nothing_is_inside() {
    let bench = pools();
    bench.check(
        &["delete", "ippool", "six", "off"],
        &expect![[r#"
            Successfully deleted 2 'IPPool' resource(s)
            --- stderr
            Deleted IPPool six
            Deleted IPPool off
        "#]],
    );
    bench.check(
        &["delete", "ippool", "six"],
        &expect![[r#"
        --- stderr
        Error: IPPool `six` does not exist
        Hint: `ipamctl get ippool` lists what exists
        [exit status: 1]
    "#]],
    );
    bench.check(
        &["delete", "ippool", "six", "--skip-not-exists"],
        &expect![[r#"
        --- stderr
        Not there: IPPool six
    "#]],
    );
    bench.check_with(
        &["delete", "--skip-not-exists", "-f", "-"],
        POOLS,
        &expect![[r#"
            Successfully deleted 1 'IPPool' resource(s)
            --- stderr
            Deleted IPPool rack1
            Not there: IPPool six
            Not there: IPPool off
        "#]],
    );
    bench.check(&["get", "ippool", "-o", "name"], &expect![[r#""#]]);

    let bench = Bench::golden("calicoctl-base");
    bench.check(
        &["delete", "ippool", "rack1"],
        &expect![[r#"
            --- stderr
            Error: IPPool `rack1` (10.90.0.0/24) is not empty: 2 blocks (10.90.0.64/28, 10.90.0.224/28)
            Hint: set `disabled: true` in the pool and apply it, so that `rack1` gives out nothing more
            Hint: then end the workloads in it: `ipamctl ipam show --show-blocks` shows what is left
            Hint: or `--force` deletes it and leaves its addresses held in no pool
            [exit status: 1]
        "#]],
    );
    bench.check(
        &["delete", "node", "n1"],
        &expect![[r#"
            Successfully deleted 1 'Node' resource(s)
            --- stderr
            Blocks: 3 blocks in use are nobody's now, and their addresses stay held
            Deleted Node n1
        "#]],
    );
}

#[test]
fn a_pool_over_blocks_of_another_size_is_refused_with_the_way_out() {
    let bench = Bench::golden("pool-deleted-in-use");
    let shown = bench.run(&["get", "ippool", "-o", "name"], "");
    let text = String::from_utf8(shown.stdout).unwrap();
    assert_eq!(text, "");
    let pool = |size: u8| {
        format!(
            r#"{{"apiVersion": "projectcalico.org/v3", "kind": "IPPool", "metadata": {{"name": "anew"}}, "spec": {{"cidr": "10.24.0.0/24", "blockSize": {size}}}}}"#
        )
    };
    bench.check_with(
        &["create", "-f", "-"],
        &pool(26),
        &expect![[r#"
            --- stderr
            Error: IPPool `anew` (10.24.0.0/24, blocks of /26) conflicts with existing allocations that use a different blockSize: 1 block and 1 affinity without a block (10.24.0.8/30, 10.24.0.12/30)
            Hint: with `blockSize: 30` the pool takes over what is there, if all of it has that size
            [exit status: 1]
        "#]],
    );
    let by_force = ["create", "-f", "-", "--force"];
    bench.check_with(
        &[&by_force[..], &["--dry-run"]].concat(),
        &pool(26),
        &expect![[r#"
            --- stderr
            Warning: IPPool `anew` (10.24.0.0/24, blocks of /26) conflicts with existing allocations that use a different blockSize: 1 block and 1 affinity without a block (10.24.0.8/30, 10.24.0.12/30)
            Warning: what is held there stays held, and nobody is given more of it; an affinity without a block may become a block again by Calico's programs, and its addresses be given out twice
            Would create IPPool anew
        "#]],
    );
    bench.check_with(
        &["create", "-f", "-"],
        &pool(30),
        &expect![[r#"
            Successfully created 1 'IPPool' resource(s)
            --- stderr
            Created IPPool anew
        "#]],
    );
}

#[test]
fn a_pool_over_blocks_of_another_size_is_made_by_force_and_what_it_breaks_is_said() {
    let bench = Bench::golden("pool-deleted-in-use");
    let pool = r#"{"apiVersion": "projectcalico.org/v3", "kind": "IPPool", "metadata": {"name": "anew"}, "spec": {"cidr": "10.24.0.0/24", "blockSize": 26}}"#;
    bench.check_with(
        &["-v", "create", "-f", "-", "--force"],
        pool,
        &expect![[r#"
            Successfully created 1 'IPPool' resource(s)
            --- stderr
            Warning: IPPool `anew` (10.24.0.0/24, blocks of /26) conflicts with existing allocations that use a different blockSize: 1 block and 1 affinity without a block (10.24.0.8/30, 10.24.0.12/30)
            Warning: what is held there stays held, and nobody is given more of it; an affinity without a block may become a block again by Calico's programs, and its addresses be given out twice
            Created IPPool anew
            Requests: reads=3 commits=1 conflicts=0
        "#]],
    );
    let overlapping = pool.replace("anew", "other");
    bench.check_with(
        &["create", "-f", "-", "--force"],
        &overlapping,
        &expect![[r#"
            --- stderr
            Error: IPPool `other` is refused
              spec.cidr = '10.24.0.0/24': IPPool(other) CIDR overlaps with IPPool(anew) CIDR 10.24.0.0/24
            [exit status: 1]
        "#]],
    );
}

#[test]
fn reservations_nodes_and_the_configuration_are_resources_too() {
    let bench = Bench::new();
    let all = "\
apiVersion: projectcalico.org/v3
kind: IPReservation
metadata: {name: gateways}
spec: {reservedCIDRs: [10.90.0.0/30, 10.90.0.255/32]}
---
apiVersion: projectcalico.org/v3
kind: Node
metadata: {name: n1, labels: {rack: r1}}
---
apiVersion: projectcalico.org/v3
kind: IPAMConfiguration
metadata: {name: default}
spec: {strictAffinity: true, maxBlocksPerHost: 4}
";
    bench.check_with(
        &["apply", "-f", "-"],
        all,
        &expect![[r#"
            Successfully applied 3 resource(s)
            --- stderr
            Created IPReservation gateways
            Created Node n1
            Created IPAMConfiguration default
        "#]],
    );
    bench.check_with(
        &["apply", "-f", "-"],
        all,
        &expect![[r#"
            Successfully applied 3 resource(s)
            --- stderr
            Unchanged: IPReservation gateways
            Unchanged: Node n1
            Unchanged: IPAMConfiguration default
        "#]],
    );
    bench.check(
        &["get", "ipreservation", "-o", "wide"],
        &expect![[r#"
            NAME       CIDRS                         
            gateways   10.90.0.0/30,10.90.0.255/32   

        "#]],
    );
    bench.check(
        &["get", "ipreservation", "gateways", "-o", "yaml"],
        &expect![[r#"
        apiVersion: projectcalico.org/v3
        kind: IPReservation
        metadata:
          creationTimestamp: ".."
          name: gateways
          resourceVersion: "2"
          uid: ..
        spec:
          reservedCIDRs:
          - 10.90.0.0/30
          - 10.90.0.255/32
    "#]],
    );
    bench.check(
        &["get", "nodes"],
        &expect![[r#"
            NAME   
            n1     

        "#]],
    );
    bench.check(
        &["get", "node", "n1", "-o", "yaml"],
        &expect![[r#"
        apiVersion: projectcalico.org/v3
        kind: Node
        metadata:
          creationTimestamp: ".."
          labels:
            rack: r1
          name: n1
          resourceVersion: "3"
          uid: ..
        spec: {}
        status: {}
    "#]],
    );
    bench.check(
        &["get", "ipamconfig"],
        &expect![[r#"
            NAME      STRICTAFFINITY   AUTOALLOCATEBLOCKS   MAXBLOCKSPERHOST   IPCOOLDOWNSECONDS   
            default   true             true                 4                  0                   

        "#]],
    );
    bench.check(
        &["get", "ipamconfiguration", "default", "-o", "yaml"],
        &expect![[r#"
        apiVersion: projectcalico.org/v3
        kind: IPAMConfiguration
        metadata:
          name: default
          resourceVersion: "4"
        spec:
          autoAllocateBlocks: true
          ipCooldownSeconds: 0
          maxBlocksPerHost: 4
          strictAffinity: true
    "#]],
    );
    bench.check(
        &["delete", "ipreservation", "gateways"],
        &expect![[r#"
            Successfully deleted 1 'IPReservation' resource(s)
            --- stderr
            Deleted IPReservation gateways
        "#]],
    );
}
