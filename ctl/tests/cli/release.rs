//! `ipam release --from-report`: only what every report calls unused, and only as they saw it.

use expect_test::expect;

use crate::support::{Bench, show};

/// A store in which web-1 alone is known to live, and a report of it that was taken long ago.
fn bench() -> Bench {
    let bench = Bench::golden("calicoctl-base");
    let key = "/calico/resources/v3/projectcalico.org/workloadendpoints/shop/n1-k8s-web--1-eth0";
    let value = r#"{"spec":{"ipNetworks":["10.90.0.224/32","10.90.0.225/32","fd00:90::e0/128"]}}"#;
    bench.put(&[(key.to_owned(), value.to_owned())]);
    report(&bench, "r1.json", "2020-01-01T00:00:00Z");
    bench
}

fn report(bench: &Bench, name: &str, taken: &str) {
    let output = bench.run(&["ipam", "check", "-o", name], "");
    assert_eq!(output.status.code(), Some(3), "{}", show(&output));
    let text = std::fs::read_to_string(bench.path(name)).expect("a report");
    let at = text.find("\"takenAt\": \"").expect("a time") + 12;
    bench.file(name, &format!("{}{taken}{}", &text[..at], &text[at + 20..]));
}

#[test]
fn what_a_report_calls_unused_is_released_and_the_leaked_handle_too() {
    let bench = bench();
    let release = ["-v", "ipam", "release", "--from-report=r1.json"];
    bench.check(
        &["ipam", "release", "--from-report=r1.json", "--dry-run"],
        &expect![[r#"
            Releasing 7 old IPs...
            Released 7 IPs successfully
            Deleting 1 handles...
            would change block 10.90.0.64/28
            would delete borrowing of `n2` from 10.90.0.224/28
            would change block 10.90.0.224/28
            would change block 10.91.0.0/26
            would change block fd00:90::40/124
            would delete handle `k8s-pod-network.bbb`
            would delete handle `k8s-pod-network.ccc`
            would delete handle `k8s-pod-network.ddd`
            would delete handle `k8s-pod-network.vmi.shop.vm1`
            would delete handle `vxlan-tunnel-addr-n1`
            would delete handle `k8s-pod-network.leaked`
        "#]],
    );
    bench.check(
        &release,
        &expect![[r#"
        Releasing 7 old IPs...
        Released 7 IPs successfully
        Deleting 1 handles...
        Released 1 handles; 0 skipped; 0 errors.
        --- stderr
        Requests: reads=6 commits=2 conflicts=0
    "#]],
    );
    bench.check(&release, &expect![[r#"
        Releasing 7 old IPs...
        Released 0 IPs successfully
        Deleting 1 handles...
        Released 0 handles; 1 skipped; 0 errors.
        --- stderr
        Error: 7 addresses are not what the report saw, and were left
          address 10.90.0.64 has sequence number 1795249310228225648, not 1795249310228225647: it was assigned anew since
          address 10.90.0.227 has sequence number 1795249310218085029, not 1795249310218085026: it was assigned anew since
          address 10.90.0.233 has sequence number 1795249310218085029, not 1795249310218085023: it was assigned anew since
          address 10.90.0.234 has sequence number 1795249310218085029, not 1795249310218085024: it was assigned anew since
          address 10.90.0.235 has sequence number 1795249310218085029, not 1795249310218085025: it was assigned anew since
          address 10.91.0.7 has sequence number 1795249310268902217, not 1795249310268902216: it was assigned anew since
          address fd00:90::40 has sequence number 1795249310243779937, not 1795249310243779936: it was assigned anew since
        Hint: a new report of `ipamctl ipam check` tells what they are now
        Requests: reads=4 commits=0 conflicts=0
        [exit status: 1]
    "#]]);
    bench.check(&["ipam", "check"], &expect![[r#"
        Looked at 3 pools, 5 blocks, 3 addresses, 5 affinities, 1 handles and 2 nodes at revision 32.
        Found 0 IPs that are allocated in IPAM but not actually in use.
        Found 0 in-use IPs that are not in active IP pools.
        Found 0 in-use IPs that are in active IP pools but have no corresponding IPAM allocation.
        Check complete; found 0 problems.
    "#]]);
}

#[test]
fn what_changed_since_the_report_is_left() {
    let bench = bench();
    let report = std::fs::read_to_string(bench.path("r1.json")).unwrap();
    let older = report.replace(
        "\"sequenceNumber\":1795249310228225647",
        "\"sequenceNumber\":1795249310228225646",
    );
    assert_ne!(older, report);
    bench.file("r1.json", &older);
    bench.check(
        &["ipam", "release", "--from-report=r1.json", "-o", "json"],
        &expect![[r#"
            Releasing 7 old IPs...
            Released 6 IPs successfully
            Deleting 1 handles...
            {
              "released": [
                "10.90.0.227",
                "10.90.0.233",
                "10.90.0.234",
                "10.90.0.235",
                "10.91.0.7",
                "fd00:90::40"
              ]
            }
            --- stderr
            Released 1 handles; 0 skipped; 0 errors.
            Error: 1 addresses are not what the report saw, and were left
              address 10.90.0.64 has sequence number 1795249310228225647, not 1795249310228225646: it was assigned anew since
            Hint: a new report of `ipamctl ipam check` tells what they are now
            [exit status: 1]
        "#]],
    );
}

#[test]
fn only_what_every_report_says_counts() {
    let bench = bench();
    report(&bench, "r2.json", "2020-01-01T00:20:00Z");
    let text = std::fs::read_to_string(bench.path("r2.json")).unwrap();
    let lines = text.lines().filter(|line| !line.contains("\"10.90.0.64\""));
    let text: String = lines.map(|line| line.to_owned() + "\n").collect();
    bench.file(
        "r2.json",
        &text.replace("\"Revision\": \"12\"", "\"Revision\": \"13\""),
    );
    let both = [
        "ipam",
        "release",
        "--from-report=r1.json",
        "--from-report=r2.json",
        "--force",
    ];
    bench.check(
        &both,
        &expect![[r#"
        Releasing 6 old IPs...
        Released 6 IPs successfully
        Report didn't contain any handles to clean up.
    "#]],
    );
}

#[test]
fn a_report_of_another_cluster_is_refused() {
    let bench = bench();
    let text = std::fs::read_to_string(bench.path("r1.json")).unwrap();
    bench.file("guid.json", &text.replace("fe7f183b", "00000000"));
    bench.check(
        &["ipam", "release", "--from-report=guid.json"],
        &expect![[r#"
            --- stderr
            Error: guid.json is a report of another cluster
            [exit status: 1]
        "#]],
    );
    let at = text.find("\"store\": \"").unwrap() + 10;
    bench.file(
        "store.json",
        &format!("{}0000000000000000{}", &text[..at], &text[at + 16..]),
    );
    bench.check(
        &["ipam", "release", "--from-report=store.json"],
        &expect![[r#"
            --- stderr
            Error: store.json is a report of another cluster
            [exit status: 1]
        "#]],
    );
}

#[test]
fn calicoctls_own_report_is_taken() {
    let bench = bench();
    // Members as calicoctl writes them; its reports do not say when they were taken.
    bench.file(
        "theirs.json",
        r#"{
  "version": "v3.34.0",
  "clusterGUID": "fe7f183b6da94fdbb721a869d960c808",
  "datastoreLocked": true,
  "clusterInformationRevision": "16925",
  "clusterType": "",
  "allocations": {
    "10.90.0.64": [
      {
        "ip": "10.90.0.64",
        "handle": "k8s-pod-network.bbb",
        "sequenceNumber": 1795249310228225647,
        "pod": "web-2",
        "inUse": false,
        "owners": null
      }
    ]
  },
  "leakedHandles": [ { "ID": "k8s-pod-network.leaked", "UID": null, "Revision": "12" } ]
}"#,
    );
    bench.check(
        &["ipam", "release", "--from-report=theirs.json"],
        &expect![[r#"
            Releasing 1 old IPs...
            Released 1 IPs successfully
            Deleting 1 handles...
            Released 0 handles; 1 skipped; 0 errors.
            --- stderr
            1 handles changed since, or stood for less than 15 minutes: they may be half steps of requests under way
        "#]],
    );
}

#[test]
fn neither_address_nor_report_makes_no_sense() {
    let bench = bench();
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
    bench.check(
        &["ipam", "release", "--ip=nonsense"],
        &expect![[r#"
        --- stderr
        error: invalid value 'nonsense' for '--ip <ADDRESS>': `nonsense` is not an IP address

        For more information, try '--help'.
        [exit status: 2]
    "#]],
    );
    bench.check(
        &["ipam", "release", "--ip=10.90.0.64", "--dry-run"],
        &expect![[r#"
            would change block 10.90.0.64/28
            would change handle `k8s-pod-network.bbb`
        "#]],
    );
}
