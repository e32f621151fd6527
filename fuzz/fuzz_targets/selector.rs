//! Any text as a selector: read or refused with a position inside the text, and matched, without a panic.
#![no_main]

use std::collections::BTreeMap;

use block_ipam::selector::Selector;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    match Selector::parse(text) {
        Ok(selector) => {
            let labels = BTreeMap::from([("a".to_owned(), "b".to_owned())]);
            let negated = Selector::parse(&format!("!({text})"));
            if let Ok(negated) = negated {
                assert_ne!(
                    selector.matches(&labels),
                    negated.matches(&labels),
                    "{text:?}"
                );
            }
        }
        Err(error) => assert!(error.position <= text.chars().count() + 1, "{error}"),
    }
});
