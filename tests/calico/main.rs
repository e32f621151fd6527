//! Calico's own tests of its address management, each a row: what it pins, played on our code. Where we decide otherwise the
//! row says why and shows what we do; what is not about our records is named too, so that none is forgotten.

mod addresses;
mod affinities;
mod around;
mod assigning;
mod blocks;
mod choice;
mod lost;
mod owners;
mod plugin;
mod races;
mod scene;
mod table;

use table::{Row, census, play};

/// The sections of the catalogue, and how many tests each has.
const CATALOGUE: [(&str, &[Row], usize); 23] = [
    ("performance", addresses::PERFORMANCE, 7),
    (
        "release, sequence numbers, order of use",
        addresses::RELEASE,
        9,
    ),
    ("attributes, addresses by name", addresses::ATTRIBUTES, 9),
    ("reservations", addresses::RESERVATIONS, 7),
    ("affinities", affinities::AFFINITIES, 5),
    ("pools come and go", affinities::POOLS_COME_AND_GO, 4),
    ("handles and caps", affinities::HANDLES, 4),
    ("owners of an address", owners::OWNERS, 29),
    (
        "borrowing, strict affinity, block limit",
        assigning::BORROWING,
        4,
    ),
    ("requested pools, node selectors", assigning::POOLS, 17),
    ("a block is made sure of", affinities::ENSURE, 8),
    ("a block is found or claimed", assigning::FIND_OR_CLAIM, 4),
    ("the table of assignments", assigning::TABLE, 19),
    ("claims of ranges", affinities::CLAIMS, 5),
    (
        "configuration, choice of pools, messages",
        choice::CHOICE,
        7,
    ),
    (
        "blocks, collection of one, order of candidates, filters",
        blocks::BLOCKS,
        22,
    ),
    ("races", races::RACES, 12),
    ("Windows", blocks::WINDOWS, 8),
    ("promotion of an owner", owners::PROMOTION, 8),
    ("selectors of namespaces", choice::NAMESPACES, 13),
    ("models", blocks::MODEL, 5),
    ("the plugin", plugin::PLUGIN, 11),
    (
        "resources, reports, collection, load balancers",
        around::AROUND,
        17,
    ),
];

#[test]
fn every_test_of_calico_has_its_row() {
    for (section, rows, count) in CATALOGUE {
        assert_eq!(rows.len(), count, "{section}");
    }
    let sections = CATALOGUE.map(|(_, rows, _)| rows);
    let (rows, differ, not_ours) = census(&sections);
    println!("{rows} tests of Calico: {differ} differ, {not_ours} are not about what we do");
    assert_eq!((rows, differ, not_ours), (234, 28, 5));
}

/// One test for each section, so that they run side by side.
macro_rules! sections {
    ($($name:ident: $rows:expr;)*) => {$(
        #[test]
        fn $name() {
            play($rows);
        }
    )*};
}

sections! {
    performance: addresses::PERFORMANCE;
    release_sequence_numbers_and_order_of_use: addresses::RELEASE;
    attributes_and_addresses_by_name: addresses::ATTRIBUTES;
    reservations: addresses::RESERVATIONS;
    affinities_of_nodes: affinities::AFFINITIES;
    pools_come_and_go: affinities::POOLS_COME_AND_GO;
    handles_and_caps: affinities::HANDLES;
    owners_of_an_address: owners::OWNERS;
    borrowing_strict_affinity_and_limits: assigning::BORROWING;
    requested_pools_and_node_selectors: assigning::POOLS;
    a_block_is_made_sure_of: affinities::ENSURE;
    a_block_is_found_or_claimed: assigning::FIND_OR_CLAIM;
    the_table_of_assignments: assigning::TABLE;
    claims_of_ranges: affinities::CLAIMS;
    configuration_and_choice_of_pools: choice::CHOICE;
    blocks_as_values: blocks::BLOCKS;
    races_of_many: races::RACES;
    windows_nodes: blocks::WINDOWS;
    promotion_of_an_owner: owners::PROMOTION;
    selectors_of_namespaces: choice::NAMESPACES;
    models: blocks::MODEL;
    the_plugin: plugin::PLUGIN;
    resources_reports_and_collection: around::AROUND;
}
