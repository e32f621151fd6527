//! The weaker versions, each with what it breaks.

use crate::fate::theme::Theme;
use crate::fleet::Kind;
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
    /// What shows it.
    pub shown: Shown,
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
    /// A release frees what it meant whatever number that has by now (X18).
    IgnoresSequences,
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

/// How a weaker version is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    /// By this seed of this fleet.
    Seed {
        /// Whose programs take part.
        kind: Kind,
        /// What the run is like, where it is not what the seed draws.
        theme: Option<Theme>,
        /// The seed.
        seed: u64,
    },
    /// By the schedule of this name in `sim/tests/counterexamples/` alone.
    Schedule(&'static str),
}

const fn pure(seed: u64) -> Shown {
    Shown::Seed {
        kind: Kind::Pure,
        theme: None,
        seed,
    }
}

const fn mixed(seed: u64) -> Shown {
    Shown::Seed {
        kind: Kind::Mixed,
        theme: None,
        seed,
    }
}

const fn themed(kind: Kind, theme: Theme, seed: u64) -> Shown {
    Shown::Seed {
        kind,
        theme: Some(theme),
        seed,
    }
}

const fn guard(
    name: &'static str,
    (row, of): (Row, Of),
    breaks: &'static str,
    shown: Shown,
) -> Weakness {
    Weakness {
        name,
        what: What::NoGuard(row, of),
        breaks,
        shown,
    }
}

const fn mutant(name: &'static str, what: What, breaks: &'static str, shown: Shown) -> Weakness {
    Weakness {
        name,
        what,
        breaks,
        shown,
    }
}

/// All of them.
pub static ALL: [Weakness; 64] = [
    guard("warm-block", (Row::Warm, Of::Block), "X1", pure(1)),
    guard("warm-handle", (Row::Warm, Of::Handle), "X2", pure(6)),
    guard("warm-pool", (Row::Warm, Of::Pool), "X3", pure(32)),
    guard(
        "warm-reservations",
        (Row::Warm, Of::Reservations),
        "p2",
        pure(49),
    ),
    guard("warm-affinity", (Row::Warm, Of::Affinity), "X4", mixed(380)),
    guard("claim-blocks", (Row::Claim, Of::Block), "X8", pure(35)),
    guard(
        "claim-neighbours",
        (Row::Claim, Of::Neighbours),
        "X9",
        themed(Kind::Mixed, Theme::Pools, 829),
    ),
    guard("claim-handle", (Row::Claim, Of::Handle), "X2", pure(24)),
    guard("claim-pool", (Row::Claim, Of::Pool), "X3", pure(2)),
    guard("claim-config", (Row::Claim, Of::Config), "X5", pure(246)),
    guard("claim-node", (Row::Claim, Of::Node), "X6", pure(66)),
    guard(
        "claim-affinities",
        (Row::Claim, Of::OwnAffinities),
        "X7",
        pure(8),
    ),
    guard(
        "claim-reservations",
        (Row::Claim, Of::Reservations),
        "p2",
        themed(Kind::Pure, Theme::Rules, 200),
    ),
    guard("reclaim-block", (Row::Reclaim, Of::Block), "X10", pure(48)),
    guard(
        "reclaim-owner-affinity",
        (Row::Reclaim, Of::Affinity),
        "X11",
        Shown::Schedule("X11"),
    ),
    guard(
        "reclaim-handle",
        (Row::Reclaim, Of::Handle),
        "X2",
        pure(139),
    ),
    guard("reclaim-pool", (Row::Reclaim, Of::Pool), "X3", pure(29)),
    guard(
        "reclaim-config",
        (Row::Reclaim, Of::Config),
        "X5",
        pure(423),
    ),
    guard("reclaim-node", (Row::Reclaim, Of::Node), "X6", mixed(380)),
    guard(
        "reclaim-affinities",
        (Row::Reclaim, Of::OwnAffinities),
        "X7",
        themed(Kind::Mixed, Theme::TakeOver, 2167),
    ),
    guard(
        "reclaim-reservations",
        (Row::Reclaim, Of::Reservations),
        "p2",
        themed(Kind::Pure, Theme::Rules, 137),
    ),
    guard("borrow-block", (Row::Borrow, Of::Block), "X1", pure(1)),
    guard("borrow-handle", (Row::Borrow, Of::Handle), "X12", pure(168)),
    guard("borrow-pool", (Row::Borrow, Of::Pool), "X3", pure(46)),
    guard("borrow-config", (Row::Borrow, Of::Config), "X13", pure(230)),
    guard(
        "borrow-reservations",
        (Row::Borrow, Of::Reservations),
        "p2",
        themed(Kind::Pure, Theme::Rules, 210),
    ),
    guard("adopt-block", (Row::Adopt, Of::Block), "p5", pure(1471)),
    guard("adopt-handle", (Row::Adopt, Of::Handle), "p5", pure(778)),
    guard("release-block", (Row::Release, Of::Block), "X14", pure(6)),
    guard(
        "release-handle",
        (Row::Release, Of::Handle),
        "X15",
        pure(91),
    ),
    guard("collect-block", (Row::Collect, Of::Block), "X16", pure(82)),
    guard(
        "collect-handle",
        (Row::Collect, Of::Handle),
        "X17",
        pure(219),
    ),
    guard(
        "surrender-block",
        (Row::Surrender, Of::Block),
        "X19",
        pure(125),
    ),
    guard(
        "surrender-affinity",
        (Row::Surrender, Of::Affinity),
        "X20",
        pure(1879),
    ),
    guard(
        "claim-range-block",
        (Row::ClaimRange, Of::Block),
        "X8",
        pure(35),
    ),
    guard(
        "claim-range-neighbours",
        (Row::ClaimRange, Of::Neighbours),
        "X9",
        themed(Kind::Mixed, Theme::Pools, 3199),
    ),
    guard(
        "claim-range-pool",
        (Row::ClaimRange, Of::Pool),
        "X3",
        pure(2),
    ),
    guard("confirm-block", (Row::Confirm, Of::Block), "X21", pure(492)),
    guard(
        "drop-block",
        (Row::Drop, Of::Block),
        "X34",
        Shown::Schedule("X34"),
    ),
    guard("count-block", (Row::Count, Of::Block), "X23", mixed(63)),
    guard("count-handle", (Row::Count, Of::Handle), "p5", pure(1645)),
    guard("tidy-block", (Row::Tidy, Of::Block), "X19", pure(493)),
    guard("owners-block", (Row::Owners, Of::Block), "X1", pure(511)),
    guard(
        "cold-block",
        (Row::Cold, Of::Block),
        "X16",
        themed(Kind::Pure, Theme::Cooling, 8),
    ),
    guard("fence-block", (Row::Fence, Of::Block), "X1", mixed(239)),
    guard(
        "pool-create-pools",
        (Row::PoolCreate, Of::Pools),
        "X25",
        themed(Kind::Pure, Theme::Cover, 2),
    ),
    guard(
        "pool-create-affinities",
        (Row::PoolCreate, Of::AllAffinities),
        "X26",
        Shown::Schedule("X26, the affinity alone"),
    ),
    guard("pool-edit-pool", (Row::PoolEdit, Of::Pool), "p3", mixed(64)),
    guard(
        "pool-delete-pool",
        (Row::PoolDelete, Of::Pool),
        "X27",
        themed(Kind::Pure, Theme::Pools, 13),
    ),
    guard(
        "pool-delete-blocks",
        (Row::PoolDelete, Of::Neighbours),
        "X28",
        themed(Kind::Mixed, Theme::Pools, 1014),
    ),
    mutant("forgets-its-own", What::ForgetsItsOwn, "p7", mixed(6)),
    mutant(
        "counts-what-was-asked",
        What::CountsWhatWasAsked,
        "p5",
        mixed(1),
    ),
    mutant("counts-the-truth", What::CountsTheTruth, "X24", mixed(8)),
    mutant(
        "reuses-sequences",
        What::ReusesSequences,
        "p6, p12",
        mixed(0),
    ),
    mutant(
        "ignores-sequences",
        What::IgnoresSequences,
        "X18",
        themed(Kind::Pure, Theme::Cooling, 116),
    ),
    mutant("ignores-cooling", What::IgnoresCooling, "p10", mixed(10)),
    mutant("splits-families", What::SplitsFamilies, "p13", mixed(1)),
    mutant(
        "takes-loss-for-success",
        What::TakesLossForSuccess,
        "p7",
        mixed(8),
    ),
    mutant(
        "takes-loss-for-failure",
        What::TakesLossForFailure,
        "X31",
        mixed(72),
    ),
    mutant(
        "no-fence",
        What::NoFence,
        "X31",
        themed(Kind::Pure, Theme::Late, 38),
    ),
    mutant(
        "nothing-after-loss",
        What::NothingAfterLoss,
        "X30",
        mixed(308),
    ),
    mutant(
        "keeps-former-affinity",
        What::KeepsFormerAffinity,
        "p4",
        mixed(1),
    ),
    mutant(
        "confirms-without-rewrite",
        What::ConfirmsWithoutRewrite,
        "X22",
        themed(Kind::Mixed, Theme::GiveUp, 59),
    ),
    mutant(
        "counts-without-rewrite",
        What::CountsWithoutRewrite,
        "X23",
        themed(Kind::Mixed, Theme::Halves, 696),
    ),
];

/// Returns a weaker version by its name.
pub fn by_name(name: &str) -> Option<&'static Weakness> {
    ALL.iter().find(|weakness| weakness.name == name)
}
