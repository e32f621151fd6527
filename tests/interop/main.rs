//! Calico's real programs and ours at work on one etcd: `make interop CALICOCTL=PATH CALICO_IPAM=PATH`.
//!
//! Without the programs each case counts as ignored, and one line says why. Nothing of Calico is part of this repository.
#![expect(clippy::print_stdout, reason = "a test program of its own")]
#![expect(clippy::disallowed_methods, reason = "real processes take real time")]

mod cases;
mod ended;
mod kubernetes;
mod move_over;
mod programs;
mod race;
mod workers;

use std::process::ExitCode;
use std::sync::Arc;

use libtest_mimic::{Arguments, Trial};

use self::programs::Programs;

type Case = fn(&Programs);

const CASES: [(&str, Case); 12] = [
    (
        "calicoctl_shows_what_we_assigned",
        cases::calicoctl_shows_what_we_assigned,
    ),
    (
        "we_show_what_calico_assigned",
        cases::we_show_what_calico_assigned,
    ),
    (
        "each_plugin_releases_what_the_other_assigned",
        cases::each_plugin_releases_what_the_other_assigned,
    ),
    (
        "each_tool_releases_the_addresses_of_the_other",
        cases::each_tool_releases_the_addresses_of_the_other,
    ),
    (
        "borrowed_addresses_are_told_by_calicoctl",
        cases::borrowed_addresses_are_told_by_calicoctl,
    ),
    (
        "manifests_of_one_are_read_by_the_other",
        cases::manifests_of_one_are_read_by_the_other,
    ),
    (
        "a_pool_deleted_by_one_is_gone_for_the_other",
        cases::a_pool_deleted_by_one_is_gone_for_the_other,
    ),
    (
        "configuration_by_calicoctl_is_obeyed",
        cases::configuration_by_calicoctl_is_obeyed,
    ),
    (
        "calicoctl_calls_our_addresses_leaked_and_finds_nothing_else",
        kubernetes::calicoctl_calls_our_addresses_leaked_and_finds_nothing_else,
    ),
    (
        "a_node_deleted_by_calicoctl_leaves_what_is_in_use",
        cases::a_node_deleted_by_calicoctl_leaves_what_is_in_use,
    ),
    (
        "a_node_moves_over_and_back_without_losing_an_allocation",
        move_over::a_node_moves_over_and_back_without_losing_an_allocation,
    ),
    (
        "both_at_work_with_processes_killed_at_random",
        race::both_at_work_with_processes_killed_at_random,
    ),
];

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let programs = Programs::from_environment().map(Arc::new);
    if let Err(why) = &programs {
        println!("interop: {} cases skipped: {why}", CASES.len());
    }
    let trial = |(name, case): (&'static str, Case)| match &programs {
        Err(_) => Trial::test(name, || Ok(())).with_ignored_flag(true),
        Ok(programs) => {
            let programs = Arc::clone(programs);
            Trial::test(name, move || {
                case(&programs);
                Ok(())
            })
        }
    };
    libtest_mimic::run(&arguments, CASES.into_iter().map(trial).collect()).exit_code()
}
