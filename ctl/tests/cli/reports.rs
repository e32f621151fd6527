//! What is told about a store in use: the one of calicoctl's recorded runs.

use expect_test::expect;

use crate::support::Bench;

#[test]
fn the_use_of_pools_is_told_in_calicoctls_numbers() {
    let bench = Bench::golden("calicoctl-base");
    bench.check(
        &["ipam", "show"],
        &expect![[r#"
            +----------+---------------+-----------+------------+--------------+-----------+
            | GROUPING | CIDR          | IPS TOTAL | IPS IN USE | IPS RESERVED | IPS FREE  |
            +----------+---------------+-----------+------------+--------------+-----------+
            | IP Pool  | 10.90.0.0/24  |       256 |     8 (3%) |       5 (2%) | 243 (95%) |
            | IP Pool  | fd00:90::/120 |       256 |     2 (1%) |       0 (0%) | 254 (99%) |
            | IP Pool  | 10.91.0.0/26  |        64 |     1 (2%) |       0 (0%) |  63 (98%) |
            +----------+---------------+-----------+------------+--------------+-----------+
        "#]],
    );
    bench.check(
        &["ipam", "show", "--show-blocks"],
        &expect![[r#"
            +----------+-----------------+-----------+------------+--------------+-----------+
            | GROUPING | CIDR            | IPS TOTAL | IPS IN USE | IPS RESERVED | IPS FREE  |
            +----------+-----------------+-----------+------------+--------------+-----------+
            | IP Pool  | 10.90.0.0/24    |       256 |     8 (3%) |       5 (2%) | 243 (95%) |
            | Block    | 10.90.0.224/28  |        16 |    7 (44%) |       0 (0%) |   9 (56%) |
            | Block    | 10.90.0.64/28   |        16 |     1 (6%) |       0 (0%) |  15 (94%) |
            | IP Pool  | fd00:90::/120   |       256 |     2 (1%) |       0 (0%) | 254 (99%) |
            | Block    | fd00:90::40/124 |        16 |     1 (6%) |       0 (0%) |  15 (94%) |
            | Block    | fd00:90::e0/124 |        16 |     1 (6%) |       0 (0%) |  15 (94%) |
            | IP Pool  | 10.91.0.0/26    |        64 |     1 (2%) |       0 (0%) |  63 (98%) |
            | Block    | 10.91.0.0/26    |        64 |     1 (2%) |       0 (0%) |  63 (98%) |
            +----------+-----------------+-----------+------------+--------------+-----------+
        "#]],
    );
    bench.check(
        &["ipam", "show", "-o", "json"],
        &expect![[r#"
        {
          "pools": [
            {
              "name": "rack1",
              "cidr": "10.90.0.0/24",
              "disabled": false,
              "total": 256,
              "inUse": 8,
              "reserved": 5,
              "free": 243,
              "blocks": [
                {
                  "cidr": "10.90.0.64/28",
                  "owner": "host:n2",
                  "total": 16,
                  "inUse": 1,
                  "reserved": 0,
                  "free": 15,
                  "cooling": 0
                },
                {
                  "cidr": "10.90.0.224/28",
                  "owner": "host:n1",
                  "total": 16,
                  "inUse": 7,
                  "reserved": 0,
                  "free": 9,
                  "cooling": 1
                }
              ]
            },
            {
              "name": "spare",
              "cidr": "10.91.0.0/26",
              "disabled": true,
              "total": 64,
              "inUse": 1,
              "reserved": 0,
              "free": 63,
              "blocks": [
                {
                  "cidr": "10.91.0.0/26",
                  "owner": "host:n1",
                  "total": 64,
                  "inUse": 1,
                  "reserved": 0,
                  "free": 63,
                  "cooling": 0
                }
              ]
            },
            {
              "name": "six",
              "cidr": "fd00:90::/120",
              "disabled": false,
              "total": 256,
              "inUse": 2,
              "reserved": 0,
              "free": 254,
              "blocks": [
                {
                  "cidr": "fd00:90::40/124",
                  "owner": "host:n2",
                  "total": 16,
                  "inUse": 1,
                  "reserved": 0,
                  "free": 15,
                  "cooling": 0
                },
                {
                  "cidr": "fd00:90::e0/124",
                  "owner": "host:n1",
                  "total": 16,
                  "inUse": 1,
                  "reserved": 0,
                  "free": 15,
                  "cooling": 0
                }
              ]
            }
          ],
          "orphanedBlocks": []
        }
    "#]],
    );
}

#[test]
fn blocks_without_a_pool_are_shown() {
    let bench = Bench::golden("pool-deleted-in-use");
    bench.check(
        &["ipam", "show", "--show-blocks"],
        &expect![[r#"
            +----------+--------------+-----------+------------+--------------+----------+
            | GROUPING | CIDR         | IPS TOTAL | IPS IN USE | IPS RESERVED | IPS FREE |
            +----------+--------------+-----------+------------+--------------+----------+
            | Block    | 10.24.0.8/30 |         4 |    1 (25%) |       0 (0%) |  3 (75%) |
            +----------+--------------+-----------+------------+--------------+----------+
        "#]],
    );
}

#[test]
fn records_that_cannot_be_read_hide_no_others() {
    let bench = Bench::golden("damaged");
    bench.put(&[
        (
            "/calico/ipam/v2/assignment/ipv4/block/10.1.0.0-26".to_owned(),
            "{".to_owned(),
        ),
        (
            "/calico/resources/v3/projectcalico.org/ippools/broken".to_owned(),
            "{\"spec\":{\"cidr\":\"x\"}}".to_owned(),
        ),
    ]);
    bench.check(&["ipam", "show"], &expect![[r#"
        +----------+---------------+-----------+------------+--------------+----------+
        | GROUPING | CIDR          | IPS TOTAL | IPS IN USE | IPS RESERVED | IPS FREE |
        +----------+---------------+-----------+------------+--------------+----------+
        | IP Pool  | 10.131.0.0/30 |         4 |     0 (0%) |       0 (0%) | 4 (100%) |
        | IP Pool  | 10.130.0.0/27 |        32 |    8 (25%) |       0 (0%) | 24 (75%) |
        +----------+---------------+-----------+------------+--------------+----------+
        --- stderr
        Error: 2 records cannot be read and are not shown
          /calico/resources/v3/projectcalico.org/ippools/broken: member `spec`: member `cidr`: `x` is not a CIDR such as 10.64.0.0/16 or fd00:64::/64
          /calico/ipam/v2/assignment/ipv4/block/10.1.0.0-26: it is not JSON: EOF while parsing an object at line 1 column 1
        [exit status: 1]
    "#]]);
    bench.check(&["get", "ippool", "-o", "name"], &expect![[r#"
        ippool/off
        ippool/p
        --- stderr
        Error: record /calico/resources/v3/projectcalico.org/ippools/broken is corrupt: member `spec`: member `cidr`: `x` is not a CIDR such as 10.64.0.0/16 or fd00:64::/64
        [exit status: 1]
    "#]]);
}

#[test]
fn an_address_is_told_about_with_handle_and_attributes() {
    let bench = Bench::golden("calicoctl-base");
    for (address, expected) in [
        (
            "10.90.0.224",
            expect![[r#"
            IP 10.90.0.224 is in use
            Handle ID: k8s-pod-network.aaa
            Active Owner Attributes:
              namespace: shop
              node: n1
              pod: web-1
              timestamp: 2026-11-21 08:00:00.5 +0000 UTC
            Block: 10.90.0.224/28 of host:n1
            IP Pool: rack1 (10.90.0.0/24)
        "#]],
        ),
        (
            "fd00:90::e0",
            expect![[r#"
            IP fd00:90::e0 is in use
            Handle ID: k8s-pod-network.aaa
            Active Owner Attributes:
              namespace: shop
              node: n1
              pod: web-1
              timestamp: 2026-11-21 08:00:00.5 +0000 UTC
            Block: fd00:90::e0/124 of host:n1
            IP Pool: six (fd00:90::/120)
        "#]],
        ),
        (
            "10.90.0.235",
            expect![[r#"
            IP 10.90.0.235 is in use
            Handle ID: <none>
            No Active Owner attributes defined
            Block: 10.90.0.224/28 of host:n1
            IP Pool: rack1 (10.90.0.0/24)
        "#]],
        ),
        (
            "10.90.0.227",
            expect![[r#"
            IP 10.90.0.227 is in use
            Handle ID: k8s-pod-network.vmi.shop.vm1
            Active Owner Attributes:
              namespace: shop
              node: n1
              pod: virt-launcher-vm1-a
              timestamp: 2026-11-21 08:00:00.5 +0000 UTC
              vmi-name: vm1
            Alternate Owner Attributes:
              namespace: shop
              node: n2
              pod: virt-launcher-vm1-b
              timestamp: 2026-11-21 08:00:00.5 +0000 UTC
              vmi-name: vm1
            Block: 10.90.0.224/28 of host:n1
            IP Pool: rack1 (10.90.0.0/24)
        "#]],
        ),
        (
            "10.90.0.226",
            expect![[r#"
            10.90.0.226 is in cooldown: it was released at 2026-11-21T08:21:50Z
            Block: 10.90.0.224/28 of host:n1
            IP Pool: rack1 (10.90.0.0/24)
        "#]],
        ),
        (
            "10.91.0.7",
            expect![[r#"
            IP 10.91.0.7 is in use
            Handle ID: k8s-pod-network.ddd
            Active Owner Attributes:
              namespace: shop
              node: n1
              pod: web-4
              timestamp: 2026-11-21 08:00:00.5 +0000 UTC
            Block: 10.91.0.0/26 of host:n1
            IP Pool: spare (10.91.0.0/26), disabled
        "#]],
        ),
        (
            "10.90.0.1",
            expect![[r#"
            10.90.0.1 is not assigned
            IP Pool: rack1 (10.90.0.0/24)
            Reserved by: gateways
        "#]],
        ),
        (
            "192.0.2.1",
            expect![[r#"
            192.0.2.1 is not assigned
            IP Pool: none
        "#]],
        ),
    ] {
        bench.check(&["ipam", "show", &format!("--ip={address}")], &expected);
    }
    bench.check(
        &["ipam", "show", "--ip=10.90.0.224", "-o", "json"],
        &expect![[r#"
        {
          "address": "10.90.0.224",
          "state": "assigned",
          "handle": "k8s-pod-network.aaa",
          "attributes": {
            "namespace": "shop",
            "node": "n1",
            "pod": "web-1",
            "timestamp": "2026-11-21 08:00:00.5 +0000 UTC"
          },
          "alternateAttributes": {},
          "releasedAt": null,
          "block": "10.90.0.224/28",
          "blockOwner": "host:n1",
          "pool": "rack1",
          "poolDisabled": false,
          "reservation": null
        }
    "#]],
    );
    bench.check(
        &["ipam", "show", "--ip=10.90.0"],
        &expect![[r#"
        --- stderr
        error: invalid value '10.90.0' for '--ip <ADDRESS>': `10.90.0` is not an IP address

        For more information, try '--help'.
        [exit status: 2]
    "#]],
    );
}

#[test]
fn an_address_is_released_whoever_holds_it() {
    let bench = Bench::golden("calicoctl-base");
    bench.check(
        &["ipam", "release", "--ip=10.90.0.235"],
        &expect![[r#"
            Successfully released IP address 10.90.0.235
        "#]],
    );
    bench.check(
        &["ipam", "release", "--ip=10.90.0.235"],
        &expect![[r#"
        --- stderr
        Error: IP address 10.90.0.235 is not assigned
        Hint: `ipamctl ipam show --ip=10.90.0.235` tells about the address
        [exit status: 1]
    "#]],
    );
    bench.check(
        &["ipam", "release", "--ip=10.90.0.233", "-o", "json"],
        &expect![[r#"
            {
              "released": [
                "10.90.0.233"
              ]
            }
        "#]],
    );
    bench.check(
        &["ipam", "release", "--ip=192.0.2.1"],
        &expect![[r#"
        --- stderr
        Error: IP address 192.0.2.1 is not assigned
        Hint: `ipamctl ipam show --ip=192.0.2.1` tells about the address
        [exit status: 1]
    "#]],
    );
    bench.check(
        &["ipam", "release"],
        &expect![[r#"
        --- stderr
        error: the following required arguments were not provided:
          --ip <ADDRESS>

        Usage: ipamctl ipam release --ip <ADDRESS>

        For more information, try '--help'.
        [exit status: 2]
    "#]],
    );
}

#[test]
fn a_node_is_told_about_with_blocks_and_addresses() {
    let bench = Bench::golden("calicoctl-base");
    bench.check(&["node", "show", "n1"], &expect![[r#"
        BLOCK            AFFINITY   IPS IN USE  IPS FREE
        10.90.0.224/28   confirmed           7         9
        10.91.0.0/26     confirmed           1        63
        fd00:90::e0/124  confirmed           1        15

        IP           BLOCK            BORROWED  WORKLOAD                  HANDLE
        10.90.0.224  10.90.0.224/28   no        shop/web-1                k8s-pod-network.aaa
        10.90.0.225  10.90.0.224/28   no        shop/web-1                k8s-pod-network.aaa
        10.90.0.227  10.90.0.224/28   no        shop/virt-launcher-vm1-a  k8s-pod-network.vmi.shop.vm1
        10.90.0.234  10.90.0.224/28   no        vxlanTunnelAddress        vxlan-tunnel-addr-n1
        10.90.0.235  10.90.0.224/28   no                                  <none>
        10.91.0.7    10.91.0.0/26     no        shop/web-4                k8s-pod-network.ddd
        fd00:90::e0  fd00:90::e0/124  no        shop/web-1                k8s-pod-network.aaa
    "#]]);
    bench.check(
        &["node", "show", "n2", "-o", "json"],
        &expect![[r#"
        {
          "node": "n2",
          "registered": true,
          "blocks": [
            {
              "cidr": "10.90.0.64/28",
              "affinity": "confirmed",
              "owned": true,
              "inUse": 1,
              "free": 15
            },
            {
              "cidr": "fd00:90::40/124",
              "affinity": "confirmed",
              "owned": true,
              "inUse": 1,
              "free": 15
            }
          ],
          "addresses": [
            {
              "address": "10.90.0.64",
              "block": "10.90.0.64/28",
              "borrowed": false,
              "handle": "k8s-pod-network.bbb",
              "workload": "shop/web-2"
            },
            {
              "address": "fd00:90::40",
              "block": "fd00:90::40/124",
              "borrowed": false,
              "handle": "k8s-pod-network.bbb",
              "workload": "shop/web-2"
            }
          ]
        }
    "#]],
    );
    bench.put(&[(
        "/block-ipam/v1/borrowed/n2/10.90.0.224-28".to_owned(),
        "{}".to_owned(),
    )]);
    bench.check(
        &["node", "show", "n2"],
        &expect![[r#"
        BLOCK            AFFINITY   IPS IN USE  IPS FREE
        10.90.0.64/28    confirmed           1        15
        fd00:90::40/124  confirmed           1        15

        IP           BLOCK            BORROWED  WORKLOAD    HANDLE
        10.90.0.64   10.90.0.64/28    no        shop/web-2  k8s-pod-network.bbb
        10.90.0.233  10.90.0.224/28   yes       shop/web-3  k8s-pod-network.ccc
        fd00:90::40  fd00:90::40/124  no        shop/web-2  k8s-pod-network.bbb
    "#]],
    );
    bench.check(
        &["node", "show", "nobody"],
        &expect![[r#"
            --- stderr
            Error: node `nobody` is not known: it has no Node record, no block and no borrowed address
            Hint: `ipamctl node list` lists those that are
            [exit status: 1]
        "#]],
    );
}
