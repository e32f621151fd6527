//! The configurations and pools that `docs/cni.md` recommends: what is tested is what is read.

use serde_json::Value;

const PAGE: &str = include_str!("../../docs/cni.md");

/// Returns the configuration of a recipe.
#[track_caller]
pub(crate) fn recipe(title: &str) -> Value {
    let text = first(&section(&format!("\n### {title}\n")), "```json\n");
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{title}: {error}"))
}

/// Returns the pools of the recipes.
pub(crate) fn pools() -> String {
    let steps = section("\n## In five minutes\n");
    let (_, from_pools) = steps
        .split_once("pools.yaml")
        .expect("the step with the pools");
    first(from_pools, "```yaml\n")
}

fn section(heading: &str) -> String {
    let (_, rest) = PAGE
        .split_once(heading)
        .unwrap_or_else(|| panic!("docs/cni.md has no {heading:?}"));
    let level = heading.trim().split(' ').next().expect("a heading");
    let end = rest.find(&format!("\n{level} "));
    rest[..end.unwrap_or(rest.len())].to_owned()
}

/// Returns the first block of a language, without the indentation of a list.
fn first(text: &str, fence: &str) -> String {
    let (before, block) = text.split_once(fence).expect("a block of code");
    let indent = before.len() - before.trim_end_matches(' ').len();
    let (block, _) = block.split_once("```").expect("its end");
    let lines = block
        .lines()
        .map(|line| line.get(indent..).unwrap_or_default());
    lines.collect::<Vec<_>>().join("\n")
}
