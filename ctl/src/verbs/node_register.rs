//! `ipamctl node register`: gives a node its record, which its labels stand in and without which Calico assigns nothing.

use std::collections::BTreeMap;

use block_ipam::node::name::{self, Configured, Host};
use block_ipam::resources::plans::{Mode, Put, put_node};
use block_ipam::resources::{Metadata, Node, name as rules};
use block_ipam::unknown::Unknown;

use crate::context::{Access, Context};
use crate::failure::Failure;

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  ipamctl node register                        # the node that this runs on
  ipamctl node register rack1-n07 --label rack=r1 --label zone=a")]
pub(crate) struct NodeRegisterArgs {
    /// The node; that which this runs on if none is named
    name: Option<String>,
    /// A label, KEY=VALUE. May be given several times
    #[arg(long = "label", value_name = "KEY=VALUE", value_parser = label)]
    labels: Vec<(String, String)>,
    /// Show what would be written, and do nothing
    #[arg(long)]
    dry_run: bool,
}

fn label(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("a label is KEY=VALUE")?;
    Ok((key.to_owned(), value.to_owned()))
}

pub(crate) async fn run(context: &Context, args: &NodeRegisterArgs) -> Result<(), Failure> {
    let name = node(args)?;
    let labels: BTreeMap<String, String> = args.labels.iter().cloned().collect();
    let access = Access::write_unless(args.dry_run);
    let allocator = &context.open(access).await?.allocator;
    let node = Node {
        metadata: Metadata {
            name: name.clone(),
            uid: Some(uuid::Uuid::new_v4().to_string()),
            created: Some(context.now_text()),
            labels,
            ..Metadata::default()
        },
        unknown: Unknown([("spec".to_owned(), "{}".to_owned())].into()),
    };
    let put = Put {
        value: node,
        mode: Mode::Create,
        expected: None,
    };
    let written = allocator.run(|view, now| put_node(view, &put, now)).await;
    match written.map_err(Failure::from) {
        Ok(_) if args.dry_run => super::planned::show(context).await,
        Ok(_) => {
            context.ui.status(&format!("Registered node {name}"));
            Ok(())
        }
        Err(failure) if failure.is_existing() && args.labels.is_empty() => {
            context.ui.status(&format!("Registered already: {name}"));
            Ok(())
        }
        Err(failure) if failure.is_existing() => {
            let error = format!("node `{name}` is registered already");
            let hint = format!("`ipamctl label node {name} KEY=VALUE` sets its labels");
            Err(Failure::refused(error).hint(hint))
        }
        Err(failure) => Err(failure),
    }
}

fn node(args: &NodeRegisterArgs) -> Result<String, Failure> {
    let configured = Configured {
        nodename: args.name.clone(),
        ..Configured::default()
    };
    let environment = std::env::var("NODENAME").ok();
    let node = name::resolve(&configured, environment.as_deref(), &Host::here());
    let node = node.map_err(|error| Failure::usage(error.to_string()))?;
    match rules::fault(node.as_str()) {
        Some(fault) => Err(Failure::usage(fault.to_string())),
        None => Ok(node.to_string()),
    }
}
