//! `ipam check`: what it finds in recorded stores, its report, and what it asks of the store.

use expect_test::{Expect, expect};

use crate::support::{Bench, show};

#[test]
fn a_store_of_calico_in_use_has_one_leaked_handle() {
    let bench = Bench::golden("calicoctl-base");
    bench.check(&["-v", "ipam", "check"], &expect![[r#"
        Looked at 3 pools, 5 blocks, 10 addresses, 5 affinities, 7 handles and 2 nodes at revision 29.
        No workload endpoints are in this store: whether workloads use their addresses is not known.
        Found 1 IPs that are allocated in IPAM but not actually in use.
        Found 0 in-use IPs that are not in active IP pools.
        Found 0 in-use IPs that are in active IP pools but have no corresponding IPAM allocation.
        SEVERITY  RECORD                                 FINDING                        WHAT ENDS IT
        warning   handle `k8s-pod-network.leaked`        counts 1 and holds no address  a repair sets it right when it stays so for some minutes
        note      borrowing of `n2` from 10.90.0.224/28  is not in the index            a repair sets it right
        Check complete; found 2 problems.
        --- stderr
        Requests: reads=15 commits=0 conflicts=0
        [exit status: 3]
    "#]]);
}

#[test]
fn every_address_can_be_told_as_calicoctl_tells_it() {
    let bench = Bench::golden("calicoctl-base");
    bench.check(&["ipam", "check", "--show-all-ips"], &expect![[r#"
         IPAM block 10.90.0.224/28 affinity=host:n1:
          10.90.0.224 allocated; attrs Main:k8s-pod-network.aaa Extra:namespace=shop,node=n1,pod=web-1,timestamp=2026-11-21 08:00:00.5 +0000 UTC
          10.90.0.225 allocated; attrs Main:k8s-pod-network.aaa Extra:namespace=shop,node=n1,pod=web-1,timestamp=2026-11-21 08:00:00.5 +0000 UTC
          10.90.0.227 allocated; attrs Main:k8s-pod-network.vmi.shop.vm1 Extra:namespace=shop,node=n1,pod=virt-launcher-vm1-a,timestamp=2026-11-21 08:00:00.5 +0000 UTC,vmi-name=vm1 Alternate:namespace=shop,node=n2,pod=virt-launcher-vm1-b,timestamp=2026-11-21 08:00:00.5 +0000 UTC,vmi-name=vm1
          10.90.0.233 allocated; attrs Main:k8s-pod-network.ccc Extra:namespace=shop,node=n2,pod=web-3,timestamp=2026-11-21 08:00:00.5 +0000 UTC
          10.90.0.234 allocated; attrs Main:vxlan-tunnel-addr-n1 Extra:node=n1,type=vxlanTunnelAddress
          10.90.0.235 allocated; attrs Main:<none> Extra:
         IPAM block 10.90.0.64/28 affinity=host:n2:
          10.90.0.64 allocated; attrs Main:k8s-pod-network.bbb Extra:namespace=shop,node=n2,pod=web-2,timestamp=2026-11-21 08:00:00.5 +0000 UTC
         IPAM block 10.91.0.0/26 affinity=host:n1:
          10.91.0.7 allocated; attrs Main:k8s-pod-network.ddd Extra:namespace=shop,node=n1,pod=web-4,timestamp=2026-11-21 08:00:00.5 +0000 UTC
         IPAM block fd00:90::40/124 affinity=host:n2:
          fd00:90::40 allocated; attrs Main:k8s-pod-network.bbb Extra:namespace=shop,node=n2,pod=web-2,timestamp=2026-11-21 08:00:00.5 +0000 UTC
         IPAM block fd00:90::e0/124 affinity=host:n1:
          fd00:90::e0 allocated; attrs Main:k8s-pod-network.aaa Extra:namespace=shop,node=n1,pod=web-1,timestamp=2026-11-21 08:00:00.5 +0000 UTC
        Looked at 3 pools, 5 blocks, 10 addresses, 5 affinities, 7 handles and 2 nodes at revision 29.
        No workload endpoints are in this store: whether workloads use their addresses is not known.
        Found 1 IPs that are allocated in IPAM but not actually in use.
        Found 0 in-use IPs that are not in active IP pools.
        Found 0 in-use IPs that are in active IP pools but have no corresponding IPAM allocation.
        SEVERITY  RECORD                                 FINDING                        WHAT ENDS IT
        warning   handle `k8s-pod-network.leaked`        counts 1 and holds no address  a repair sets it right when it stays so for some minutes
        note      borrowing of `n2` from 10.90.0.224/28  is not in the index            a repair sets it right
        Check complete; found 2 problems.
        [exit status: 3]
    "#]]);
}

#[test]
fn all_that_is_damaged_is_told_with_what_ends_it() {
    let bench = Bench::golden("damaged");
    let arguments = [
        "-v",
        "ipam",
        "check",
        "--show-problem-ips",
        "--kubeconfig=x",
    ];
    // How far away a time is decides how wide a column is.
    let shown = show(&bench.run(&arguments, ""));
    let words = shown
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ") + "\n");
    let shown: String = words.collect();
    expect![[r#"
        Looked at 2 pools, 7 blocks, 7 addresses, 6 affinities, 7 handles and 2 nodes at revision 30.
        No workload endpoints are in this store: whether workloads use their addresses is not known.
        Found 0 IPs that are allocated in IPAM but not actually in use.
        Found 2 in-use IPs that are not in active IP pools.
        Found 1 in-use IPs that are in active IP pools but have no corresponding IPAM allocation.
        10.130.0.30 in use by Node(n1) and in active IPAM pool but has no IPAM allocation.
        10.131.0.1 in use by Node(n1) is not in any active IP pool.
        fd00::1 in use by Node(n1) is not in any active IP pool.
        SEVERITY RECORD FINDING WHAT ENDS IT
        error block 10.130.0.4/30 ordinal 2 is more than once in the queue the next write of the record sets it right
        error block 10.130.0.8/30 ordinal 0 is allocated and in the queue the next write of the record sets it right
        error block 10.130.0.12/30 ordinal 9 is in the queue and out of the block the next write of the record sets it right
        warning block 10.130.0.4/30 ordinal 3 is free and not in the queue the next write of the record sets it right
        warning block 10.130.0.16/30 ordinal 3 is free and not in the queue the next write of the record sets it right
        warning block 10.130.0.20/30 attribute 1 says it was released ..s from now, which suggests clock skew it ends by itself
        warning handle `net.6` counts 1 and holds no address a repair sets it right when it stays so for some minutes
        warning handle `net.gone` has no record and holds 1 in 10.130.0.24/30 a repair sets it right
        note block 10.130.0.0/30 nothing points at attribute 1 the next write of the record sets it right
        note borrowing of `n2` from 10.130.0.24/30 is not in the index a repair sets it right
        Check complete; found 11 problems.
        --- stderr
        Requests: reads=16 commits=0 conflicts=0
        [exit status: 3]
    "#]].assert_eq(&shown);
}

#[test]
fn a_store_without_faults_ends_with_0() {
    let bench = Bench::golden("dual-stack-two-nodes");
    bench.check(&["-v", "ipam", "check"], &expect![[r#"
        Looked at 2 pools, 4 blocks, 11 addresses, 4 affinities, 6 handles and 2 nodes at revision 23.
        No workload endpoints are in this store: whether workloads use their addresses is not known.
        Found 0 IPs that are allocated in IPAM but not actually in use.
        Found 0 in-use IPs that are not in active IP pools.
        Found 0 in-use IPs that are in active IP pools but have no corresponding IPAM allocation.
        Check complete; found 0 problems.
        --- stderr
        Requests: reads=15 commits=0 conflicts=0
    "#]]);
}

/// What a workload of Calico writes about itself.
fn endpoint(name: &str, network: &str) -> (String, String) {
    let key = format!("/calico/resources/v3/projectcalico.org/workloadendpoints/shop/{name}");
    let value = format!(r#"{{"kind":"WorkloadEndpoint","spec":{{"ipNetworks":["{network}"]}}}}"#);
    (key, value)
}

#[test]
fn where_workload_endpoints_are_there_unused_and_unheld_addresses_are_problems() {
    let bench = Bench::golden("calicoctl-base");
    bench.put(&[
        endpoint("n1-k8s-web--1-eth0", "10.90.0.224/32"),
        endpoint("n2-k8s-web--2-eth0", "10.90.0.64/32"),
        endpoint("n2-k8s-web--9-eth0", "10.90.0.65/32"),
        endpoint("n2-k8s-far-eth0", "192.0.2.1"),
    ]);
    let arguments = ["-v", "ipam", "check", "--show-problem-ips"];
    bench.check(&arguments, &expect![[r#"
        Looked at 3 pools, 5 blocks, 10 addresses, 5 affinities, 7 handles and 2 nodes at revision 33.
        Found 8 IPs that are allocated in IPAM but not actually in use.
        Found 1 in-use IPs that are not in active IP pools.
        Found 1 in-use IPs that are in active IP pools but have no corresponding IPAM allocation.
          10.90.0.225 leaked; attrs Main:k8s-pod-network.aaa Extra:namespace=shop,node=n1,pod=web-1,timestamp=2026-11-21 08:00:00.5 +0000 UTC
          10.90.0.227 leaked; attrs Main:k8s-pod-network.vmi.shop.vm1 Extra:namespace=shop,node=n1,pod=virt-launcher-vm1-a,timestamp=2026-11-21 08:00:00.5 +0000 UTC,vmi-name=vm1 Alternate:namespace=shop,node=n2,pod=virt-launcher-vm1-b,timestamp=2026-11-21 08:00:00.5 +0000 UTC,vmi-name=vm1
          10.90.0.233 leaked; attrs Main:k8s-pod-network.ccc Extra:namespace=shop,node=n2,pod=web-3,timestamp=2026-11-21 08:00:00.5 +0000 UTC
          10.90.0.234 leaked; attrs Main:vxlan-tunnel-addr-n1 Extra:node=n1,type=vxlanTunnelAddress
          10.90.0.235 leaked; attrs Main:<none> Extra:
          10.91.0.7 leaked; attrs Main:k8s-pod-network.ddd Extra:namespace=shop,node=n1,pod=web-4,timestamp=2026-11-21 08:00:00.5 +0000 UTC
          fd00:90::40 leaked; attrs Main:k8s-pod-network.bbb Extra:namespace=shop,node=n2,pod=web-2,timestamp=2026-11-21 08:00:00.5 +0000 UTC
          fd00:90::e0 leaked; attrs Main:k8s-pod-network.aaa Extra:namespace=shop,node=n1,pod=web-1,timestamp=2026-11-21 08:00:00.5 +0000 UTC
          10.90.0.65 in use by Workload(shop/n2-k8s-web--9-eth0) and in active IPAM pool but has no IPAM allocation.
          192.0.2.1 in use by Workload(shop/n2-k8s-far-eth0) is not in any active IP pool.
        SEVERITY  RECORD                                 FINDING                        WHAT ENDS IT
        warning   handle `k8s-pod-network.leaked`        counts 1 and holds no address  a repair sets it right when it stays so for some minutes
        note      borrowing of `n2` from 10.90.0.224/28  is not in the index            a repair sets it right
        Check complete; found 11 problems.
        --- stderr
        Requests: reads=15 commits=0 conflicts=0
        [exit status: 3]
    "#]]);
}

#[test]
fn records_that_do_not_parse_are_findings_and_hide_no_others() {
    let bench = Bench::golden("calicoctl-base");
    let text = |text: &str| text.to_owned();
    bench.put(&[
        (
            text("/calico/ipam/v2/assignment/ipv4/block/10.90.0.64-28"),
            text("{\"cidr\": 7}"),
        ),
        (
            text("/calico/ipam/v2/handle/net.junk"),
            text("\u{1b}[31mnot json"),
        ),
        (
            text("/calico/ipam/v2/assignment/ipv4/block/10.90.0.65-28"),
            text("{}"),
        ),
        (
            text("/calico/resources/v3/projectcalico.org/nodes/n2"),
            text("[]"),
        ),
    ]);
    bench.check(&["ipam", "check"], &expect![[r#"
        Looked at 3 pools, 5 blocks, 9 addresses, 5 affinities, 8 handles and 1 nodes at revision 33.
        No workload endpoints are in this store: whether workloads use their addresses is not known.
        Found 1 IPs that are allocated in IPAM but not actually in use.
        Found 0 in-use IPs that are not in active IP pools.
        Found 0 in-use IPs that are in active IP pools but have no corresponding IPAM allocation.
        SEVERITY  RECORD                                               FINDING                                                                                          WHAT ENDS IT
        error     block 10.90.0.64/28                                  does not parse: member `cidr`: invalid type: integer `7`, expected a string at line 1 column 10  an operator has to decide
        error     handle `net.junk`                                    does not parse: it is not JSON: expected value at line 1 column 1                                an operator has to decide
        error     node `n2`                                            does not parse: invalid type: sequence, expected an object at line 1 column 2                    an operator has to decide
        warning   handle `k8s-pod-network.leaked`                      counts 1 and holds no address                                                                    a repair sets it right when it stays so for some minutes
        note      borrowing of `n2` from 10.90.0.224/28                is not in the index                                                                              a repair sets it right
        note      /calico/ipam/v2/assignment/ipv4/block/10.90.0.65-28  no record has such a key                                                                         an operator has to decide
        Check complete; found 5 problems.
        [exit status: 3]
    "#]]);
}

#[track_caller]
fn check_file(bench: &Bench, name: &str, expect: &Expect) {
    let text = std::fs::read_to_string(bench.path(name)).expect("a file");
    let hidden = |line: &str| {
        let line = line.to_owned();
        match ["\"takenAt\": ", "\"store\": "]
            .iter()
            .find_map(|name| line.find(name))
        {
            Some(at) => line[..at].to_owned() + "..\n",
            None => line,
        }
    };
    let text: String = text.split_inclusive('\n').map(hidden).collect();
    expect.assert_eq(&text);
}

#[test]
fn the_report_has_calicoctls_members_and_the_findings() {
    let bench = Bench::golden("calicoctl-base");
    bench.put(&[endpoint("n1-k8s-web--1-eth0", "10.90.0.224/32")]);
    let output = bench.run(&["ipam", "check", "-o", "r.json"], "");
    assert_eq!(output.status.code(), Some(3), "{}", show(&output));
    check_file(
        &bench,
        "r.json",
        &expect![[r#"
            {
              "version": "v0.1.0",
              "clusterGUID": "fe7f183b6da94fdbb721a869d960c808",
              "datastoreLocked": false,
              "clusterInformationRevision": "20",
              "clusterType": "",
              ..
              "revision": "30",
              ..
              "knowsWorkloads": true,
              "allocations": {
                "10.90.0.224": [{"ip":"10.90.0.224","handle":"k8s-pod-network.aaa","sequenceNumber":1795249310218085022,"pod":"web-1","namespace":"shop","node":"n1","creationTimestamp":"2026-11-21 08:00:00.5 +0000 UTC","inUse":true,"owners":["Workload(shop/n1-k8s-web--1-eth0)"]}],
                "10.90.0.225": [{"ip":"10.90.0.225","handle":"k8s-pod-network.aaa","sequenceNumber":1795249310218085022,"pod":"web-1","namespace":"shop","node":"n1","creationTimestamp":"2026-11-21 08:00:00.5 +0000 UTC","inUse":false,"owners":null}],
                "10.90.0.226": [{"ip":"10.90.0.226","sequenceNumber":1795249310218085028,"node":"n1","inUse":false,"coolingDown":true,"owners":null}],
                "10.90.0.227": [{"ip":"10.90.0.227","handle":"k8s-pod-network.vmi.shop.vm1","sequenceNumber":1795249310218085026,"pod":"virt-launcher-vm1-a","namespace":"shop","node":"n1","creationTimestamp":"2026-11-21 08:00:00.5 +0000 UTC","inUse":false,"owners":null}],
                "10.90.0.233": [{"ip":"10.90.0.233","handle":"k8s-pod-network.ccc","sequenceNumber":1795249310218085023,"pod":"web-3","namespace":"shop","node":"n2","creationTimestamp":"2026-11-21 08:00:00.5 +0000 UTC","inUse":false,"borrowed":true,"owners":null}],
                "10.90.0.234": [{"ip":"10.90.0.234","handle":"vxlan-tunnel-addr-n1","sequenceNumber":1795249310218085024,"node":"n1","type":"vxlanTunnelAddress","inUse":false,"owners":null}],
                "10.90.0.235": [{"ip":"10.90.0.235","sequenceNumber":1795249310218085025,"node":"n1","inUse":false,"owners":null}],
                "10.90.0.64": [{"ip":"10.90.0.64","handle":"k8s-pod-network.bbb","sequenceNumber":1795249310228225647,"pod":"web-2","namespace":"shop","node":"n2","creationTimestamp":"2026-11-21 08:00:00.5 +0000 UTC","inUse":false,"owners":null}],
                "10.91.0.7": [{"ip":"10.91.0.7","handle":"k8s-pod-network.ddd","sequenceNumber":1795249310268902216,"pod":"web-4","namespace":"shop","node":"n1","creationTimestamp":"2026-11-21 08:00:00.5 +0000 UTC","inUse":false,"owners":null}],
                "fd00:90::40": [{"ip":"fd00:90::40","handle":"k8s-pod-network.bbb","sequenceNumber":1795249310243779936,"pod":"web-2","namespace":"shop","node":"n2","creationTimestamp":"2026-11-21 08:00:00.5 +0000 UTC","inUse":false,"owners":null}],
                "fd00:90::e0": [{"ip":"fd00:90::e0","handle":"k8s-pod-network.aaa","sequenceNumber":1795249310222375061,"pod":"web-1","namespace":"shop","node":"n1","creationTimestamp":"2026-11-21 08:00:00.5 +0000 UTC","inUse":false,"owners":null}]
              },
              "findings": [
                {
                  "severity": "warning",
                  "record": "/calico/ipam/v2/handle/k8s-pod-network.leaked",
                  "subject": "handle `k8s-pod-network.leaked`",
                  "finding": "counts 1 and holds no address",
                  "remedy": "a repair sets it right when it stays so for some minutes",
                  "revision": "12"
                },
                {
                  "severity": "note",
                  "record": "/block-ipam/v1/borrowed/n2/10.90.0.224-28",
                  "subject": "borrowing of `n2` from 10.90.0.224/28",
                  "finding": "is not in the index",
                  "remedy": "a repair sets it right",
                  "revision": null
                }
              ],
              "leakedHandles": [
                {
                  "ID": "k8s-pod-network.leaked",
                  "UID": null,
                  "Revision": "12"
                }
              ]
            }
        "#]],
    );
    let text = std::fs::read(bench.path("r.json")).unwrap();
    let json: serde_json::Value = serde_json::from_slice(&text).expect("JSON");
    assert_eq!(json["allocations"].as_object().unwrap().len(), 11);
    assert!(!bench.path("r.json.new").exists());

    let piped = bench.run(&["ipam", "check", "-o", "-"], "");
    let piped: serde_json::Value = serde_json::from_slice(&piped.stdout).expect("JSON and no more");
    assert_eq!(piped["allocations"], json["allocations"]);
}

#[test]
fn without_workload_endpoints_nothing_in_a_report_counts_as_unused() {
    let bench = Bench::golden("calicoctl-base");
    let piped = bench.run(&["ipam", "check", "-o", "-"], "");
    let json: serde_json::Value = serde_json::from_slice(&piped.stdout).expect("JSON");
    assert_eq!(json["knowsWorkloads"], false);
    let allocations = json["allocations"].as_object().unwrap();
    let unused = allocations
        .values()
        .filter(|held| held[0]["inUse"] == false);
    let unused: Vec<&str> = unused.map(|held| held[0]["ip"].as_str().unwrap()).collect();
    assert_eq!(
        unused,
        ["10.90.0.226", "10.90.0.234"],
        "one cools, and no node has the tunnel"
    );
}

#[test]
fn a_report_that_cannot_be_written_is_a_failure() {
    let bench = Bench::golden("calicoctl-base");
    bench.check(
        &["ipam", "check", "-o", "no/such/place.json"],
        &expect![[r#"
            --- stderr
            Error: no/such/place.json.new cannot be written
            Caused by: No such file or directory (os error 2)
            [exit status: 1]
        "#]],
    );
}

#[test]
fn a_report_goes_through_a_link_and_into_what_is_no_file() {
    let bench = Bench::golden("calicoctl-base");
    let link = |name: &str, to: &str| {
        std::os::unix::fs::symlink(to, bench.path(name)).expect("a link");
    };
    link("sink", "/dev/null");
    link("latest.json", "today.json");
    bench.file("today.json", "old");
    for name in ["sink", "latest.json", "fresh.json"] {
        let output = bench.run(&["ipam", "check", "-o", name], "");
        assert_eq!(output.status.code(), Some(3), "{name}: {output:?}");
    }
    for name in ["sink", "latest.json"] {
        let found = std::fs::symlink_metadata(bench.path(name)).expect("it is there");
        assert!(found.is_symlink(), "{name} is a link as before");
    }
    for name in ["today.json", "fresh.json"] {
        let text = std::fs::read_to_string(bench.path(name)).expect("a report");
        assert!(text.ends_with("\n}\n"), "{name} is whole");
    }
    let left = std::fs::read_dir(bench.path(".")).expect("a directory");
    let names = left.map(|entry| entry.expect("an entry").file_name());
    assert!(
        names
            .into_iter()
            .all(|name| !name.to_string_lossy().ends_with(".new"))
    );
}
