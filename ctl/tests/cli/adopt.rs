//! `store adopt`: what a Calico store asks for before a node is taken over.

use expect_test::expect;

use crate::support::Bench;

#[test]
fn a_store_in_use_is_told_with_what_to_do_first() {
    let bench = Bench::golden("calicoctl-base");
    bench.check(&["-v", "store", "adopt"], &expect![[r#"
        Calico:  of an unknown version
        Holds:   3 pools, 5 blocks, 10 addresses, 7 handles, 2 nodes

        first: released addresses cool for 3600 s; clients up to 3.32 drop the time of the release, and the address is then held for ever
          -> `ipamctl ipam configure --ip-cooldown-seconds=0` until all clients are newer

        better: a check finds 1 problems, as a killed plugin of Calico's leaves them
          -> `ipamctl ipam check` tells them, `ipamctl ipam repair` sets them right

        know: no workload endpoint is in this store: `calicoctl ipam check` calls every address leaked
          -> never run `calicoctl ipam release --from-report` here; `ipamctl ipam check` and `ipamctl ipam gc` know better
        --- stderr
        Requests: reads=15 commits=0 conflicts=0
        [exit status: 3]
    "#]]);
    bench.check(&["store", "adopt", "-o", "json"], &expect![[r#"
        {
          "calico": "",
          "pools": 3,
          "blocks": 5,
          "addresses": 10,
          "handles": 7,
          "nodes": 2,
          "advice": [
            {
              "urgency": "first",
              "what": "released addresses cool for 3600 s; clients up to 3.32 drop the time of the release, and the address is then held for ever",
              "act": "`ipamctl ipam configure --ip-cooldown-seconds=0` until all clients are newer"
            },
            {
              "urgency": "better",
              "what": "a check finds 1 problems, as a killed plugin of Calico's leaves them",
              "act": "`ipamctl ipam check` tells them, `ipamctl ipam repair` sets them right"
            },
            {
              "urgency": "know",
              "what": "no workload endpoint is in this store: `calicoctl ipam check` calls every address leaked",
              "act": "never run `calicoctl ipam release --from-report` here; `ipamctl ipam check` and `ipamctl ipam gc` know better"
            }
          ]
        }
        [exit status: 3]
    "#]]);
}

#[test]
fn a_store_in_order_asks_for_nothing() {
    let bench = Bench::golden("config-strict");
    bench.check(&["store", "adopt"], &expect![[r#"
        Calico:  of an unknown version
        Holds:   0 pools, 0 blocks, 0 addresses, 0 handles, 2 nodes

        know: no workload endpoint is in this store: `calicoctl ipam check` calls every address leaked
          -> never run `calicoctl ipam release --from-report` here; `ipamctl ipam check` and `ipamctl ipam gc` know better
    "#]]);
}
