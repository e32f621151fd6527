//! `ipamctl ipam configure`, with calicoctl's flags and one of ours.

use block_ipam::plan::{Context as Drawn, RecordId, Seen, Step, View, Want};
use block_ipam::refusal::Refusal;
use block_ipam::resources::Config;
use block_ipam::resources::plans::{Mode, Put, Written, put_config};

use crate::context::{Access, Context};
use crate::failure::Failure;

/// Calico waits as long for what holds an old route to an address.
const RECOMMENDED_COOLDOWN: i64 = 130;

#[derive(Debug, clap::Args)]
#[command(after_help = "\
`ipamctl ipam show --show-configuration` shows what is set.

Examples:
  ipamctl ipam configure --strictaffinity=true
  ipamctl ipam configure --max-blocks-per-host=4 --dry-run")]
pub(crate) struct ConfigureArgs {
    /// Whether nodes take addresses from their own blocks alone
    #[arg(long, value_name = "true|false")]
    strictaffinity: Option<String>,
    /// Most blocks of a family that a node may own; 0 for the built-in limit
    #[arg(long, value_name = "NUMBER", allow_hyphen_values = true)]
    max_blocks_per_host: Option<String>,
    /// Whether KubeVirt machines keep their addresses
    #[arg(long, value_name = "Enabled|Disabled")]
    kubevirt_ip_persistence: Option<String>,
    /// Seconds for which a released address stays unusable; 0 for none, 130 where no Calico before 3.33 writes here
    #[arg(long, value_name = "SECONDS", allow_hyphen_values = true)]
    ip_cooldown_seconds: Option<String>,
    /// Whether nodes claim blocks when they need them
    #[arg(long, value_name = "true|false")]
    auto_allocate_blocks: Option<String>,
    /// Say what would be set, and set nothing
    #[arg(long)]
    dry_run: bool,
}

/// What is to be set.
#[derive(Debug, Default)]
struct Wanted {
    strict_affinity: Option<bool>,
    max_blocks_per_host: Option<i64>,
    persistence: Option<String>,
    cooldown_seconds: Option<i64>,
    auto_allocate_blocks: Option<bool>,
}

pub(crate) async fn run(context: &Context, args: &ConfigureArgs) -> Result<(), Failure> {
    let wanted = wanted(args)?;
    let lines = wanted.lines();
    if lines.is_empty() {
        return Err(Failure::refused(
            "at least one configuration option must be specified",
        ));
    }
    let allocator = &context
        .open(Access::write_unless(args.dry_run))
        .await?
        .allocator;
    allocator
        .run(|view, drawn| configure(view, &wanted, drawn))
        .await?;
    let done = if args.dry_run {
        "Would set"
    } else {
        "Successfully set"
    };
    let lines = lines.iter().map(|line| format!("{done} {line}\n"));
    context.ui.data(&lines.collect::<String>())?;
    if wanted.cooldown_seconds.is_some_and(|seconds| 0 < seconds) {
        context.ui.status(&format!(
            "Calico up to 3.32 drops this setting when it writes the configuration; {RECOMMENDED_COOLDOWN} seconds are recommended"
        ));
    }
    Ok(())
}

/// Plans to set what is wanted in the configuration as it is.
fn configure(view: &View, wanted: &Wanted, drawn: Drawn) -> Step<Written> {
    let config = match &view.config {
        None => return Step::Read(vec![Want::Record(RecordId::Config)]),
        Some(Seen::Corrupt(record)) => return Step::Refuse(Refusal::Corrupt(vec![record.clone()])),
        Some(Seen::Absent) => Config::default(),
        Some(Seen::Present(config)) => config.value.clone(),
    };
    let put = Put {
        value: wanted.over(config),
        mode: Mode::Apply,
        expected: None,
    };
    put_config(view, &put, drawn)
}

impl Wanted {
    fn over(&self, config: Config) -> Config {
        Config {
            strict_affinity: self.strict_affinity.unwrap_or(config.strict_affinity),
            auto_allocate_blocks: self
                .auto_allocate_blocks
                .unwrap_or(config.auto_allocate_blocks),
            max_blocks_per_host: self
                .max_blocks_per_host
                .unwrap_or(config.max_blocks_per_host),
            vm_address_persistence: self.persistence.clone().or(config.vm_address_persistence),
            cooldown_seconds: self.cooldown_seconds.unwrap_or(config.cooldown_seconds),
            unknown: config.unknown,
        }
    }

    fn lines(&self) -> Vec<String> {
        let line = |name: &str, value: Option<String>| Some(format!("{name} to: {}", value?));
        [
            line(
                "StrictAffinity",
                self.strict_affinity.map(|flag| flag.to_string()),
            ),
            line(
                "AutoAllocateBlocks",
                self.auto_allocate_blocks.map(|flag| flag.to_string()),
            ),
            line(
                "MaxBlocksPerHost",
                self.max_blocks_per_host.map(|number| number.to_string()),
            ),
            line("KubeVirtVMAddressPersistence", self.persistence.clone()),
            line(
                "IPCooldownSeconds",
                self.cooldown_seconds.map(|number| number.to_string()),
            ),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

fn wanted(args: &ConfigureArgs) -> Result<Wanted, Failure> {
    let flag = |text: &Option<String>, name: &str| match text.as_deref() {
        None => Ok(None),
        Some("true") => Ok(Some(true)),
        Some("false") => Ok(Some(false)),
        Some(_) => Err(Failure::refused(format!(
            "invalid value. Use true or false to set {name}"
        ))),
    };
    let number = |text: &Option<String>, name: &str| {
        let number = text.as_deref().map(str::parse::<i64>).transpose();
        let failure = |_| Failure::refused(format!("invalid value for {name}. Use a valid number"));
        number.map_err(failure)
    };
    let persistence = args.kubevirt_ip_persistence.clone();
    if persistence
        .as_deref()
        .is_some_and(|word| !["Enabled", "Disabled"].contains(&word))
    {
        let error = "invalid value for --kubevirt-ip-persistence. Use Enabled or Disabled";
        return Err(Failure::refused(error));
    }
    let cooldown = number(&args.ip_cooldown_seconds, "--ip-cooldown-seconds")?;
    Ok(Wanted {
        strict_affinity: flag(&args.strictaffinity, "strictaffinity")?,
        max_blocks_per_host: number(&args.max_blocks_per_host, "maxblockhost")?,
        persistence,
        // A negative number leaves it, as with calicoctl.
        cooldown_seconds: cooldown.filter(|seconds| 0 <= *seconds),
        auto_allocate_blocks: flag(&args.auto_allocate_blocks, "auto-allocate-blocks")?,
    })
}
