//! `ipam split`: all or nothing, without a lock.

use expect_test::expect;

use crate::support::Bench;

#[test]
fn a_pool_becomes_its_parts_and_its_blocks_stay() {
    let bench = Bench::golden("calicoctl-base");
    bench.check(
        &["ipam", "split", "2", "--name=six", "--dry-run"],
        &expect![[r#"
            would delete pool `six`
            would create pool `split-six-0`
            would create pool `split-six-1`
        "#]],
    );
    bench.check(
        &["-v", "ipam", "split", "2", "--name=six"],
        &expect![[r#"
        IP Pool six was successfully split into 2 smaller pools.
        Created split-six-0 with CIDR fd00:90::/121.
        Created split-six-1 with CIDR fd00:90::80/121.
        --- stderr
        Requests: reads=1 commits=1 conflicts=0
    "#]],
    );
    bench.check(&["get", "ippool", "-o", "wide"], &expect![[r#"
        NAME          CIDR              NAT     IPIPMODE   VXLANMODE   DISABLED   DISABLEBGPEXPORT   SELECTOR       ASSIGNMENTMODE   BLOCKSIZE   ALLOWEDUSES       NAMESPACESELECTOR   
        rack1         10.90.0.0/24      true    Never      Never       false      false              rack == 'r1'   Automatic        28          Workload,Tunnel                       
        spare         10.91.0.0/26      false   Never      Never       true       false              all()          Automatic        26          Workload,Tunnel                       
        split-six-0   fd00:90::/121     false   Never      Never       false      false              all()          Automatic        124         Workload,Tunnel                       
        split-six-1   fd00:90::80/121   false   Never      Never       false      false              all()          Automatic        124         Workload,Tunnel                       

    "#]]);
    bench.check(
        &["ipam", "show", "--show-blocks"],
        &expect![[r#"
            +----------+-----------------+-----------+------------+--------------+-----------+
            | GROUPING | CIDR            | IPS TOTAL | IPS IN USE | IPS RESERVED | IPS FREE  |
            +----------+-----------------+-----------+------------+--------------+-----------+
            | IP Pool  | 10.90.0.0/24    |       256 |     8 (3%) |       5 (2%) | 243 (95%) |
            | Block    | 10.90.0.224/28  |        16 |    7 (44%) |       0 (0%) |   9 (56%) |
            | Block    | 10.90.0.64/28   |        16 |     1 (6%) |       0 (0%) |  15 (94%) |
            | IP Pool  | 10.91.0.0/26    |        64 |     1 (2%) |       0 (0%) |  63 (98%) |
            | Block    | 10.91.0.0/26    |        64 |     1 (2%) |       0 (0%) |  63 (98%) |
            | IP Pool  | fd00:90::/121   |       128 |     1 (1%) |       0 (0%) | 127 (99%) |
            | Block    | fd00:90::40/124 |        16 |     1 (6%) |       0 (0%) |  15 (94%) |
            | IP Pool  | fd00:90::80/121 |       128 |     1 (1%) |       0 (0%) | 127 (99%) |
            | Block    | fd00:90::e0/124 |        16 |     1 (6%) |       0 (0%) |  15 (94%) |
            +----------+-----------------+-----------+------------+--------------+-----------+
        "#]],
    );
    bench.check(
        &["ipam", "explain", "n1", "--family", "6"],
        &expect![[r#"
        IPv6:
          pool split-six-0 fd00:90::/121: may serve
          pool split-six-1 fd00:90::80/121: may serve
          own block fd00:90::e0/124: 15 of 16 free (0 of them reserved), 0 cooling
        would get fd00:90::e1
    "#]],
    );
}

#[test]
fn what_makes_no_parts_changes_nothing() {
    let bench = Bench::golden("calicoctl-base");
    for arguments in [
        &["3", "--name=six"][..],
        &["512", "--cidr=fd00:90::/120"],
        &["32", "--cidr=fd00:90::/120"],
        &["2", "--name=absent"],
    ] {
        let output = bench.run(&[&["ipam", "split"], arguments].concat(), "");
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
    }
    for arguments in [
        &["2"][..],
        &["two", "--name=rack1"],
        &["2", "--name=a", "--cidr=::/0"],
    ] {
        let output = bench.run(&[&["ipam", "split"], arguments].concat(), "");
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
    }
    bench.check(
        &["get", "ippool", "-o", "custom-columns=NAME,CIDR,DISABLED"],
        &expect![[r#"
            NAME    CIDR            DISABLED   
            rack1   10.90.0.0/24    false      
            six     fd00:90::/120   false      
            spare   10.91.0.0/26    true       

        "#]],
    );
}
