//! `ipam repair`: the plan first, then each half state set right, and what is too young left alone.

use expect_test::expect;

use crate::support::{Bench, show};

#[test]
fn a_plan_is_shown_and_nothing_done_without_a_yes() {
    let bench = Bench::golden("block-without-affinity");
    bench.check(&["-v", "ipam", "repair", "--dry-run"], &expect![[r#"
        confirm the affinity of host:n1 to block 10.85.0.4/30: its owner host:n1 has no affinity to it
        --- stderr
        Requests: reads=10 commits=0 conflicts=0
    "#]]);
    bench.check(&["ipam", "repair"], &expect![[r#"
        confirm the affinity of host:n1 to block 10.85.0.4/30: its owner host:n1 has no affinity to it
        --- stderr
        Error: nothing was done: nobody can be asked here
        Hint: `--yes` does it, `--dry-run` shows what would be done
        [exit status: 1]
    "#]]);
    bench.check(&["-v", "ipam", "repair", "--yes"], &expect![[r#"
        confirm the affinity of host:n1 to block 10.85.0.4/30: its owner host:n1 has no affinity to it
        --- stderr
        Repairs: 1 done
        Requests: reads=11 commits=1 conflicts=0
    "#]]);
    bench.check(&["ipam", "check"], &expect![[r#"
        Looked at 1 pools, 1 blocks, 1 addresses, 1 affinities, 1 handles and 2 nodes at revision 11.
        No workload endpoints are in this store: whether workloads use their addresses is not known.
        Found 0 IPs that are allocated in IPAM but not actually in use.
        Found 0 in-use IPs that are not in active IP pools.
        Found 0 in-use IPs that are in active IP pools but have no corresponding IPAM allocation.
        Check complete; found 0 problems.
    "#]]);
    bench.check(
        &["ipam", "repair", "--yes"],
        &expect![[r#"
        --- stderr
        There is nothing to repair
    "#]],
    );
}

#[test]
fn what_may_be_half_a_step_waits_for_a_second_look() {
    let bench = Bench::golden("handle-too-high");
    bench.check(
        &["ipam", "repair", "--yes"],
        &expect![[r#"
        set the counts of handle `net.h2` to what it holds: counts 1 and holds no address
        --- stderr
        Repairs: 1 left, for they may be half steps of requests under way
    "#]],
    );
    let output = bench.run(&["ipam", "check", "-o", "r.json"], "");
    assert_eq!(output.status.code(), Some(3), "{}", show(&output));

    bench.check(
        &["ipam", "repair", "--yes", "--from-report=r.json"],
        &expect![[r#"
            set the counts of handle `net.h2` to what it holds: counts 1 and holds no address
            --- stderr
            Repairs: 1 left, for they may be half steps of requests under way
        "#]],
    );
    let text = std::fs::read_to_string(bench.path("r.json")).unwrap();
    let at = text.find("\"takenAt\": \"").unwrap() + 12;
    bench.file(
        "r.json",
        &format!("{}2020-01-01T00:00:00Z{}", &text[..at], &text[at + 20..]),
    );
    bench.check(
        &["ipam", "repair", "--yes", "--from-report=r.json"],
        &expect![[r#"
            set the counts of handle `net.h2` to what it holds: counts 1 and holds no address
            --- stderr
            Repairs: 1 done
        "#]],
    );
    bench.check(&["ipam", "check"], &expect![[r#"
        Looked at 1 pools, 1 blocks, 1 addresses, 1 affinities, 1 handles and 2 nodes at revision 13.
        No workload endpoints are in this store: whether workloads use their addresses is not known.
        Found 0 IPs that are allocated in IPAM but not actually in use.
        Found 0 in-use IPs that are not in active IP pools.
        Found 0 in-use IPs that are in active IP pools but have no corresponding IPAM allocation.
        Check complete; found 0 problems.
    "#]]);
}

#[test]
fn a_file_that_is_no_report_is_refused() {
    let bench = Bench::golden("handle-too-high");
    bench.file("x.json", "{\"findings\": []}");
    bench.check(
        &["ipam", "repair", "--yes", "--from-report=x.json"],
        &expect![[r#"
            --- stderr
            Error: x.json is no report of `ipam check`
            Caused by: missing field `allocations` at line 1 column 16
            [exit status: 1]
        "#]],
    );
    bench.check(
        &["ipam", "repair", "--yes", "--from-report=absent.json"],
        &expect![[r#"
            --- stderr
            Error: absent.json cannot be read
            Caused by: No such file or directory (os error 2)
            [exit status: 1]
        "#]],
    );
}

/// Every half state that a crash of Calico left in the recordings: what is done at once, and what is left then.
#[test]
fn recorded_half_states_are_set_right() {
    let mut text = String::new();
    for name in [
        "crash-assign-1",
        "crash-claim-1",
        "crash-claim-2",
        "crash-release-1",
        "crash-release-2",
        "crash-release-handle",
        "crash-release-used-2",
        "ownerless-empty-block",
        "block-entry-without-handle",
        "affinity-without-block",
    ] {
        let bench = Bench::golden(name);
        let repaired = bench.run(&["ipam", "repair", "--yes"], "");
        let after = show(&bench.run(&["ipam", "check"], ""));
        let last = after
            .lines()
            .find(|line| line.starts_with("Check complete"));
        text += &format!(
            "{name}\n{}{}\n",
            show(&repaired),
            last.expect("a last line")
        );
    }
    expect![[r#"
        crash-assign-1
        set the counts of handle `net.h2` to what it holds: counts 1 and holds no address
        --- stderr
        Repairs: 1 left, for they may be half steps of requests under way
        Check complete; found 1 problems.
        crash-claim-1
        drop the affinity of host:n1 to block 10.85.0.0/30: is pending, and the block does not exist
        --- stderr
        Repairs: 1 left, for they may be half steps of requests under way
        Check complete; found 1 problems.
        crash-claim-2
        confirm the affinity of host:n1 to block 10.85.0.0/30: is pending, and the block is the owner's
        --- stderr
        Repairs: 1 done
        Check complete; found 0 problems.
        crash-release-1
        confirm the affinity of host:n1 to block 10.85.0.0/30: is pendingDeletion, and the block is the owner's
        --- stderr
        Repairs: 1 done
        Check complete; found 0 problems.
        crash-release-2
        drop the affinity of host:n1 to block 10.85.0.0/30: is pendingDeletion, and the block does not exist
        --- stderr
        Repairs: 1 left, for they may be half steps of requests under way
        Check complete; found 1 problems.
        crash-release-handle
        set the counts of handle `net.h5` to what it holds: counts 1 and holds no address
        --- stderr
        Repairs: 1 left, for they may be half steps of requests under way
        Check complete; found 1 problems.
        crash-release-used-2
        drop the affinity of host:n1 to block 10.85.0.0/30: is pendingDeletion, and the block has no owner
        set right the index of what `n1` borrows from block 10.85.0.0/30: is not in the index
        --- stderr
        Repairs: 1 done, 1 left, for they may be half steps of requests under way
        Check complete; found 1 problems.
        ownerless-empty-block
        delete block 10.80.0.0/30: has no owner and holds nothing
        set the counts of handle `net.k4` to what it holds: counts 1 and holds no address
        --- stderr
        Repairs: 1 done, 1 left, for they may be half steps of requests under way
        Check complete; found 1 problems.
        block-entry-without-handle
        set the counts of handle `net.h3` to what it holds: has no record and holds 1 in 10.85.0.0/30
        --- stderr
        Repairs: 1 done
        Check complete; found 0 problems.
        affinity-without-block
        drop the affinity of host:n1 to block 10.85.0.4/30: is confirmed, and the block does not exist
        set the counts of handle `net.i` to what it holds: counts 1 and holds no address
        set the counts of handle `net.i2` to what it holds: counts 1 and holds no address
        --- stderr
        Repairs: 3 left, for they may be half steps of requests under way
        Check complete; found 3 problems.
    "#]].assert_eq(&text);
}
