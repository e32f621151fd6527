//! `ipam reserve` and `ipam unreserve`.

use expect_test::expect;

use crate::support::Bench;

#[test]
fn ranges_come_and_go_with_their_reservation() {
    let bench = Bench::golden("calicoctl-base");
    let reserve = ["-v", "ipam", "reserve", "10.91.0.0/30", "fd00:90::7"];
    bench.check(
        &["ipam", "reserve", "10.91.0.0/30", "--dry-run"],
        &expect![[r#"
            would create reservation `ipamctl`
        "#]],
    );
    bench.check(
        &reserve,
        &expect![[r#"
        --- stderr
        Reserved by ipamctl: 10.91.0.0/30, fd00:90::7/128
        Requests: reads=1 commits=1 conflicts=0
    "#]],
    );
    bench.check(
        &reserve,
        &expect![[r#"
        --- stderr
        Reserved already by ipamctl: 10.91.0.0/30, fd00:90::7/128
        Requests: reads=1 commits=0 conflicts=0
    "#]],
    );
    bench.check(
        &["get", "ipreservation", "-o", "wide"],
        &expect![[r#"
            NAME       CIDRS                         
            gateways   10.90.0.0/30,10.90.0.255/32   
            ipamctl    10.91.0.0/30,fd00:90::7/128   

        "#]],
    );
    bench.check(
        &["-v", "ipam", "unreserve", "10.91.0.0/30"],
        &expect![[r#"
        --- stderr
        Not reserved any more: 10.91.0.0/30
        Requests: reads=2 commits=1 conflicts=0
    "#]],
    );
    bench.check(
        &[
            "ipam",
            "unreserve",
            "fd00:90::7",
            "10.90.0.255",
            "--dry-run",
        ],
        &expect![[r#"
            would change reservation `gateways`
            would delete reservation `ipamctl`
        "#]],
    );
    bench.check(
        &["ipam", "unreserve", "fd00:90::7", "10.90.0.255"],
        &expect![[r#"
            --- stderr
            Not reserved any more: fd00:90::7/128, 10.90.0.255/32
        "#]],
    );
    bench.check(
        &["get", "ipreservation", "-o", "wide"],
        &expect![[r#"
            NAME       CIDRS          
            gateways   10.90.0.0/30   

        "#]],
    );
}

#[test]
fn what_is_not_reserved_as_it_is_named_changes_nothing() {
    let bench = Bench::golden("calicoctl-base");
    bench.check(
        &[
            "ipam",
            "unreserve",
            "10.90.0.255",
            "10.90.0.1",
            "192.0.2.0/24",
        ],
        &expect![[r#"
            --- stderr
            Error: nothing was changed
              10.90.0.1/32 is reserved as a part of 10.90.0.0/30 by gateways: unreserve that, and reserve the rest again
              192.0.2.0/24 is not reserved
            [exit status: 1]
        "#]],
    );
    bench.check(&["ipam", "reserve", "10.90.0.7/24"], &expect![[r#"
        --- stderr
        error: invalid value '10.90.0.7/24' for '<RANGES>...': CIDR `10.90.0.7/24` has host bits set; the network is `10.90.0.0/24`

        For more information, try '--help'.
        [exit status: 2]
    "#]]);
    bench.check(
        &["ipam", "reserve", "10.90.0.7", "--name", "No Name"],
        &expect![[r#"
            --- stderr
            Error: metadata.name = 'No Name': name must consist of lower case alphanumeric characters, '-' or '.' (regex: [a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*)
            [exit status: 2]
        "#]],
    );
    bench.check(
        &["get", "ipreservation", "-o", "wide"],
        &expect![[r#"
            NAME       CIDRS                         
            gateways   10.90.0.0/30,10.90.0.255/32   

        "#]],
    );
}

#[test]
fn what_others_wrote_in_a_reservation_stays() {
    let bench = Bench::golden("calicoctl-base");
    let key = "/calico/resources/v3/projectcalico.org/ipreservations/ipamctl";
    let value = r#"{"kind":"IPReservation","apiVersion":"projectcalico.org/v3","metadata":{"name":"ipamctl"},"spec":{"reservedCIDRs":["what?","10.91.0.9"],"ours":1}}"#;
    bench.put(&[(key.to_owned(), value.to_owned())]);
    bench.check(
        &["ipam", "reserve", "10.91.0.8"],
        &expect![[r#"
        --- stderr
        Reserved by ipamctl: 10.91.0.8/32
    "#]],
    );
    bench.check(
        &["get", "ipreservation", "ipamctl", "-o", "yaml"],
        &expect![[r#"
            apiVersion: projectcalico.org/v3
            kind: IPReservation
            metadata:
              name: ipamctl
              resourceVersion: "31"
            spec:
              ours: 1
              reservedCIDRs:
              - what?
              - "10.91.0.9"
              - 10.91.0.8/32
        "#]],
    );
}
