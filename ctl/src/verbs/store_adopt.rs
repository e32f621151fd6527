//! `ipamctl store adopt`: looks at a store in which Calico writes, before a node of it is taken over. It changes nothing.

use block_ipam::datastore::{Datastore, DatastoreError, Range, Read};
use block_ipam::revision::Revision;
use serde::Serialize;

use crate::adopt::{Advice, Facts, Urgency, advise};
use crate::context::{Access, Context, Opened};
use crate::failure::{Failure, FailureKind};
use crate::output;
use crate::report::{Cluster, Ended, InUse};
use crate::verbs::ipam_show::Format;

const CONTROLLERS: &str =
    "/calico/resources/v3/projectcalico.org/kubecontrollersconfigurations/default";

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Ends with status 3 where something has to be done first.
docs/operations.md tells the way of a node from Calico's plugin to ours and back.

Examples:
  ipamctl store adopt
  ipamctl store adopt -o json | jq '.advice[] | select(.urgency == \"first\")'")]
pub(crate) struct AdoptArgs {
    /// How to print it
    #[arg(short, long, value_enum, default_value_t = Format::Table)]
    output: Format,
}

pub(crate) async fn run(context: &Context, args: &AdoptArgs) -> Result<(), Failure> {
    let opened = context.open(Access::Read).await?;
    let facts = facts(opened).await?;
    let advice = advise(&facts);
    context.ui.data(&match args.output {
        Format::Table => text(&facts, &advice),
        Format::Json => output::json(&Json::of(&facts, &advice)),
    })?;
    let first = advice
        .iter()
        .filter(|advice| advice.urgency == Urgency::First);
    match first.count() {
        0 => Ok(()),
        count => {
            let error = format!("{count} things have to be done first");
            Err(Failure::new(FailureKind::Found, error))
        }
    }
}

async fn facts(opened: &Opened) -> Result<Facts, Failure> {
    let store = opened.store.as_ref();
    let checked = opened.allocator.check().await?;
    let at = checked.revision;
    let endpoints = InUse::read(store, at).await.map_err(Failure::from)?;
    Ok(Facts {
        cluster: Cluster::read(store, Some(at)).await?,
        has_controllers: has(store, CONTROLLERS, at).await?,
        knows_workloads: endpoints.knows_workloads(),
        cooldown: opened.allocator.config().await?.cooldown_seconds,
        check: checked.report,
    })
}

impl From<Ended> for Failure {
    fn from(ended: Ended) -> Failure {
        match ended {
            Ended::Failed(failure) => failure,
            Ended::Compacted => Failure::refused("the store was compacted while it was read")
                .hint("try again, or compact it less often"),
        }
    }
}

async fn has(store: &dyn Datastore, key: &str, at: Revision) -> Result<bool, DatastoreError> {
    let ranges = vec![Range::key(key)];
    let snapshot = store
        .read(Read {
            ranges,
            at: Some(at),
        })
        .await?;
    Ok(snapshot.found.iter().any(|found| !found.entries.is_empty()))
}

fn text(facts: &Facts, advice: &[Advice]) -> String {
    let looked = &facts.check.looked;
    let calico = match facts.cluster.version.as_str() {
        _ if facts.cluster.revision.is_none() => "none",
        "" => "of an unknown version",
        version => version,
    };
    let mut text = format!(
        "Calico:  {calico}\nHolds:   {} pools, {} blocks, {} addresses, {} handles, {} nodes\n",
        looked.pools, looked.blocks, looked.addresses, looked.handles, looked.nodes
    );
    for Advice { urgency, what, act } in advice {
        let what = output::one_line(what);
        text.push_str(&format!("\n{}: {what}\n  -> {act}\n", urgency.word()));
    }
    text
}

#[derive(Serialize)]
struct Json<'a> {
    calico: &'a str,
    pools: usize,
    blocks: usize,
    addresses: usize,
    handles: usize,
    nodes: usize,
    advice: Vec<AdviceJson<'a>>,
}

#[derive(Serialize)]
struct AdviceJson<'a> {
    urgency: &'static str,
    what: &'a str,
    act: &'static str,
}

impl<'a> Json<'a> {
    fn of(facts: &'a Facts, advice: &'a [Advice]) -> Json<'a> {
        let looked = &facts.check.looked;
        let advice = advice.iter().map(|advice| AdviceJson {
            urgency: advice.urgency.word(),
            what: &advice.what,
            act: advice.act,
        });
        Json {
            calico: &facts.cluster.version,
            pools: looked.pools,
            blocks: looked.blocks,
            addresses: looked.addresses,
            handles: looked.handles,
            nodes: looked.nodes,
            advice: advice.collect(),
        }
    }
}
