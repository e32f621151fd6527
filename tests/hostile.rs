//! Records that say anything: the fuzz target `records` runs the same function for hours.

use block_ipam_testing::hostile::{Survived, survive};
use proptest::collection::vec;
use proptest::prelude::*;
use tokio::runtime::{Builder, Runtime};

fn runtime() -> Runtime {
    Builder::new_current_thread()
        .enable_time()
        .build()
        .expect("a runtime")
}

/// A store, a turn, and instructions: few bytes make few changes, so that much of the store still makes sense.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![vec(any::<u8>(), 0..16), vec(any::<u8>(), 16..200)]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_the_records_say_operations_end_and_what_cannot_be_read_is_told_and_left_alone(
        bytes in bytes()
    ) {
        runtime().block_on(survive(&bytes));
    }
}

/// Without a change every recorded store can be lived with, whichever operation comes first.
#[test]
fn every_operation_ends_on_every_recorded_store() {
    let runtime = runtime();
    let mut all = Survived::default();
    for store in 0..=51_u8 {
        let survived = runtime.block_on(survive(&[store.wrapping_mul(7), store]));
        assert_eq!(survived.unreadable, 0, "store {store}");
        all.done += survived.done;
        all.refused += survived.refused;
    }
    assert!(1_000 < all.done && 200 < all.refused, "{all:?}");
}

/// What was found, smallest first; each input stays for ever.
#[test]
fn what_was_found_before_stays_found() {
    let found: [(&str, &[u8]); 1] = [(
        "an own affinity that cannot be read was taken for absent, and every claim of its block was refused",
        &[
            107, 69, 56, 196, 20, 223, 145, 121, 132, 175, 144, 21, 149, 151, 177,
        ],
    )];
    for (story, bytes) in found {
        let survived = runtime().block_on(survive(bytes));
        assert!(
            0 < survived.unreadable,
            "{story}: the input means something else now"
        );
    }
}
