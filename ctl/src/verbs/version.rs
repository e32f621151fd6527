//! `ipamctl version`: this program, and the Calico that runs on the store. No version is refused: what counts is whose
//! records are understood.

use serde::Serialize;

use crate::context::{Access, Context};
use crate::failure::Failure;
use crate::output::{self, one_line};
use crate::report::Cluster;

/// Whose records are read and written as they do it themselves: docs/compatibility.md.
const RECORDS: &str = "v3.22 to v3.34";
const UNKNOWN: &str = "unknown";

#[derive(Debug, clap::Args)]
#[command(after_help = "\
A store that does not answer is no failure here: its cluster is unknown.

Examples:
  ipamctl version --client                     # asks no store
  ipamctl version -o json | jq -r .clusterVersion")]
pub(crate) struct VersionArgs {
    /// Ask no store
    #[arg(long)]
    client: bool,
    /// How to print it
    #[arg(short, long, value_enum, default_value_t = Format::Text)]
    output: Format,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Format {
    Text,
    Json,
}

/// What is printed.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Versions {
    client_version: String,
    /// Versions of Calico whose records are understood.
    calico_records: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    cluster_version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cluster_type: Option<String>,
}

pub(crate) async fn run(context: &Context, args: &VersionArgs) -> Result<(), Failure> {
    let mut versions = Versions {
        client_version: format!("v{}", env!("CARGO_PKG_VERSION")),
        calico_records: RECORDS,
        cluster_version: None,
        cluster_type: None,
    };
    if !args.client {
        let cluster = cluster(context).await;
        let known = |text: String| {
            Some(if text.is_empty() {
                UNKNOWN.to_owned()
            } else {
                text
            })
        };
        versions.cluster_version = known(cluster.version);
        versions.cluster_type = known(cluster.kind);
    }
    context.ui.data(&match args.output {
        Format::Text => text(&versions),
        Format::Json => output::json(&versions),
    })
}

async fn cluster(context: &Context) -> Cluster {
    let Ok(opened) = context.open(Access::Read).await else {
        return Cluster::default();
    };
    let cluster = Cluster::read(opened.store.as_ref(), None).await;
    cluster.unwrap_or_default()
}

fn text(versions: &Versions) -> String {
    let mut text = format!(
        "Client Version:    {}\nCalico Records:    {}\n",
        versions.client_version, versions.calico_records
    );
    let cluster = [
        ("Cluster Version:", &versions.cluster_version),
        ("Cluster Type:", &versions.cluster_type),
    ];
    for (title, value) in cluster {
        if let Some(value) = value {
            text += &format!("{title:<19}{}\n", one_line(value));
        }
    }
    text
}
