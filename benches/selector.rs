//! What a selector costs: read once for each pool, matched for each request.

use std::collections::BTreeMap;
use std::hint::black_box;

use block_ipam::selector::Selector;
use criterion::{Criterion, criterion_group, criterion_main};

const SHORT: &str = "rack == 'r1'";
const LONG: &str = "zone in {'a', 'b', 'c'} && !(os == 'windows' || has(cordoned)) \
    && (tier contains 'edge' || tier starts with 'web' || rack not in {'r7', 'r8'})";

fn labels() -> BTreeMap<String, String> {
    let own = [
        ("rack", "r1"),
        ("zone", "c"),
        ("tier", "core"),
        ("os", "linux"),
    ];
    let other = (0..20).map(|n| (format!("example.com/label-{n}"), n.to_string()));
    own.map(|(label, value)| (label.to_owned(), value.to_owned()))
        .into_iter()
        .chain(other)
        .collect()
}

fn selector(c: &mut Criterion) {
    let labels = labels();
    for (name, text) in [("short", SHORT), ("long", LONG)] {
        let selector = Selector::parse(text).expect("a selector");
        assert!(selector.matches(&labels));
        c.bench_function(&format!("selector/parse/{name}"), |b| {
            b.iter(|| Selector::parse(black_box(text)));
        });
        c.bench_function(&format!("selector/matches/{name}"), |b| {
            b.iter(|| selector.matches(black_box(&labels)));
        });
    }
}

criterion_group!(benches, selector);
criterion_main!(benches);
