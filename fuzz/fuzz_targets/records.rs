//! Any records in the store, and every operation on them: nothing panics, all of it ends, what cannot be read is told
//! and left alone.
#![no_main]

use block_ipam_testing::hostile::survive;
use libfuzzer_sys::fuzz_target;
use tokio::runtime::Builder;

fuzz_target!(|bytes: &[u8]| {
    let runtime = Builder::new_current_thread().enable_time().build();
    runtime.expect("a runtime").block_on(survive(bytes));
});
