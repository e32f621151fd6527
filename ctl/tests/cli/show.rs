//! What `ipam show` tells beyond the use of pools.

use expect_test::expect;

use crate::support::{Bench, show};

#[test]
fn borrowed_addresses_and_the_configuration_are_shown() {
    let bench = Bench::golden("calicoctl-base");
    bench.check(&["-v", "ipam", "show", "--show-borrowed"], &expect![[r#"
        +-------------+----------------+----------------+-------------+------+--------------+
        | IP          | BORROWING-NODE | BLOCK          | BLOCK OWNER | TYPE | ALLOCATED-TO |
        +-------------+----------------+----------------+-------------+------+--------------+
        | 10.90.0.233 | n2             | 10.90.0.224/28 | n1          | pod  | shop/web-3   |
        +-------------+----------------+----------------+-------------+------+--------------+

        Note: found 2 IP allocations without an explicit node association. Unable to determine if they are borrowed.
        --- stderr
        Requests: reads=1 commits=0 conflicts=0
    "#]]);
    bench.check(
        &["ipam", "show", "--show-borrowed", "-o", "json"],
        &expect![[r#"
            {
              "borrowed": [
                {
                  "address": "10.90.0.233",
                  "node": "n2",
                  "block": "10.90.0.224/28",
                  "blockOwner": "n1",
                  "type": "pod",
                  "workload": "shop/web-3"
                }
              ],
              "withoutNode": 2
            }
        "#]],
    );
    bench.check(
        &["-v", "ipam", "show", "--show-configuration"],
        &expect![[r#"
            +------------------------------+-----------+
            | PROPERTY                     | VALUE     |
            +------------------------------+-----------+
            | StrictAffinity               | false     |
            | AutoAllocateBlocks           | true      |
            | MaxBlocksPerHost             | 0         |
            | KubeVirtVMAddressPersistence | <not set> |
            | IPCooldownSeconds            | 3600      |
            +------------------------------+-----------+
            --- stderr
            Requests: reads=1 commits=0 conflicts=0
        "#]],
    );
    bench.check(
        &["ipam", "show", "--show-configuration", "-o", "json"],
        &expect![[r#"
            {
              "autoAllocateBlocks": true,
              "ipCooldownSeconds": 3600,
              "kubeVirtVMAddressPersistence": null,
              "maxBlocksPerHost": 0,
              "strictAffinity": false
            }
        "#]],
    );
}

#[test]
fn the_use_of_pools_is_told_to_prometheus() {
    let bench = Bench::golden("calicoctl-base");
    bench.check(&["-v", "ipam", "show", "-o", "prometheus"], &expect![[r##"
        # HELP block_ipam_pool_addresses Addresses of a pool by state; reserved ones count as reserved too when held.
        # TYPE block_ipam_pool_addresses gauge
        block_ipam_pool_addresses{pool="rack1",cidr="10.90.0.0/24",disabled="false",state="total"} 256
        block_ipam_pool_addresses{pool="rack1",cidr="10.90.0.0/24",disabled="false",state="in_use"} 8
        block_ipam_pool_addresses{pool="rack1",cidr="10.90.0.0/24",disabled="false",state="reserved"} 5
        block_ipam_pool_addresses{pool="rack1",cidr="10.90.0.0/24",disabled="false",state="free"} 243
        block_ipam_pool_addresses{pool="spare",cidr="10.91.0.0/26",disabled="true",state="total"} 64
        block_ipam_pool_addresses{pool="spare",cidr="10.91.0.0/26",disabled="true",state="in_use"} 1
        block_ipam_pool_addresses{pool="spare",cidr="10.91.0.0/26",disabled="true",state="reserved"} 0
        block_ipam_pool_addresses{pool="spare",cidr="10.91.0.0/26",disabled="true",state="free"} 63
        block_ipam_pool_addresses{pool="six",cidr="fd00:90::/120",disabled="false",state="total"} 256
        block_ipam_pool_addresses{pool="six",cidr="fd00:90::/120",disabled="false",state="in_use"} 2
        block_ipam_pool_addresses{pool="six",cidr="fd00:90::/120",disabled="false",state="reserved"} 0
        block_ipam_pool_addresses{pool="six",cidr="fd00:90::/120",disabled="false",state="free"} 254
        # HELP block_ipam_pool_cooling_addresses Addresses in use that are cooling.
        # TYPE block_ipam_pool_cooling_addresses gauge
        block_ipam_pool_cooling_addresses{pool="rack1",cidr="10.90.0.0/24",disabled="false"} 1
        block_ipam_pool_cooling_addresses{pool="spare",cidr="10.91.0.0/26",disabled="true"} 0
        block_ipam_pool_cooling_addresses{pool="six",cidr="fd00:90::/120",disabled="false"} 0
        # HELP block_ipam_pool_blocks Blocks of a pool.
        # TYPE block_ipam_pool_blocks gauge
        block_ipam_pool_blocks{pool="rack1",cidr="10.90.0.0/24",disabled="false"} 2
        block_ipam_pool_blocks{pool="spare",cidr="10.91.0.0/26",disabled="true"} 1
        block_ipam_pool_blocks{pool="six",cidr="fd00:90::/120",disabled="false"} 2
        # HELP block_ipam_orphaned_blocks Blocks in no pool.
        # TYPE block_ipam_orphaned_blocks gauge
        block_ipam_orphaned_blocks 0
        --- stderr
        Requests: reads=3 commits=0 conflicts=0
    "##]]);
    bench.check(
        &["ipam", "show", "--show-borrowed", "-o", "prometheus"],
        &expect![[r#"
            --- stderr
            Error: only the use of pools can be told to Prometheus
            [exit status: 2]
        "#]],
    );
}

#[test]
fn of_several_flags_the_first_of_calicoctls_order_counts() {
    let bench = Bench::golden("calicoctl-base");
    let shown = |flags: &[&str]| show(&bench.run(&[&["ipam", "show"], flags].concat(), ""));
    let all = [
        "--show-configuration",
        "--show-borrowed",
        "--show-blocks",
        "--ip=10.90.0.224",
    ];
    assert_eq!(shown(&all), shown(&all[3..]));
    assert_eq!(shown(&all[..3]), shown(&all[2..3]));
    assert_eq!(shown(&all[..2]), shown(&all[1..2]));
}
