//! The decision about a block in which addresses have cooled down.

use crate::assign::surroundings::readable_config;
use crate::blocks::{Address, Block, BlockCidr, Cooldown};
use crate::plan::{Change, Context, Guard, Plan, RecordId, Recorded, Seen, Step, Stop, View, Want};
use crate::refusal::Refusal;

/// What became of a block that was looked through for addresses that have cooled down.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Collected {
    /// The addresses that are free now.
    pub freed: Vec<Address>,
    /// Whether the block was deleted.
    pub is_deleted: bool,
}

/// Frees the addresses of a block whose cool-down is over. A block of nobody that is empty then, or was, is deleted:
/// Calico leaves it, and can never claim it again (p14). A block that does not exist is none to collect.
///
/// # Errors
/// A corrupt block, and a corrupt configuration: the cool-down is not known then.
pub fn decide_collect_cold(view: &View, block: BlockCidr, context: Context) -> Step<Collected> {
    Step::from(decide(view, block, context))
}

fn decide(view: &View, block: BlockCidr, context: Context) -> Result<Step<Collected>, Stop> {
    let id = RecordId::Block(block);
    let both = |_| {
        Stop::Read(vec![
            Want::Record(RecordId::Config),
            Want::Record(id.clone()),
        ])
    };
    let config = readable_config(view.config().map_err(both)?)?;
    match view.block(block).map_err(both)? {
        Seen::Absent => Ok(Step::Done(Collected::default())),
        Seen::Corrupt(record) => Err(Refusal::Corrupt(vec![record.clone()]).into()),
        Seen::Present(record) => Ok(collect(record, config.cooldown(), context)),
    }
}

fn collect(record: &Recorded<Block>, cooldown: Cooldown, context: Context) -> Step<Collected> {
    let before = &record.value;
    let mut block = before.clone();
    block.normalise(context.now, cooldown);
    let was_free: Vec<Address> = before.free_addresses().collect();
    let now_free = block.free_addresses();
    let collected = Collected {
        freed: now_free.filter(|one| !was_free.contains(one)).collect(),
        is_deleted: block.owner().is_none() && block.is_empty(),
    };
    if collected == Collected::default() {
        return Step::Done(collected);
    }
    let cidr = block.cidr();
    block.bump();
    Step::Commit(Plan {
        guards: vec![Guard::At(RecordId::Block(cidr), record.revision)],
        changes: vec![if collected.is_deleted {
            Change::DeleteBlock(cidr)
        } else {
            Change::PutBlock(block)
        }],
        outcome: collected,
        more: false,
    })
}
