//! What happens in a run, by kinds: what workloads are begun, what operators do, what goes wrong.

use crate::dice::Dice;
use crate::fate::odds::Odds;

/// How a workload begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Start {
    /// Under a name of its own.
    Named,
    /// At an address that it names.
    AtAddress,
    /// As a second interface of another.
    SecondInterface,
    /// Without a handle.
    Nameless,
}

/// What operators, collectors and repairers do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Chore {
    Repair,
    Collect,
    DeletePool,
    DisablePool,
    ResizePool,
    CoverPool,
    SelectRack,
    RestorePool,
    DeleteNode,
    SurrenderNode,
    SurrenderDeselected,
    PutNode,
    PutReservation,
    DeleteReservation,
    PutConfig,
    ReleaseAddresses,
    SurrenderBlock,
    CollectCold,
    MoveMachine,
    EnsureBlock,
    ClaimRange,
}

/// What goes wrong with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trouble {
    Refuse,
    LoseRequest,
    LoseReply,
    ApplyLate,
    Touch,
    OldView,
}

/// What happens to nobody in particular.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Disaster {
    Compact,
    Restore,
    Mark,
    NodeDeath,
    Jump,
}

/// What dead processes of Calico left of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Leftover {
    /// An affinity, and no block.
    AffinityAlone,
    /// An affinity, not confirmed, with its block.
    Own,
    /// An affinity to a block of another.
    Anothers,
    /// A block with an owner, and no affinity.
    WithoutAffinity,
    /// A block without an owner.
    Nobodys,
    /// A count of a block that is not there.
    Count,
    /// A block in order, and a count of an address that nobody holds in it.
    CountTooHigh,
    /// An affinity of half the size, as a pool leaves it that was deleted.
    OtherSize,
}

/// What happens in a run, and how often beside what else.
#[derive(Debug, Clone)]
pub(super) struct Mix {
    pub(super) starts: Odds<Start>,
    pub(super) chores: Odds<Chore>,
    pub(super) troubles: Odds<Trouble>,
    pub(super) disasters: Odds<Disaster>,
    pub(super) leftovers: Odds<Leftover>,
    /// How many blocks of a node a configuration allows.
    pub(super) limits: Odds<u32>,
    /// For how many seconds nothing happens, where nothing happens for a while.
    pub(super) pauses: Odds<u64>,
    /// How often that is, in a thousand steps.
    pub(super) pausing: u64,
}

impl Mix {
    /// Everything happens.
    pub(super) fn all() -> Mix {
        Mix {
            starts: Odds::of(&[
                (Start::Named, 9),
                (Start::AtAddress, 1),
                (Start::SecondInterface, 1),
                (Start::Nameless, 1),
            ]),
            chores: all_chores(),
            troubles: Odds::of(&[
                (Trouble::Refuse, 1),
                (Trouble::LoseRequest, 2),
                (Trouble::LoseReply, 2),
                (Trouble::ApplyLate, 2),
                (Trouble::Touch, 2),
                (Trouble::OldView, 1),
            ]),
            disasters: Odds::of(&[
                (Disaster::Compact, 3),
                (Disaster::Restore, 1),
                (Disaster::Mark, 3),
                (Disaster::NodeDeath, 3),
                (Disaster::Jump, 6),
            ]),
            leftovers: all_leftovers(),
            limits: Odds::of(&[(0, 1), (1, 1), (2, 1)]),
            pauses: Odds::of(&[(1, 1), (10, 1), (35, 1), (70, 1), (130, 1)]),
            pausing: 10,
        }
    }

    /// Much of it does not happen.
    pub(super) fn thinned(dice: &Dice) -> Mix {
        let all = Mix::all();
        Mix {
            starts: all.starts.thinned(dice),
            chores: all.chores.thinned(dice),
            troubles: all.troubles.thinned(dice),
            disasters: all.disasters.thinned(dice),
            leftovers: all.leftovers.thinned(dice),
            limits: all.limits.thinned(dice),
            pauses: Odds::of(&[(1, 1), (35, 1), (70, 1), (130, 1), (1000, 1)]).thinned(dice),
            pausing: *dice.pick(&[0, 10, 40]).unwrap_or(&10),
        }
    }
}

fn all_leftovers() -> Odds<Leftover> {
    Odds::of(&[
        (Leftover::AffinityAlone, 1),
        (Leftover::Own, 1),
        (Leftover::Anothers, 1),
        (Leftover::WithoutAffinity, 1),
        (Leftover::Nobodys, 1),
        (Leftover::Count, 1),
        (Leftover::CountTooHigh, 1),
        (Leftover::OtherSize, 1),
    ])
}

fn all_chores() -> Odds<Chore> {
    Odds::of(&[
        (Chore::Repair, 20),
        (Chore::Collect, 20),
        (Chore::DeletePool, 10),
        (Chore::DisablePool, 5),
        (Chore::ResizePool, 5),
        (Chore::CoverPool, 5),
        (Chore::SelectRack, 5),
        (Chore::RestorePool, 10),
        (Chore::DeleteNode, 4),
        (Chore::SurrenderNode, 4),
        (Chore::SurrenderDeselected, 4),
        (Chore::PutNode, 8),
        (Chore::PutReservation, 5),
        (Chore::DeleteReservation, 5),
        (Chore::PutConfig, 10),
        (Chore::ReleaseAddresses, 20),
        (Chore::SurrenderBlock, 7),
        (Chore::CollectCold, 3),
        (Chore::MoveMachine, 4),
        (Chore::EnsureBlock, 3),
        (Chore::ClaimRange, 4),
    ])
}
