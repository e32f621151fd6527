//! Every key that Calico writes is read and built again, and the ranges cover what they should.

use proptest::prelude::*;

use super::*;
use crate::blocks::Address;

fn block(text: &str) -> BlockCidr {
    text.parse().unwrap()
}

fn node(name: &str) -> NodeName {
    NodeName::stored(name)
}

/// Every kind of record with its key as Calico, or we, write it.
fn spellings() -> Vec<(RecordId, &'static str)> {
    let name = ResourceName::stored;
    let rack = Owner::host(&node("rack1-n07.example"));
    vec![
        (
            RecordId::Block(block("10.65.3.64/26")),
            "/calico/ipam/v2/assignment/ipv4/block/10.65.3.64-26",
        ),
        (
            RecordId::Block(block("fd80:24e2:f998:72d6::/122")),
            "/calico/ipam/v2/assignment/ipv6/block/fd80:24e2:f998:72d6::-122",
        ),
        (
            RecordId::Affinity(rack, block("10.65.3.64/26")),
            "/calico/ipam/v2/host/rack1-n07.example/ipv4/block/10.65.3.64-26",
        ),
        (
            RecordId::Affinity(Owner::load_balancer(), block("fd00::40/122")),
            "/calico/ipam/v2/virtual/load-balancer/ipv6/block/fd00::40-122",
        ),
        (
            RecordId::Handle(HandleId::stored("net.9f3c")),
            "/calico/ipam/v2/handle/net.9f3c",
        ),
        (
            RecordId::Handle(HandleId::stored("a/b <&>\r\nmore")),
            "/calico/ipam/v2/handle/a/b <&>\r\nmore",
        ),
        (
            RecordId::Pool(name("rack1")),
            "/calico/resources/v3/projectcalico.org/ippools/rack1",
        ),
        (
            RecordId::Reservation(name("gw")),
            "/calico/resources/v3/projectcalico.org/ipreservations/gw",
        ),
        (
            RecordId::Node(node("n1")),
            "/calico/resources/v3/projectcalico.org/nodes/n1",
        ),
        (RecordId::Config, "/calico/ipam/v2/config"),
        (
            RecordId::ClusterInformation,
            "/calico/resources/v3/projectcalico.org/clusterinformations/default",
        ),
        (RecordId::Identity(node("n1")), "/block-ipam/v1/nodes/n1"),
        (
            RecordId::Borrowed(node("n1"), block("10.65.3.64/26")),
            "/block-ipam/v1/borrowed/n1/10.65.3.64-26",
        ),
    ]
}

#[test]
fn every_record_has_one_key_that_reads_back() {
    for (id, key) in spellings() {
        assert_eq!(key_of(&id), key);
        assert_eq!(parse(key), Some(id), "{key}");
    }
}

#[test]
fn other_keys_are_no_records() {
    let keys = [
        "",
        "/",
        "/calico/",
        "/calico/ipam/v2/",
        "/calico/ipam/v2/configs",
        "/calico/ipam/v2/config/",
        "/calico/ipam/v2/handle",
        "/calico/ipam/v2/handle/",
        "/calico/ipam/v2/host/n1",
        "/calico/ipam/v2/host/n1/",
        "/calico/ipam/v2/host//ipv4/block/10.0.0.0-26",
        "/calico/ipam/v2/host/a/b/ipv4/block/10.0.0.0-26",
        "/calico/ipam/v2/@/n1/ipv4/block/10.0.0.0-26",
        "/calico/ipam/v2/assignment/ipv4/block/",
        "/calico/ipam/v2/assignment/ipv4/block/10.0.0.0",
        "/calico/ipam/v2/assignment/ipv4/block/10.0.0.0/26",
        "/calico/ipam/v2/assignment/ipv4/block/10.0.0.1-26",
        "/calico/ipam/v2/assignment/ipv4/block/10.0.0.00-26",
        "/calico/ipam/v2/assignment/ipv4/block/10.0.0.256-26",
        "/calico/ipam/v2/assignment/ipv4/block/10.0.0.0-026",
        "/calico/ipam/v2/assignment/ipv4/block/10.0.0.0-19",
        "/calico/ipam/v2/assignment/ipv4/block/10.0.0.0-33",
        "/calico/ipam/v2/assignment/ipv4/block/10.0.0.0-26-1",
        "/calico/ipam/v2/assignment/ipv4/block/10.0.0.0-26/x",
        "/calico/ipam/v2/assignment/ipv6/block/10.0.0.0-26",
        "/calico/ipam/v2/assignment/ipv4/block/fd00::-122",
        "/calico/ipam/v2/assignment/ipv6/block/FD00::-122",
        "/calico/ipam/v2/assignment/ipv6/block/fd00:0:0:0:0:0:0:0-122",
        "/calico/ipam/v2/assignment/ipv6/block/::ffff:10.0.0.0-122",
        "/calico/ipam/v2/assignment/ipvx/block/10.0.0.0-26",
        "calico/ipam/v2/assignment/ipv4/block/10.0.0.0-26",
        "/calico/v1/ipam/v4/pool/10.0.0.0-16",
        "/calico/resources/v3/projectcalico.org/ippools/",
        "/calico/resources/v3/projectcalico.org/ippools/a/b",
        "/calico/resources/v3/projectcalico.org/tiers/default",
        "/calico/resources/v3/projectcalico.org/ipamconfigurations/default",
        "/calico/resources/v3/projectcalico.org/clusterinformations/other",
        "/block-ipam/v1/borrowed/n1",
        "/block-ipam/v1/borrowed//10.0.0.0-26",
        "/block-ipam/v1/nodes/",
        "/block-ipam/v1/nodes/n1/x",
    ];
    for key in keys {
        assert_eq!(parse(key), None, "{key}");
    }
}

#[test]
fn a_scope_covers_its_records_and_no_neighbours() {
    let ab = Owner::host(&node("ab"));
    let scopes = [
        (Scope::Pools, RecordId::Pool(ResourceName::stored("p"))),
        (
            Scope::Reservations,
            RecordId::Reservation(ResourceName::stored("r")),
        ),
        (
            Scope::Affinities(ab.clone(), Family::V4),
            RecordId::Affinity(ab.clone(), block("10.0.0.0/26")),
        ),
        (
            Scope::Affinities(ab.clone(), Family::V6),
            RecordId::Affinity(ab, block("fd00::/122")),
        ),
        (
            Scope::AllAffinities(OwnerKind::Virtual),
            RecordId::Affinity(Owner::load_balancer(), block("10.0.0.0/26")),
        ),
    ];
    for (scope, own) in &scopes {
        for (_, other) in &scopes {
            let covered = span_of(scope).contains(&key_of(other));
            assert_eq!(covered, own == other, "{scope:?} and {other:?}");
        }
    }
    let abc = RecordId::Affinity(Owner::host(&node("abc")), block("10.0.0.0/26"));
    assert!(!span_of(&scopes[2].0).contains(&key_of(&abc)));
    assert!(span_of(&Scope::AllAffinities(OwnerKind::Host)).contains(&key_of(&abc)));
}

#[test]
fn whole_listings_cover_what_they_name() {
    let covers = |span: &Span, id: RecordId| span.contains(&key_of(&id));
    let (four, six) = (block("10.0.0.0/26"), block("fd00::/122"));
    assert!(covers(&blocks_of(Family::V4), RecordId::Block(four)));
    assert!(!covers(&blocks_of(Family::V4), RecordId::Block(six)));
    assert!(covers(
        &handles(),
        RecordId::Handle(HandleId::stored("a/b"))
    ));
    assert!(covers(&nodes(), RecordId::Node(node("n1"))));
    assert!(covers(
        &borrowed_by(&node("n1")),
        RecordId::Borrowed(node("n1"), four)
    ));
    assert!(!covers(
        &borrowed_by(&node("n1")),
        RecordId::Borrowed(node("n12"), four)
    ));
    let identity = RecordId::Identity(node("n1"));
    assert_eq!(key_of(&identity), "/block-ipam/v1/nodes/n1");
}

fn texts(cidr: &str) -> Vec<String> {
    let shorten = |text: String| text.rsplit('/').next().unwrap_or_default().to_owned();
    block_spans_inside(cidr.parse().unwrap())
        .into_iter()
        .map(|span| match span {
            Span::Key(key) => shorten(key),
            Span::Prefix(prefix) => shorten(prefix) + "*",
            Span::Between(from, to) => shorten(from) + " to " + &shorten(to),
        })
        .collect()
}

#[test]
fn ipv4_spans_are_octets() {
    let table: [(&str, &[&str]); 7] = [
        ("10.65.3.64/26", &["10.65.3.*"]),
        ("10.65.3.64/32", &["10.65.3.*"]),
        ("10.65.2.0/23", &["10.65.2.*", "10.65.3.*"]),
        ("10.65.0.0/16", &["10.65.*"]),
        ("10.65.64.0/18", &["10.65.*"]),
        ("10.64.0.0/15", &["10.64.*", "10.65.*"]),
        ("0.0.0.0/0", &["*"]),
    ];
    for (cidr, expected) in table {
        assert_eq!(texts(cidr), expected, "{cidr}");
    }
    assert_eq!(texts("10.65.16.0/20").len(), 16);
    assert_eq!(texts("10.65.16.0/20")[15], "10.65.31.*");
}

#[test]
fn ipv6_spans_follow_the_compressed_text() {
    let table: [(&str, &[&str]); 9] = [
        (
            "fd00:1:2:3:4:5:6:1c0/122",
            &["fd00:1:2:3:4:5:6:1c0- to fd00:1:2:3:4:5:6:1ff."],
        ),
        ("fd00::1c0/122", &["fd00::1c0- to fd00::1ff."]),
        ("fd00::5:0/127", &["fd00::5:0-*", "fd00::5:1-*"]),
        (
            "fd00:1:2:3:4:5::/127",
            &["fd00:1:2:3:4:5::-*", "fd00:1:2:3:4:5:0:1-*"],
        ),
        (
            "fd00:1:2:3:4:5:6:e/126",
            &[
                "fd00:1:2:3:4:5:6:c-*",
                "fd00:1:2:3:4:5:6:d-*",
                "fd00:1:2:3:4:5:6:e-*",
                "fd00:1:2:3:4:5:6:f-*",
            ],
        ),
        ("fd00:64:1:2::/64", &["fd00:64:1:2:*"]),
        ("fd00:64::/64", &["fd00:64:0:0:*", "fd00:64::*"]),
        ("0:0:1::/56", &["0:0:1:*", "::1:*"]),
        ("::/0", &["*"]),
    ];
    for (cidr, expected) in table {
        let masked = Cidr::parse_masking(cidr).unwrap().to_string();
        assert_eq!(texts(&masked), expected, "{cidr}");
    }
    assert_eq!(texts("fd00::/122").len(), 17);
    assert_eq!(texts("fd00::/116").len(), 18);
}

fn any_cidr() -> impl Strategy<Value = Cidr> {
    let v4 = (any::<u32>(), 0u8..=32).prop_map(|(bits, length)| {
        Address::new(Family::V4, bits.into())
            .unwrap()
            .network(length)
    });
    // Groups of few values, so that runs of zeros and equal neighbours are common.
    let group = prop_oneof![4 => Just(0u16), 2 => 0u16..0x20, 1 => any::<u16>()];
    let v6 = (proptest::array::uniform8(group), 0u8..=128).prop_map(|(groups, length)| {
        let bits = std::net::Ipv6Addr::from(groups).to_bits();
        Address::new(Family::V6, bits).unwrap().network(length)
    });
    prop_oneof![v4, v6].prop_filter("no IPv4 in IPv6 clothes", |cidr| {
        !matches!(cidr.first().into(), std::net::IpAddr::V6(v6) if v6.to_ipv4_mapped().is_some())
    })
}

/// A legal block inside `cidr`, chosen by the seeds: low bits matter as much as high ones.
fn block_inside(cidr: Cidr, length: u8, offset: u128) -> BlockCidr {
    let lengths = cidr.family().block_lengths();
    let shortest = cidr.length().max(*lengths.start());
    let length = shortest + length % (lengths.end() - shortest + 1);
    let bits = cidr.first().bits() | (offset & (cidr.size() - 1));
    let address = Address::new(cidr.family(), bits).unwrap();
    BlockCidr::new(address.network(length)).unwrap()
}

fn covered(spans: &[Span], block: BlockCidr) -> bool {
    let key = key_of(&RecordId::Block(block));
    spans.iter().any(|span| span.contains(&key))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn the_spans_of_a_cidr_cover_every_block_inside(
        cidr in any_cidr(),
        length in any::<u8>(),
        offset in prop_oneof![any::<u128>(), (0u32..128).prop_map(|shift| 1 << shift), Just(0)],
    ) {
        let block = block_inside(cidr, length, offset);
        let spans = block_spans_inside(cidr);
        prop_assert!(covered(&spans, block), "{block} in {cidr}: {spans:?}");
        prop_assert!(spans.len() <= 19);
        prop_assert!(spans.iter().all(|span| span.check().is_ok()));
    }

    #[test]
    fn the_spans_of_a_block_stay_in_its_neighbourhood(
        high in any::<u128>(),
        near in any::<u64>(),
        shared in 0u8..64,
        length in 116u8..=128,
    ) {
        let address = |bits| Address::new(Family::V6, bits).unwrap();
        let candidate = BlockCidr::new(address(high).network(length)).unwrap();
        // Another block of the same /64, which shares `shared` bits more.
        let other = high ^ (u128::from(near) & ((1 << (64 - u32::from(shared))) - 1));
        let other = BlockCidr::new(address(other).network(length)).unwrap();
        let neighbourhood = candidate.cidr().first().network(112);
        let spelled_out = !address(high | 1).to_string().contains("::");
        if spelled_out && !neighbourhood.covers(other.cidr()) {
            prop_assert!(!covered(&block_spans_inside(candidate.cidr()), other), "{other}");
        }
    }

    #[test]
    fn what_is_read_from_a_key_gives_the_key_back(key in "/calico/ipam/v2/(assignment|host/n1|handle)/(ipv[46]/block/)?[0-9a-f.:]{1,12}-[0-9]{1,3}") {
        if let Some(id) = parse(&key) {
            prop_assert_eq!(key_of(&id), key);
        }
    }
}
