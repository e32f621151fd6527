//! `delete`: what is in use is refused with the numbers, and changed by nothing; what is empty goes with its blocks.

use expect_test::expect;

use crate::support::Bench;

#[test]
fn a_pool_in_use_is_refused_and_left_as_it_was() {
    let bench = Bench::golden("calicoctl-base");
    bench.check(
        &["-v", "delete", "ippool", "rack1"],
        &expect![[r#"
        --- stderr
        Error: IPPool `rack1` (10.90.0.0/24) is not empty: 2 blocks (10.90.0.64/28, 10.90.0.224/28)
        Hint: set `disabled: true` in the pool and apply it, so that `rack1` gives out nothing more
        Hint: then end the workloads in it: `ipamctl ipam show --show-blocks` shows what is left
        Hint: or `--force` deletes it and leaves its addresses held in no pool
        Requests: reads=8 commits=0 conflicts=0
        [exit status: 1]
    "#]],
    );
    bench.check(
        &["get", "ippool", "-o", "custom-columns=NAME,DISABLED"],
        &expect![[r#"
            NAME    DISABLED   
            rack1   false      
            six     false      
            spare   true       

        "#]],
    );
}

#[test]
fn a_pool_in_use_goes_by_force_and_its_addresses_stay_held() {
    let bench = Bench::golden("calicoctl-base");
    bench.check(
        &["delete", "ippool", "rack1", "--force", "--dry-run"],
        &expect![[r#"
            would change pool `rack1`
            would create borrowing of `n2` from 10.90.0.64/28
            would change block 10.90.0.64/28
            would delete affinity of host:n2 to 10.90.0.64/28
            would create borrowing of `n1` from 10.90.0.224/28
            would change block 10.90.0.224/28
            would delete affinity of host:n1 to 10.90.0.224/28
            would delete pool `rack1`
        "#]],
    );
    bench.check(
        &["-v", "delete", "ippool", "rack1", "--force"],
        &expect![[r#"
            Successfully deleted 1 'IPPool' resource(s)
            --- stderr
            Blocks: 2 blocks in use are nobody's now, and their addresses stay held
            Deleted IPPool rack1
            Requests: reads=6 commits=3 conflicts=0
        "#]],
    );
    bench.check(
        &["ipam", "show", "--show-blocks"],
        &expect![[r#"
            +----------+-----------------+-----------+------------+--------------+-----------+
            | GROUPING | CIDR            | IPS TOTAL | IPS IN USE | IPS RESERVED | IPS FREE  |
            +----------+-----------------+-----------+------------+--------------+-----------+
            | IP Pool  | fd00:90::/120   |       256 |     2 (1%) |       0 (0%) | 254 (99%) |
            | Block    | fd00:90::40/124 |        16 |     1 (6%) |       0 (0%) |  15 (94%) |
            | Block    | fd00:90::e0/124 |        16 |     1 (6%) |       0 (0%) |  15 (94%) |
            | IP Pool  | 10.91.0.0/26    |        64 |     1 (2%) |       0 (0%) |  63 (98%) |
            | Block    | 10.91.0.0/26    |        64 |     1 (2%) |       0 (0%) |  63 (98%) |
            | Block    | 10.90.0.224/28  |        16 |    6 (38%) |       0 (0%) |  10 (62%) |
            | Block    | 10.90.0.64/28   |        16 |     1 (6%) |       0 (0%) |  15 (94%) |
            +----------+-----------------+-----------+------------+--------------+-----------+
        "#]],
    );
    bench.check(
        &["ipam", "show", "--ip=10.90.0.224"],
        &expect![[r#"
        IP 10.90.0.224 is in use
        Handle ID: k8s-pod-network.aaa
        Active Owner Attributes:
          namespace: shop
          node: n1
          pod: web-1
          timestamp: 2026-11-21 08:00:00.5 +0000 UTC
        Block: 10.90.0.224/28 of nobody
        IP Pool: none
    "#]],
    );
}

#[test]
fn an_empty_pool_goes_with_its_blocks_and_affinities() {
    let bench = Bench::golden("affinities-empty");
    let pools = bench.run(&["get", "ippool", "-o", "name"], "");
    let pools = String::from_utf8(pools.stdout).unwrap();
    let name = pools
        .lines()
        .next()
        .unwrap()
        .strip_prefix("ippool/")
        .unwrap();
    bench.check(
        &["delete", "ippool", name, "--dry-run"],
        &expect![[r#"
            would change pool `p4`
            would delete block 10.81.0.0/30
            would delete affinity of host:n2 to 10.81.0.0/30
            would delete block 10.81.0.4/30
            would delete affinity of host:n1 to 10.81.0.4/30
            would delete block 10.81.0.8/30
            would delete affinity of host:n2 to 10.81.0.8/30
            would delete block 10.81.0.12/30
            would delete affinity of host:n2 to 10.81.0.12/30
            would delete pool `p4`
        "#]],
    );
    bench.check(
        &["-v", "delete", "ippool", name],
        &expect![[r#"
            Successfully deleted 1 'IPPool' resource(s)
            --- stderr
            Blocks: 4 empty blocks deleted
            Deleted IPPool p4
            Requests: reads=17 commits=3 conflicts=0
        "#]],
    );
    bench.check(
        &["-v", "delete", "ippool", name],
        &expect![[r#"
        --- stderr
        Error: IPPool `p4` does not exist
        Hint: `ipamctl get ippool` lists what exists
        Requests: reads=1 commits=0 conflicts=0
        [exit status: 1]
    "#]],
    );
    bench.check(
        &["get", "blockaffinity"],
        &expect![[r#"
            NAME   CIDR   OWNER   STATE   

        "#]],
    );
}

#[test]
fn a_node_goes_with_its_affinities() {
    let bench = Bench::golden("calicoctl-base");
    bench.check(
        &["delete", "node", "n2", "--dry-run"],
        &expect![[r#"
            would delete node `n2`
            would create borrowing of `n2` from 10.90.0.64/28
            would change block 10.90.0.64/28
            would delete affinity of host:n2 to 10.90.0.64/28
            would create borrowing of `n2` from fd00:90::40/124
            would change block fd00:90::40/124
            would delete affinity of host:n2 to fd00:90::40/124
        "#]],
    );
    bench.check(
        &["-v", "delete", "node", "n2"],
        &expect![[r#"
            Successfully deleted 1 'Node' resource(s)
            --- stderr
            Blocks: 2 blocks in use are nobody's now, and their addresses stay held
            Deleted Node n2
            Requests: reads=9 commits=2 conflicts=0
        "#]],
    );
    bench.check(
        &["delete", "node", "n2"],
        &expect![[r#"
        --- stderr
        Error: Node `n2` does not exist
        Hint: `ipamctl get node` lists what exists
        [exit status: 1]
    "#]],
    );
    bench.check(
        &["delete", "node", "n2", "--skip-not-exists"],
        &expect![[r#"
            --- stderr
            Not there: Node n2
        "#]],
    );
    bench.check(
        &["get", "node"],
        &expect![[r#"
            NAME   
            n1     

        "#]],
    );
    bench.check(
        &["get", "blockaffinities"],
        &expect![[r#"
            NAME                 CIDR              OWNER     STATE       
            n1-10-90-0-224-28    10.90.0.224/28    host:n1   confirmed   
            n1-10-91-0-0-26      10.91.0.0/26      host:n1   confirmed   
            n1-fd00-90--e0-124   fd00:90::e0/124   host:n1   confirmed   

        "#]],
    );
}

#[test]
fn what_cannot_be_deleted_is_said() {
    let bench = Bench::golden("calicoctl-base");
    bench.check(
        &["delete", "ipamconfig", "default"],
        &expect![[r#"
        --- stderr
        Error: IPAMConfiguration cannot be deleted: `ipamctl ipam configure` changes it
        [exit status: 2]
    "#]],
    );
    bench.check(
        &["delete", "blockaffinity", "x"],
        &expect![[r#"
        --- stderr
        Error: BlockAffinity cannot be deleted by this command
        Hint: `ipamctl ipam repair` drops affinities that stand for nothing
        [exit status: 2]
    "#]],
    );
    bench.check(
        &["delete", "ipool", "rack1"],
        &expect![[r#"
            --- stderr
            Error: resource type 'ipool' is not supported
            Hint: did you mean ippool?
            Hint: there are ippool, ipreservation, node, ipamconfiguration and blockaffinity
            [exit status: 2]
        "#]],
    );
}
