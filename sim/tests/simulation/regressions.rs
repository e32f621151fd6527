//! What the simulation found before: each file of `sim/regressions/` is a history that broke something then.

use std::fs;
use std::path::Path;

use block_ipam_sim::fleet::Fleet;
use block_ipam_sim::run::replay;
use block_ipam_sim::trace::Trace;

#[test]
fn what_was_found_is_not_found_again() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("regressions");
    let files = fs::read_dir(folder).expect("the folder of regressions");
    let mut count = 0;
    for file in files {
        let path = file.expect("a file").path();
        let text = fs::read_to_string(&path).expect("a trace is text");
        let trace = Trace::of_lines(&text).expect("a trace");
        let again = replay(&trace, Fleet::PURE, &mut |_| {});
        assert_eq!(again.violation, None, "{}", path.display());
        count += 1;
    }
    assert_ne!(count, 0, "no regression was replayed");
}
