//! What only we wrote is sound, whatever happened on the way.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;

use block_ipam::allocator::reports::AsOf;
use block_ipam::allocator::{Allocator, Hint};
use block_ipam::datastore::{Commit, Datastore, DatastoreError, Read, Snapshot, Txn};
use block_ipam::ids::HandleId;
use block_ipam::report::collect::Memory;
use block_ipam::report::{CheckReport, Grace};

use crate::state::State;
use crate::world::{Faults, Network, Process, World, now, run};
use crate::{release, request};

const SEEDS: u64 = 20;

/// Containers of three nodes come and go; there are fewer addresses than they want, so that they borrow and take over.
fn lives(world: &World) -> Vec<Process<'_, ()>> {
    let live = |index: usize| {
        let allocator = world.allocator();
        Box::pin(async move {
            let node = format!("n{}", index % 3);
            for round in 0..3 {
                let container = format!("c{index}-{round}");
                let request = request(&node, &container, 1 + index % 2, 1);
                let granted = allocator.assign(&request, &Hint::default()).await;
                if granted.is_ok() && !(index + round).is_multiple_of(4) {
                    let release = release(&container);
                    drop(
                        allocator
                            .release_by_handle(&release, &Hint::default())
                            .await,
                    );
                }
            }
        }) as Process<'_, ()>
    };
    (0..9).map(live).collect()
}

fn checked(allocator: &Allocator) -> AsOf<CheckReport> {
    now(allocator.check()).expect("the store answers")
}

#[test]
fn a_store_that_only_we_write_is_sound_after_races_deaths_and_lost_replies() {
    let (mut looked, mut borrowed) = (0, 0);
    for seed in 0..SEEDS {
        let world = World::new(seed);
        world.pool("a", "10.0.0.0/28", 30);
        world.pool("six", "fd00::/122", 124);
        world.network.set_faults(Faults {
            lose_request: 3,
            lose_reply: 3,
            apply_late: 2,
        });
        run(&world.dice, lives(&world), 2, || {});
        now(world.network.deliver_late());
        world.network.set_faults(Faults::default());
        let checked = checked(&world.allocator());
        assert_eq!(checked.report.findings, [], "seed {seed}");
        assert_eq!(checked.restarts, 0);
        looked += checked.report.looked.addresses;
        borrowed += world
            .records()
            .keys()
            .filter(|key| key.contains("/borrowed/"))
            .count();
    }
    assert!(
        0 < looked && 0 < borrowed,
        "{looked} addresses, {borrowed} borrowings: nothing was tried"
    );
}

#[test]
fn a_check_whose_revision_is_compacted_begins_again_and_says_so() {
    let world = World::new(1);
    world.pool("a", "10.0.0.0/28", 30);
    let compacting = Compacting::new(Arc::clone(&world.network), 2);
    let allocator = world.allocator_on(Arc::new(compacting) as Arc<dyn Datastore>);
    assert_eq!(checked(&allocator).restarts, 2);
    let always = Compacting::new(Arc::clone(&world.network), u64::MAX);
    let allocator = world.allocator_on(Arc::new(always) as Arc<dyn Datastore>);
    let error = now(allocator.check()).expect_err("it never ends");
    assert!(error.to_string().contains("was compacted"), "{error}");
}

/// A store that forgets the revision of so many second pages.
#[derive(Debug)]
struct Compacting {
    inner: Arc<Network>,
    left: AtomicU64,
}

impl Compacting {
    const fn new(inner: Arc<Network>, times: u64) -> Compacting {
        Compacting {
            inner,
            left: AtomicU64::new(times),
        }
    }
}

#[async_trait]
impl Datastore for Compacting {
    async fn read(&self, read: Read) -> Result<Snapshot, DatastoreError> {
        let left = self.left.load(Ordering::Relaxed);
        match read.at {
            Some(revision) if 0 < left => {
                self.left.store(left - 1, Ordering::Relaxed);
                Err(DatastoreError::Compacted(revision))
            }
            _ => self.inner.read(read).await,
        }
    }

    async fn commit(&self, txn: Txn) -> Result<Commit, DatastoreError> {
        self.inner.commit(txn).await
    }
}

/// Nobody holds an address of a container that died without a release for longer than the grace; the others keep theirs.
#[test]
fn what_dead_containers_hold_is_collected_and_what_lives_stays() {
    let mut collected = 0;
    for seed in 0..SEEDS {
        let world = World::new(seed);
        world.pool("a", "10.0.0.0/26", 30);
        world.pool("six", "fd00::/120", 124);
        run(&world.dice, lives(&world), 5, || {});
        let held = || State::of(&world.records()).entries();
        let living: BTreeSet<HandleId> = held()
            .into_iter()
            .map(|(_, handle, _, _)| HandleId::stored(&handle))
            .enumerate()
            .filter_map(|(index, handle)| index.is_multiple_of(3).then_some(handle))
            .collect();
        let allocator = world.allocator();
        let collect = |before: &Memory| {
            let collected = allocator.collect(&living, before, Grace::default());
            now(collected).expect("the store answers").report
        };
        let (first, memory) = collect(&Memory::default());
        assert!(first.released.released.is_empty(), "seed {seed}");
        assert!(first.surrendered.is_nothing(), "seed {seed}");
        world.clock.advance(Duration::from_secs(16 * 60));
        let (second, _) = collect(&memory);
        assert_eq!(
            second.released.released.len(),
            first.suspected,
            "seed {seed}"
        );
        collected += second.released.released.len();
        let left: BTreeSet<HandleId> = held()
            .into_iter()
            .map(|(_, handle, _, _)| HandleId::stored(&handle))
            .collect();
        assert_eq!(left, living, "seed {seed}");
        assert_eq!(checked(&allocator).report.findings, [], "seed {seed}");
    }
    assert!(0 < collected, "nothing was tried");
}
