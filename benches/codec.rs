//! What reading and writing a record costs: a full /26 with the attributes that Calico's plugin stores, and a full /20.

use std::hint::black_box;

use block_ipam::blocks::{Attribute, Block, BlockCidr, RangeSet};
use block_ipam::clock::Timestamp;
use block_ipam::datastore::codec::{decode_block, decode_handle, encode_block, encode_handle};
use block_ipam::ids::{NodeName, Owner};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

fn attribute(pod: usize) -> Attribute {
    let secondary = [
        ("namespace", "shop-production".to_owned()),
        ("node", "rack1-n07.example.com".to_owned()),
        ("pod", format!("checkout-6c9f7d8b54-{pod:05}")),
        (
            "timestamp",
            "2026-03-02 09:15:01.512345678 +0000 UTC".to_owned(),
        ),
    ];
    Attribute {
        handle: Some(format!("k8s-pod-network.{pod:064x}")),
        secondary: secondary
            .map(|(name, value)| (name.to_owned(), value))
            .into(),
        ..Attribute::default()
    }
}

/// A block all of whose addresses are held, each by a pod of its own.
fn full(cidr: BlockCidr) -> Block {
    let owner = Owner::host(&NodeName::new("rack1-n07.example.com").expect("it is a name"));
    let mut block = Block::create(cidr, owner, NOW, 1_772_442_895_123_456_789, None);
    for pod in 0..usize::from(cidr.size()) {
        block.assign_next(1, &attribute(pod), &RangeSet::default());
        block.bump();
    }
    block
}

fn blocks(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("codec/block");
    for cidr in ["10.64.0.64/26", "10.64.0.0/20"] {
        let cidr: BlockCidr = cidr.parse().expect("it is a block");
        let block = full(cidr);
        let value = encode_block(&block);
        let bytes = u64::try_from(value.len()).expect("a length");
        let name = format!("full /{} of {} kB", cidr.cidr().length(), bytes / 1000);
        group.throughput(Throughput::Bytes(bytes));
        group.bench_function(format!("decode, {name}"), |bencher| {
            bencher.iter(|| decode_block(cidr, black_box(&value)));
        });
        group.bench_function(format!("encode, {name}"), |bencher| {
            bencher.iter(|| encode_block(black_box(&block)));
        });
    }
    group.finish();
}

fn handles(criterion: &mut Criterion) {
    let value = br#"{"block":{"10.65.3.64/26":1,"fd80:24e2:f998:72d6::/122":1},"deleted":false}"#;
    let handle = decode_handle(value).expect("a handle");
    criterion.bench_function("codec/handle/decode", |bencher| {
        bencher.iter(|| decode_handle(black_box(value)));
    });
    criterion.bench_function("codec/handle/encode", |bencher| {
        bencher.iter(|| encode_handle(black_box(&handle)));
    });
}

criterion_group!(benches, blocks, handles);
criterion_main!(benches);
