//! Kinds of runs in which little happens but what belongs together, so that it comes together: where the only blocks are
//! taken over while the limit changes, where every commit may come late, where Calico's halves are set right.

use crate::dice::Dice;
use crate::fate::climate::{Climate, pool};
use crate::fate::mix::{Chore, Leftover, Start, Trouble};
use crate::fate::odds::Odds;
use crate::operation::Pool;

/// A kind of run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Theme {
    /// The limit and the nodes change while nodes take blocks from each other.
    TakeOver,
    /// Requests without a name lose the answers of their commits, which come later; what they decided by changes.
    Late,
    /// What dead processes of Calico left is repaired while others are at work on it.
    Halves,
    /// One pool is deleted and made again with other blocks while claims are on their way.
    Pools,
    /// Blocks are given up, claimed again and repaired by order.
    GiveUp,
    /// Reservations and selectors change under requests.
    Rules,
    /// Addresses cool, are released by what somebody saw once, and move with their machines.
    Cooling,
    /// Pools are created over each other.
    Cover,
}

impl Theme {
    /// All of them, with their names.
    pub const ALL: [(&str, Theme); 8] = [
        ("take-over", Theme::TakeOver),
        ("late", Theme::Late),
        ("halves", Theme::Halves),
        ("pools", Theme::Pools),
        ("give-up", Theme::GiveUp),
        ("rules", Theme::Rules),
        ("cooling", Theme::Cooling),
        ("cover", Theme::Cover),
    ];
    /// Those that seeds draw by themselves.
    const DRAWN: [Theme; 5] = [
        Theme::TakeOver,
        Theme::Late,
        Theme::Halves,
        Theme::Pools,
        Theme::GiveUp,
    ];

    /// Returns one by its name.
    pub fn by_name(name: &str) -> Option<Theme> {
        let found = Theme::ALL.into_iter().find(|(own, _)| *own == name);
        found.map(|(_, theme)| theme)
    }

    /// Returns whether seeds draw it by themselves.
    pub fn is_drawn(self) -> bool {
        Theme::DRAWN.contains(&self)
    }

    pub(super) fn draw(dice: &Dice) -> Option<Theme> {
        dice.pick(&Theme::DRAWN).copied()
    }

    /// Makes the run so.
    pub(super) fn shape(self, dice: &Dice, climate: &mut Climate) {
        calm(climate);
        climate.stalls = dice.below(3) != 0;
        climate.operations *= 2;
        match self {
            Theme::TakeOver => blocks_are_taken_over(dice, climate),
            Theme::Late => commits_come_late(dice, climate),
            Theme::Halves => halves_are_set_right(dice, climate),
            Theme::Pools => pools_come_and_go(dice, climate),
            Theme::GiveUp => blocks_are_given_up(dice, climate),
            Theme::Rules => rules_change(dice, climate),
            Theme::Cooling => addresses_cool(dice, climate),
            Theme::Cover => pools_cover_each_other(dice, climate),
        }
    }
}

/// Nothing goes wrong, and workloads are of the simplest kind.
fn calm(climate: &mut Climate) {
    *climate = Climate {
        dual_stack: false,
        most_wanted: 1,
        windows: false,
        load_balancers: false,
        machines: false,
        cool_down: 0,
        half_states: false,
        faults: 0,
        deaths: 0,
        disasters: 0,
        most_live: climate.most_live.max(4),
        ..climate.clone()
    };
}

fn one_pool(dice: &Dice, climate: &mut Climate) {
    let few = pool("a", "10.0.0.0/30", 31);
    let all = [
        few,
        pool("a", "10.0.0.0/29", 31),
        pool("a", "10.0.0.0/29", 30),
    ];
    climate.pools = dice.pick(&all).cloned().into_iter().collect();
}

fn blocks_are_taken_over(dice: &Dice, climate: &mut Climate) {
    let block_length = 31 + u8::from(dice.below(2) == 0);
    climate.pools = vec![pool("a", "10.0.0.0/30", block_length)];
    climate.calico_runs = true;
    climate.max_blocks = 0;
    climate.mix.limits = Odds::of(&[(0, 1), (1, 1)]);
    climate.chores = 350;
    climate.workloads = 3;
    climate.mix.chores = if dice.below(2) == 0 {
        Odds::of(&[(Chore::PutConfig, 1)])
    } else {
        Odds::of(&[(Chore::DeleteNode, 1), (Chore::PutNode, 2)])
    };
    climate.mix.pausing = 60;
    climate.mix.pauses = Odds::of(&[(70, 1)]);
}

fn commits_come_late(dice: &Dice, climate: &mut Climate) {
    let first = Pool {
        rack: Some("r1".to_owned()),
        ..pool("a", "10.0.0.0/29", 30)
    };
    climate.pools = vec![first, pool("b", "10.0.1.0/30", 31)];
    climate.faults = 150;
    climate.chores = 350;
    climate.mix.troubles = Odds::of(&[(Trouble::ApplyLate, 4), (Trouble::Touch, 1)]);
    climate.mix.starts = Odds::of(&[(Start::Nameless, 3), (Start::Named, 2)]);
    climate.mix.chores = Odds::of(&[
        (Chore::PutNode, 4),
        (Chore::PutConfig, 1),
        (Chore::SurrenderNode, 1),
        (Chore::ReleaseAddresses, 1),
    ]);
    climate.mix.pausing = [0, 60][usize::from(dice.below(2) == 0)];
    climate.mix.pauses = Odds::of(&[(35, 1)]);
}

fn halves_are_set_right(dice: &Dice, climate: &mut Climate) {
    one_pool(dice, climate);
    climate.half_states = true;
    climate.crews = 1;
    climate.chores = 500;
    climate.mix.leftovers = climate.mix.leftovers.thinned(dice);
    climate.mix.chores = Odds::of(&[
        (Chore::Repair, 6),
        (Chore::ClaimRange, 2),
        (Chore::SurrenderBlock, 1),
    ]);
    climate.mix.pausing = 50;
    climate.mix.pauses = Odds::of(&[(130, 1), (1000, 1)]);
}

fn pools_come_and_go(dice: &Dice, climate: &mut Climate) {
    one_pool(dice, climate);
    climate.half_states = dice.below(2) == 0;
    climate.chores = 450;
    climate.mix.leftovers =
        Odds::of(&[(Leftover::AffinityAlone, 1), (Leftover::OtherSize, 2)]).thinned(dice);
    climate.mix.chores = Odds::of(&[
        (Chore::DeletePool, 3),
        (Chore::ResizePool, 3),
        (Chore::RestorePool, 2),
        (Chore::ClaimRange, 3),
    ]);
}

fn blocks_are_given_up(dice: &Dice, climate: &mut Climate) {
    one_pool(dice, climate);
    climate.half_states = dice.below(2) == 0;
    climate.chores = 500;
    climate.mix.leftovers = Odds::of(&[
        (Leftover::WithoutAffinity, 3),
        (Leftover::Own, 1),
        (Leftover::AffinityAlone, 1),
    ]);
    climate.mix.chores = Odds::of(&[
        (Chore::SurrenderBlock, 3),
        (Chore::SurrenderNode, 1),
        (Chore::ClaimRange, 3),
        (Chore::Repair, 2),
    ])
    .thinned(dice);
    climate.mix.pausing = 20;
    climate.mix.pauses = Odds::of(&[(70, 1)]);
}

fn rules_change(dice: &Dice, climate: &mut Climate) {
    let racked = Pool {
        rack: Some("r1".to_owned()),
        ..pool("a", "10.0.0.0/29", 31)
    };
    climate.pools = if dice.below(2) == 0 {
        vec![racked, pool("b", "10.0.1.0/30", 31)]
    } else {
        vec![pool("a", "10.0.0.0/29", 30)]
    };
    climate.chores = 500;
    climate.max_blocks = u32::from(dice.below(2) == 0);
    climate.strict = false;
    climate.mix.chores = if dice.below(2) == 0 {
        Odds::of(&[(Chore::PutReservation, 4), (Chore::DeleteReservation, 3)])
    } else {
        Odds::of(&[
            (Chore::PutNode, 3),
            (Chore::SelectRack, 2),
            (Chore::RestorePool, 1),
            (Chore::ReleaseAddresses, 2),
        ])
    };
    climate.mix.pausing = 30;
    climate.mix.pauses = Odds::of(&[(70, 1)]);
}

fn addresses_cool(dice: &Dice, climate: &mut Climate) {
    one_pool(dice, climate);
    climate.machines = dice.below(2) == 0;
    climate.cool_down = 30 * u32::from(dice.below(2) == 0);
    climate.chores = 500;
    climate.mix.chores = Odds::of(&[
        (Chore::MoveMachine, 3),
        (Chore::CollectCold, 3),
        (Chore::ReleaseAddresses, 4),
    ])
    .thinned(dice);
    climate.mix.pausing = 40;
    climate.mix.pauses = Odds::of(&[(35, 1)]);
}

fn pools_cover_each_other(dice: &Dice, climate: &mut Climate) {
    one_pool(dice, climate);
    climate.chores = 700;
    climate.mix.chores = Odds::of(&[
        (Chore::DeletePool, 3),
        (Chore::CoverPool, 3),
        (Chore::RestorePool, 3),
    ]);
}
