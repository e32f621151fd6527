//! `ipamctl ipam explain`: why a node's workload would get the address that it would get, or none. Nothing is written.

use std::collections::BTreeMap;

use block_ipam::assign::{Assign, NamedBy, PoolRef, Shortage, Wanted};
use block_ipam::blocks::Family;
use block_ipam::ids::{HandleId, NodeName};
use block_ipam::refusal::Refusal;
use block_ipam::report::Explanation;
use block_ipam::report::explain::{FamilyExplained, Next, OwnBlock, PoolExplained};
use block_ipam::resources::Use;
use block_ipam::workload::{ADDRESSES, choose};
use serde::Serialize;

use crate::context::{Access, Context};
use crate::failure::Failure;
use crate::output;
use crate::verbs::ipam_show::Format;

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  ipamctl ipam explain rack1-n07               # what would the next workload of this node get?
  ipamctl ipam explain rack1-n07 --family both --pool blue")]
pub(crate) struct ExplainArgs {
    /// The node
    node: String,
    /// The family of the address; each by itself where nothing is said
    #[arg(long, value_enum)]
    family: Option<Families>,
    /// A pool that is asked for, by name or CIDR, or a pool group. May be given several times
    #[arg(long, value_name = "POOL")]
    pool: Vec<String>,
    /// An annotation of the workload, of Calico's or Cilium's about pools. May be given several times
    #[arg(long, value_name = "KEY=VALUE")]
    annotation: Vec<String>,
    /// What the address is for
    #[arg(long = "use", value_enum, default_value_t = Purpose::Workload)]
    purpose: Purpose,
    /// A label of the workload's namespace. May be given several times
    #[arg(long, value_name = "KEY=VALUE")]
    namespace_label: Vec<String>,
    /// Who asks: what it holds already is told
    #[arg(long, value_name = "HANDLE")]
    handle: Option<String>,
    /// How to print it
    #[arg(short, long, value_enum, default_value_t = Format::Table)]
    output: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Families {
    #[value(name = "4", alias = "v4")]
    V4,
    #[value(name = "6", alias = "v6")]
    V6,
    /// Both in one request, as a dual-stack workload asks
    Both,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Purpose {
    Workload,
    Tunnel,
    LoadBalancer,
}

pub(crate) async fn run(context: &Context, args: &ExplainArgs) -> Result<(), Failure> {
    let request = request(args)?;
    let allocator = &context.open(Access::Read).await?.allocator;
    let wanted: &[&[Family]] = match args.family {
        Some(Families::V4) => &[&[Family::V4]],
        Some(Families::V6) => &[&[Family::V6]],
        Some(Families::Both) => &[&Family::BOTH],
        None => &[&[Family::V4], &[Family::V6]],
    };
    let mut told = Vec::new();
    for families in wanted {
        told.push(allocator.explain(&of(&request, families, args)?).await?);
    }
    if args.family.is_none() {
        leave_out_absent(&mut told);
    }
    context.ui.data(&match args.output {
        Format::Table => told.iter().map(|told| format!("{told}\n")).collect(),
        Format::Json => {
            let told: Vec<ExplanationJson> = told.iter().map(ExplanationJson::of).collect();
            output::json(&told)
        }
    })
}

fn request(args: &ExplainArgs) -> Result<Assign, Failure> {
    let node = NodeName::new(&args.node).map_err(|error| Failure::usage(error.to_string()))?;
    let handle = args.handle.as_deref().map(HandleId::new).transpose();
    let labels = pairs("label", &args.namespace_label)?;
    Ok(Assign {
        handle: handle.map_err(|error| Failure::usage(error.to_string()))?,
        interface: None,
        node,
        attributes: BTreeMap::new(),
        v4: Wanted::default(),
        v6: Wanted::default(),
        purpose: match args.purpose {
            Purpose::Workload => Use::Workload,
            Purpose::Tunnel => Use::Tunnel,
            Purpose::LoadBalancer => Use::LoadBalancer,
        },
        namespace: (!labels.is_empty()).then_some(labels),
        shortage: Shortage::Refuse,
        max_blocks: 0,
        max_per_handle: 0,
    })
}

fn pairs(what: &str, texts: &[String]) -> Result<BTreeMap<String, String>, Failure> {
    let pair = |text: &String| {
        let failure = || Failure::usage(format!("{what} `{text}` is not KEY=VALUE"));
        let (key, value) = text.split_once('=').ok_or_else(failure)?;
        Ok((key.to_owned(), value.to_owned()))
    };
    texts.iter().map(pair).collect()
}

/// The request for one address of each of the families. A pool that is asked for by CIDR is asked for in its own.
fn of(request: &Assign, families: &[Family], args: &ExplainArgs) -> Result<Assign, Failure> {
    let wanted = |family: Family| Wanted {
        count: usize::from(families.contains(&family)),
        pools: args.pool.iter().map(|pool| PoolRef::parse(pool)).collect(),
        ..Wanted::default()
    };
    let annotations = pairs("annotation", &args.annotation)?;
    let choice = choose(&annotations, wanted(Family::V4), wanted(Family::V6));
    let choice = choice.map_err(|error| Failure::usage(error.to_string()))?;
    if let Some(address) = choice.addresses.first() {
        let text = format!("annotation {ADDRESSES} names {address}, and no pool is chosen then");
        let hint = format!("`ipamctl ipam show --ip={address}` tells who holds it");
        return Err(Failure::usage(text).hint(hint));
    }
    Ok(Assign {
        v4: choice.v4,
        v6: choice.v6,
        ..request.clone()
    })
}

/// A family without a pool, or that the pools asked for are not of, says nothing while the other one does; what is
/// said of both is said once.
fn leave_out_absent(told: &mut Vec<Explanation>) {
    let is_absent = |told: &Explanation| {
        matches!(
            &told.next,
            Next::Refuse(Refusal::NoPool(_) | Refusal::BadPool { .. })
        )
    };
    told.dedup();
    if told.iter().any(|told| !is_absent(told)) {
        told.retain(|told| !is_absent(told));
    } else {
        told.truncate(1);
    }
}

#[derive(Serialize)]
struct ExplanationJson {
    families: Vec<FamilyJson>,
    #[serde(flatten)]
    next: NextJson,
}

#[derive(Serialize)]
struct FamilyJson {
    family: String,
    named: Option<NamedJson>,
    pools: Vec<PoolJson>,
    blocks: Vec<BlockJson>,
}

#[derive(Serialize)]
struct NamedJson {
    pools: Vec<String>,
    by: String,
}

#[derive(Serialize)]
struct PoolJson {
    name: String,
    cidr: String,
    serves: bool,
    reason: Option<String>,
}

#[derive(Serialize)]
struct BlockJson {
    cidr: String,
    free: usize,
    reserved: usize,
    cooling: usize,
    size: usize,
}

#[derive(Serialize)]
struct NextJson {
    granted: bool,
    addresses: Vec<String>,
    repeated: bool,
    claimed: Vec<String>,
    borrowed: Vec<String>,
    refusal: Option<String>,
}

impl ExplanationJson {
    fn of(told: &Explanation) -> ExplanationJson {
        ExplanationJson {
            families: told.families.iter().map(FamilyJson::of).collect(),
            next: NextJson::of(&told.next),
        }
    }
}

impl FamilyJson {
    fn of(told: &FamilyExplained) -> FamilyJson {
        let pool = |pool: &PoolExplained| PoolJson {
            name: pool.name.to_string(),
            cidr: pool.cidr.to_string(),
            serves: pool.excluded.is_none(),
            reason: pool.excluded.as_ref().map(ToString::to_string),
        };
        let block = |block: &OwnBlock| BlockJson {
            cidr: block.cidr.to_string(),
            free: block.free,
            reserved: block.reserved,
            cooling: block.cooling,
            size: block.size,
        };
        let named = |(pools, by): &(Vec<PoolRef>, NamedBy)| NamedJson {
            pools: pools.iter().map(ToString::to_string).collect(),
            by: by.to_string(),
        };
        FamilyJson {
            family: told.family.to_string(),
            named: told.named.as_ref().map(named),
            pools: told.pools.iter().map(pool).collect(),
            blocks: told.blocks.iter().map(block).collect(),
        }
    }
}

impl NextJson {
    fn of(next: &Next) -> NextJson {
        let mut json = NextJson {
            granted: false,
            addresses: Vec::new(),
            repeated: false,
            claimed: Vec::new(),
            borrowed: Vec::new(),
            refusal: None,
        };
        match next {
            Next::Refuse(refusal) => json.refusal = Some(refusal.to_string()),
            Next::Grant {
                grant,
                claimed,
                borrowed,
            } => {
                let addresses = grant.addresses.iter();
                json.granted = true;
                json.repeated = grant.repeated;
                json.addresses = addresses
                    .map(|granted| granted.address.to_string())
                    .collect();
                json.claimed = claimed.iter().map(ToString::to_string).collect();
                json.borrowed = borrowed.iter().map(ToString::to_string).collect();
            }
        }
        json
    }
}
