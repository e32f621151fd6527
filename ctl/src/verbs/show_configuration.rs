//! `ipamctl ipam show --show-configuration`.

use block_ipam::plan::{RecordId, Seen, Step, View, Want};
use block_ipam::refusal::Refusal;
use block_ipam::resources::Config;
use serde_json::json;

use crate::context::{Access, Context};
use crate::failure::Failure;
use crate::output::{self, Column, framed};
use crate::verbs::show_borrowed::AsJson;

/// Prints the configuration that assignments look at.
pub(super) async fn run(context: &Context, as_json: AsJson) -> Result<(), Failure> {
    let allocator = &context.open(Access::Read).await?.allocator;
    let config = allocator.run(|view, _| read(view)).await?;
    context.ui.data(&match as_json {
        AsJson::Yes => output::json(&json!({
            "strictAffinity": config.strict_affinity,
            "autoAllocateBlocks": config.auto_allocate_blocks,
            "maxBlocksPerHost": config.max_blocks_per_host,
            "kubeVirtVMAddressPersistence": config.vm_address_persistence,
            "ipCooldownSeconds": config.cooldown_seconds,
        })),
        AsJson::No => text(&config),
    })
}

fn read(view: &View) -> Step<Config> {
    match &view.config {
        None => Step::Read(vec![Want::Record(RecordId::Config)]),
        Some(Seen::Corrupt(record)) => Step::Refuse(Refusal::Corrupt(vec![record.clone()])),
        Some(Seen::Absent) => Step::Done(Config::default()),
        Some(Seen::Present(config)) => Step::Done(config.value.clone()),
    }
}

fn text(config: &Config) -> String {
    let persistence = config.vm_address_persistence.clone();
    let rows = [
        ("StrictAffinity", config.strict_affinity.to_string()),
        (
            "AutoAllocateBlocks",
            config.auto_allocate_blocks.to_string(),
        ),
        ("MaxBlocksPerHost", config.max_blocks_per_host.to_string()),
        (
            "KubeVirtVMAddressPersistence",
            persistence.unwrap_or_else(|| "<not set>".to_owned()),
        ),
        ("IPCooldownSeconds", config.cooldown_seconds.to_string()),
    ];
    let rows = rows.map(|(property, value)| vec![property.to_owned(), value]);
    framed(&["PROPERTY", "VALUE"].map(Column::Left), &rows)
}
