//! Every recorded selector: accepted or not as Calico says, and the same labels selected.

use std::collections::BTreeMap;

use block_ipam::selector::Selector;
use serde::Deserialize;

#[derive(Deserialize)]
struct Recorded {
    labels: Vec<BTreeMap<String, String>>,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    selector: String,
    /// Whether a pool may have it.
    accepted: bool,
    /// One for each set of labels; none where it does not parse.
    matches: Vec<Option<bool>>,
}

#[test]
fn selectors_select_what_calico_selects() {
    let recorded: Recorded =
        serde_json::from_str(include_str!("../golden/selectors.json")).expect("recorded selectors");
    assert_eq!(recorded.cases.len(), 73);
    for case in recorded.cases {
        let ours = Selector::parse(&case.selector);
        let matches: Vec<Option<bool>> = recorded
            .labels
            .iter()
            .map(|labels| ours.as_ref().ok().map(|selector| selector.matches(labels)))
            .collect();
        assert_eq!(matches, case.matches, "{:?}: {ours:?}", case.selector);
        assert!(!case.accepted || ours.is_ok(), "{:?}", case.selector);
    }
}
