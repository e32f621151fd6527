//! `ipam explain`: from "this node gets no address" to the cause.

use expect_test::expect;

use crate::support::Bench;

#[test]
fn a_node_with_room_is_told_what_it_would_get() {
    let bench = Bench::golden("calicoctl-base");
    bench.check(
        &["-v", "ipam", "explain", "n1"],
        &expect![[r#"
        IPv4:
          pool rack1 10.90.0.0/24: may serve
          pool spare 10.91.0.0/26: is disabled
          own block 10.90.0.224/28: 10 of 16 free (0 of them reserved), 0 cooling
        would get 10.90.0.228
        IPv6:
          pool six fd00:90::/120: may serve
          own block fd00:90::e0/124: 15 of 16 free (0 of them reserved), 0 cooling
        would get fd00:90::e1
        --- stderr
        Requests: reads=4 commits=0 conflicts=0
    "#]],
    );
    bench.check(
        &["ipam", "explain", "n1", "--family", "4", "-o", "json"],
        &expect![[r#"
            [
              {
                "families": [
                  {
                    "family": "IPv4",
                    "named": null,
                    "pools": [
                      {
                        "name": "rack1",
                        "cidr": "10.90.0.0/24",
                        "serves": true,
                        "reason": null
                      },
                      {
                        "name": "spare",
                        "cidr": "10.91.0.0/26",
                        "serves": false,
                        "reason": "is disabled"
                      }
                    ],
                    "blocks": [
                      {
                        "cidr": "10.90.0.224/28",
                        "free": 10,
                        "reserved": 0,
                        "cooling": 0,
                        "size": 16
                      }
                    ]
                  }
                ],
                "granted": true,
                "addresses": [
                  "10.90.0.228"
                ],
                "repeated": false,
                "claimed": [],
                "borrowed": [],
                "refusal": null
              }
            ]
        "#]],
    );
}

#[test]
fn each_pool_says_why_it_does_not_serve() {
    let bench = Bench::golden("calicoctl-base");
    bench.check(&["ipam", "explain", "elsewhere"], &expect![[r#"
        would be refused: node `elsewhere` has no Node record, and Calico's collector frees addresses of nodes without one
    "#]]);
    bench.check(
        &["ipam", "explain", "n1", "--pool", "spare"],
        &expect![[r#"
            IPv4:
              the request names spare
            would be refused: requested IPv4 pool `spare` is not enabled
        "#]],
    );
    bench.check(
        &["ipam", "explain", "n1", "--pool", "nowhere"],
        &expect![[r#"
            IPv4:
              the request names nowhere
            would be refused: requested IPv4 pool `nowhere` does not exist
        "#]],
    );
    bench.check(
        &[
            "ipam",
            "explain",
            "n1",
            "--use",
            "load-balancer",
            "--family=both",
        ],
        &expect![[r#"
            IPv4:
              pool rack1 10.90.0.0/24: does not allow this use
              pool spare 10.91.0.0/26: is disabled
            IPv6:
              pool six fd00:90::/120: does not allow this use
            would be refused: no IPv4 pool admits this request: pool rack1 (10.90.0.0/24) does not allow this use; pool spare (10.91.0.0/26) is disabled
        "#]],
    );
}

#[test]
fn nothing_is_written_by_an_explanation() {
    let bench = Bench::golden("calicoctl-base");
    let before = bench.run(&["ipam", "show", "--show-blocks"], "");
    bench.run(&["ipam", "explain", "n9"], "");
    assert_eq!(
        bench.run(&["ipam", "show", "--show-blocks"], "").stdout,
        before.stdout
    );
}

#[test]
fn what_is_asked_for_wrongly_is_said() {
    let bench = Bench::golden("calicoctl-base");
    bench.check(
        &["ipam", "explain", "a/b"],
        &expect![[r#"
        --- stderr
        Error: node name "a/b" is not usable: it contains `/`, which separates the segments of a key
        [exit status: 2]
    "#]],
    );
    bench.check(
        &["ipam", "explain", "n1", "--namespace-label", "x"],
        &expect![[r#"
            --- stderr
            Error: label `x` is not KEY=VALUE
            [exit status: 2]
        "#]],
    );
}
