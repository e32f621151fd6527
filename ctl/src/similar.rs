//! Names that were probably meant.

/// Returns the name that is nearest to a misspelt one, if any is near.
pub(crate) fn to<'a>(word: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let names = names.into_iter();
    let near = names.map(|name| (strsim::damerau_levenshtein(word, name), name));
    let (distance, nearest) = near.min()?;
    (distance <= 1 + nearest.chars().count() / 4).then_some(nearest)
}

#[cfg(test)]
mod tests {
    use super::to;

    #[test]
    fn only_near_names_are_meant() {
        let names = ["ippool", "ipreservation", "node"];
        for (word, meant) in [
            ("ipool", Some("ippool")),
            ("ippolo", Some("ippool")),
            ("nod", Some("node")),
            ("ipreservatoin", Some("ipreservation")),
            ("widget", None),
            ("", None),
        ] {
            assert_eq!(to(word, names), meant, "{word}");
        }
        assert_eq!(to("x", []), None);
    }
}
