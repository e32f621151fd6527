//! `ipamctl validate`: everything that is wrong with manifests by themselves. No store is asked.

use block_ipam::resources::{Pool, config_rules, pool_rules};

use crate::context::Context;
use crate::failure::Failure;
use crate::manifest::{Manifest, Resource};
use crate::verbs::files::FileArgs;
use crate::verbs::write::successfully;

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  ipamctl validate -f pools.yaml
  ipamctl validate -R -f manifests/")]
pub(crate) struct ValidateArgs {
    #[command(flatten)]
    files: FileArgs,
}

pub(crate) fn run(context: &Context, args: &ValidateArgs) -> Result<(), Failure> {
    if args.files.filename.is_empty() {
        return Err(Failure::usage(
            "a file is needed: -f FILE, or -f - for standard input",
        ));
    }
    let manifests = args.files.manifests()?;
    let mut faults = Vec::new();
    let mut earlier: Vec<&Pool> = Vec::new();
    for manifest in &manifests {
        let own = match &manifest.resource {
            Resource::Pool(pool) => {
                let mut own = pool_rules::validate(pool);
                own.extend(
                    earlier
                        .iter()
                        .filter_map(|other| pool_rules::overlap_fault(pool, other)),
                );
                earlier.push(pool);
                own
            }
            Resource::Config(config) => config_rules::validate(config),
            Resource::Reservation(_) | Resource::Node(_) => Vec::new(),
        };
        let Manifest { kind, name, .. } = manifest;
        faults.extend(own.iter().map(|fault| format!("{kind} `{name}`: {fault}")));
    }
    if !faults.is_empty() {
        return Err(Failure::refused("the manifest is refused").details(faults));
    }
    context
        .ui
        .result(&successfully("validated", manifests.len(), &manifests))
}
