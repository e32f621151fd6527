//! What the arithmetic of one request costs: an address of a /26 assigned and released, and the choice of a block.

use std::hint::black_box;

use block_ipam::blocks::{Attribute, Block, BlockCidr, Candidates, Cidr, Cooldown, RangeSet};
use block_ipam::clock::Timestamp;
use block_ipam::ids::{NodeName, Owner};
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};

const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

fn attribute(container: usize) -> Attribute {
    let node = ("node".to_owned(), "node-17".to_owned());
    Attribute {
        handle: Some(format!("k8s-pod-network.{container:064x}")),
        secondary: [node].into(),
        ..Attribute::default()
    }
}

/// A /26 in which this many containers hold an address.
fn block(held: usize) -> Block {
    let cidr: BlockCidr = "10.64.0.64/26".parse().expect("it is a block");
    let owner = Owner::host(&NodeName::new("node-17").expect("it is a name"));
    let mut block = Block::create(cidr, owner, NOW, 1, None);
    for container in 0..held {
        block.assign_next(1, &attribute(container), &RangeSet::default());
    }
    block
}

fn cidr(text: &str) -> Cidr {
    text.parse().expect("it is a CIDR")
}

fn assign(criterion: &mut Criterion) {
    let reserved: RangeSet = ["10.64.0.64/30", "10.64.1.0/24"]
        .map(cidr)
        .into_iter()
        .collect();
    let (block, attribute) = (block(40), attribute(40));
    criterion.bench_function("blocks/assign/one of a /26 that holds 40", |bencher| {
        bencher.iter_batched_ref(
            || block.clone(),
            |block| block.assign_next(1, black_box(&attribute), &reserved),
            BatchSize::SmallInput,
        );
    });
}

fn release(criterion: &mut Criterion) {
    let block = block(40);
    let held = [block.entries().nth(20).expect("40 are held").ordinal];
    for (name, cooldown) in [("at once", 0), ("to cool down", 130)] {
        let cooldown = Cooldown::from_seconds(cooldown);
        criterion.bench_function(
            &format!("blocks/release/one of a /26 that holds 40, {name}"),
            |bencher| {
                bencher.iter_batched_ref(
                    || block.clone(),
                    |block| block.release(black_box(&held), NOW, cooldown),
                    BatchSize::SmallInput,
                );
            },
        );
    }
}

fn read(criterion: &mut Criterion) {
    let parts = block(64).into_parts();
    criterion.bench_function("blocks/read/a full /26", |bencher| {
        bencher.iter_batched(|| parts.clone(), Block::from_parts, BatchSize::SmallInput);
    });
}

fn choose(criterion: &mut Criterion) {
    let pool = cidr("fd00:64::/64");
    let reserved: RangeSet = (0..1000)
        .filter_map(|index| pool.subnet(80, 2 * index))
        .collect();
    criterion.bench_function(
        "blocks/order/100 of a /64 with 1000 reserved ranges",
        |bencher| {
            bencher.iter(|| {
                let candidates = Candidates::new(pool, 122, black_box(&reserved), b"node-17");
                candidates.take(100).last()
            });
        },
    );
}

criterion_group!(blocks, assign, release, read, choose);
criterion_main!(blocks);
