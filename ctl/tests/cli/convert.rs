//! `convert`: from a configuration of host-local to pools.

use expect_test::expect;

use crate::support::Bench;

const LIST: &str = r#"{
    "cniVersion": "1.0.0", "name": "net",
    "plugins": [
        {"type": "bridge", "ipam": {
            "type": "host-local",
            "ranges": [[{"subnet": "10.1.2.0/24", "rangeStart": "10.1.2.16", "rangeEnd": "10.1.2.31"}], [{"subnet": "fd00:1::/112"}]],
            "routes": [{"dst": "0.0.0.0/0"}]
        }},
        {"type": "portmap"}
    ]
}"#;

#[test]
fn ranges_become_pools_and_reservations_that_apply() {
    let bench = Bench::new();
    bench.file("net.conflist", LIST);
    bench.check(
        &["convert", "-f", "net.conflist"],
        &expect![[r#"
            apiVersion: projectcalico.org/v3
            kind: IPPool
            metadata:
              name: pool-10-1-2-0
            spec:
              cidr: 10.1.2.0/24
              blockSize: 26
            ---
            apiVersion: projectcalico.org/v3
            kind: IPReservation
            metadata:
              name: reserved-10-1-2-0
            spec:
              reservedCIDRs:
              - 10.1.2.0/28
              - 10.1.2.32/27
              - 10.1.2.64/26
              - 10.1.2.128/25
            ---
            apiVersion: projectcalico.org/v3
            kind: IPPool
            metadata:
              name: pool-fd00-1
            spec:
              cidr: fd00:1::/112
              blockSize: 122
            ---
            apiVersion: projectcalico.org/v3
            kind: IPReservation
            metadata:
              name: reserved-fd00-1
            spec:
              reservedCIDRs:
              - fd00:1::/127
        "#]],
    );
    bench.check(
        &["convert", "-f", "net.conflist", "-o", "ipam"],
        &expect![[r#"
            {
              "assign_ipv4": true,
              "assign_ipv6": true,
              "gateway": [
                "10.1.2.1",
                "fd00:1::1"
              ],
              "ipv4_pools": [
                "pool-10-1-2-0"
              ],
              "ipv6_pools": [
                "pool-fd00-1"
              ],
              "prefix": "pool",
              "routes": [
                {
                  "dst": "0.0.0.0/0"
                }
              ],
              "type": "block-ipam"
            }
        "#]],
    );
    let manifests = bench.run(&["convert", "-f", "net.conflist"], "");
    let text = String::from_utf8(manifests.stdout).expect("UTF-8");
    bench.check_with(
        &["apply", "-f", "-"],
        &text,
        &expect![[r#"
            Successfully applied 4 resource(s)
            --- stderr
            Created IPPool pool-10-1-2-0
            Created IPReservation reserved-10-1-2-0
            Created IPPool pool-fd00-1
            Created IPReservation reserved-fd00-1
        "#]],
    );
    bench.check(
        &["ipam", "show"],
        &expect![[r#"
            +----------+--------------+-----------+------------+--------------+--------------+
            | GROUPING | CIDR         | IPS TOTAL | IPS IN USE | IPS RESERVED | IPS FREE     |
            +----------+--------------+-----------+------------+--------------+--------------+
            | IP Pool  | 10.1.2.0/24  |       256 |     0 (0%) |    240 (94%) |      16 (6%) |
            | IP Pool  | fd00:1::/112 |     65536 |     0 (0%) |       2 (0%) | 65534 (100%) |
            +----------+--------------+-----------+------------+--------------+--------------+
        "#]],
    );
}

#[test]
fn what_is_no_host_local_is_said() {
    let bench = Bench::new();
    bench.check_with(
        &["convert", "-f", "-"],
        "[]",
        &expect![[r#"
        --- stderr
        Error: standard input is not converted
        Caused by: error unmarshall network config: it is no JSON object
        [exit status: 1]
    "#]],
    );
    bench.check_with(
        &["convert", "-f", "-"],
        r#"{"name":"net","ipam":{"type":"dhcp"}}"#,
        &expect![[r#"
            --- stderr
            Error: standard input is not converted
            Caused by: no plugin has an `ipam` section with ranges of host-local
            [exit status: 1]
        "#]],
    );
}
