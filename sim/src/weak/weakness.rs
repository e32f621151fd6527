//! The weaker versions, each with what it breaks.

pub use crate::weak::rows::{Of, Row};

/// One weaker version of our program.
#[derive(Debug, PartialEq, Eq)]
pub struct Weakness {
    /// Its name.
    pub name: &'static str,
    /// What is weaker.
    pub what: What,
    /// The counterexamples of `docs/protocol.md` that it opens, and the invariant that breaks.
    pub breaks: &'static str,
    /// A seed that shows it.
    pub seed: u64,
}

/// What a weaker version does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// A guard of a row is left out.
    NoGuard(Row, Of),
    /// It does not see what it holds already.
    ForgetsItsOwn,
    /// A count is what was asked for.
    CountsWhatWasAsked,
    /// A count is what the blocks say (X24).
    CountsTheTruth,
    /// A block is written with the sequence that it has.
    ReusesSequences,
    /// What cools is taken for free.
    IgnoresCooling,
    /// Both families are not one transaction.
    SplitsFamilies,
    /// A commit without an answer is taken for one that was not done.
    TakesLossForFailure,
    /// A commit without an answer is taken for one that was done.
    TakesLossForSuccess,
    /// No block is rewritten after a commit without an answer (X31).
    NoFence,
    /// The same, and it is not committed once more either (X30).
    NothingAfterLoss,
    /// The affinity of a former owner stays.
    KeepsFormerAffinity,
    /// An affinity is confirmed, and its block is not rewritten (X22).
    ConfirmsWithoutRewrite,
    /// A count is lowered, and its blocks are not rewritten (X23).
    CountsWithoutRewrite,
}

const fn guard(name: &'static str, row: Row, of: Of, breaks: &'static str, seed: u64) -> Weakness {
    Weakness {
        name,
        what: What::NoGuard(row, of),
        breaks,
        seed,
    }
}

const fn mutant(name: &'static str, what: What, breaks: &'static str, seed: u64) -> Weakness {
    Weakness {
        name,
        what,
        breaks,
        seed,
    }
}

/// Those that a fleet of ours shows within the seeds of CI.
pub static CAUGHT: [Weakness; 38] = [
    guard("warm-block", Row::Warm, Of::Block, "X1", 7),
    guard("warm-handle", Row::Warm, Of::Handle, "X2", 33),
    guard("warm-pool", Row::Warm, Of::Pool, "X3", 4),
    guard("warm-reservations", Row::Warm, Of::Reservations, "p2", 290),
    guard("claim-blocks", Row::Claim, Of::Block, "X8", 37),
    guard("claim-handle", Row::Claim, Of::Handle, "X2", 33),
    guard("claim-pool", Row::Claim, Of::Pool, "X3", 4),
    guard("claim-config", Row::Claim, Of::Config, "X5", 216),
    guard("claim-node", Row::Claim, Of::Node, "X6", 435),
    guard("claim-affinities", Row::Claim, Of::OwnAffinities, "X7", 80),
    guard("claim-reservations", Row::Claim, Of::Reservations, "p2", 72),
    guard("reclaim-block", Row::Reclaim, Of::Block, "X10", 193),
    guard("reclaim-handle", Row::Reclaim, Of::Handle, "X2", 248),
    guard("reclaim-pool", Row::Reclaim, Of::Pool, "X3", 222),
    guard(
        "reclaim-affinities",
        Row::Reclaim,
        Of::OwnAffinities,
        "X7",
        407,
    ),
    guard("borrow-block", Row::Borrow, Of::Block, "X1", 1),
    guard("borrow-handle", Row::Borrow, Of::Handle, "X12", 134),
    guard("borrow-pool", Row::Borrow, Of::Pool, "X3", 44),
    guard("borrow-config", Row::Borrow, Of::Config, "X13", 216),
    guard("release-block", Row::Release, Of::Block, "X14", 11),
    guard("release-handle", Row::Release, Of::Handle, "X15", 126),
    guard("collect-block", Row::Collect, Of::Block, "X16", 25),
    guard("collect-handle", Row::Collect, Of::Handle, "X17", 571),
    guard("surrender-block", Row::Surrender, Of::Block, "X19", 2),
    guard("confirm-block", Row::Confirm, Of::Block, "X21", 249),
    guard("pool-create-pools", Row::PoolCreate, Of::Pools, "X25", 1527),
    mutant("forgets-its-own", What::ForgetsItsOwn, "p7", 0),
    mutant("counts-what-was-asked", What::CountsWhatWasAsked, "p5", 1),
    mutant("reuses-sequences", What::ReusesSequences, "p6, p12", 0),
    mutant("ignores-cooling", What::IgnoresCooling, "p10", 5),
    mutant("splits-families", What::SplitsFamilies, "p13", 1),
    mutant("takes-loss-for-success", What::TakesLossForSuccess, "p7", 1),
    mutant("keeps-former-affinity", What::KeepsFormerAffinity, "p4", 6),
    guard("owners-block", Row::Owners, Of::Block, "X1", 1820),
    guard("claim-range-block", Row::ClaimRange, Of::Block, "X8", 25),
    guard("claim-range-pool", Row::ClaimRange, Of::Pool, "X3", 26),
    guard("pool-delete-pool", Row::PoolDelete, Of::Pool, "X27", 252),
    guard("cold-block", Row::Cold, Of::Block, "X16", 1996),
];

/// The one that so many seeds of a mixed fleet show.
pub static CAUGHT_BESIDE_CALICO: [Weakness; 1] =
    [mutant("counts-the-truth", What::CountsTheTruth, "X24", 67)];

/// Those that need a history which seeds do not come upon: schedules show them.
pub static SCHEDULED: [Weakness; 15] = [
    guard("reclaim-config", Row::Reclaim, Of::Config, "X5", 0),
    guard("reclaim-node", Row::Reclaim, Of::Node, "X6", 0),
    guard("drop-block", Row::Drop, Of::Block, "X34", 0),
    guard("count-block", Row::Count, Of::Block, "X23", 0),
    mutant("no-fence", What::NoFence, "X31", 0),
    mutant("nothing-after-loss", What::NothingAfterLoss, "X30", 0),
    guard("warm-affinity", Row::Warm, Of::Affinity, "X4", 0),
    guard("claim-neighbours", Row::Claim, Of::Neighbours, "X9", 0),
    guard(
        "reclaim-owner-affinity",
        Row::Reclaim,
        Of::Affinity,
        "X11",
        0,
    ),
    guard("surrender-affinity", Row::Surrender, Of::Affinity, "X20", 0),
    guard(
        "pool-create-affinities",
        Row::PoolCreate,
        Of::AllAffinities,
        "X26",
        0,
    ),
    guard(
        "pool-delete-blocks",
        Row::PoolDelete,
        Of::Neighbours,
        "X28",
        0,
    ),
    mutant(
        "confirms-without-rewrite",
        What::ConfirmsWithoutRewrite,
        "X22",
        0,
    ),
    mutant(
        "counts-without-rewrite",
        What::CountsWithoutRewrite,
        "X23",
        0,
    ),
    mutant(
        "takes-loss-for-failure",
        What::TakesLossForFailure,
        "X31",
        0,
    ),
];

/// Returns a weaker version by its name.
pub fn by_name(name: &str) -> Option<&'static Weakness> {
    all().find(|weakness| weakness.name == name)
}

/// Returns all weaker versions.
pub fn all() -> impl Iterator<Item = &'static Weakness> {
    CAUGHT.iter().chain(&CAUGHT_BESIDE_CALICO).chain(&SCHEDULED)
}
