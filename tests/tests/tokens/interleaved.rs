//! Runs and a check, each a future that is stepped from one operation on the store to the next, in an order that a seed
//! gives; any of them may be cut for good, and any write may fail.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;

use callgate::clock::Clock;
use callgate::credentials::{SecretStore, StoreFailure, StoredSecret, WritableStore, Written};
use callgate_local::simulator::Clock as SimulatorClock;
use secrecy::SecretString;

use crate::store::Store;

/// A sequence of numbers that a seed gives: `SplitMix64`.
pub(crate) struct Seeded(Cell<u64>);

impl Seeded {
    pub(crate) fn new(seed: u64) -> Self {
        Self(Cell::new(seed))
    }

    /// A number below `limit`.
    pub(crate) fn below(&self, limit: usize) -> usize {
        let state = self.0.get().wrapping_add(0x9E37_79B9_7F4A_7C15);
        self.0.set(state);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        usize::try_from((mixed ^ (mixed >> 31)) % u64::try_from(limit).unwrap()).unwrap()
    }
}

/// Where an actor stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stand {
    /// It goes on with whatever it does.
    Going,
    /// Before or after an operation on the store, until it is let go.
    AtGate,
    /// It waits for time to pass.
    Asleep,
    Done,
    Cut,
}

type Shared = Arc<Mutex<Stand>>;

/// The store as one actor has it: each operation is stopped at before it takes effect and before its answer arrives.
#[derive(Clone)]
pub(crate) struct Gated {
    store: Store,
    stand: Shared,
    /// A write failed: what comes next is a wait.
    failed: Arc<Mutex<bool>>,
}

impl Gated {
    /// A stop of an actor's own.
    pub(crate) async fn gate(&self) {
        *self.stand.lock().unwrap() = Stand::AtGate;
        poll_fn(|context| {
            if *self.stand.lock().unwrap() != Stand::AtGate {
                return Poll::Ready(());
            }
            // It is polled when it is stepped; whoever holds it among others must poll it then.
            context.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
    }

    async fn gated<T>(&self, operation: impl Future<Output = T>) -> T {
        self.gate().await;
        let result = operation.await;
        self.gate().await;
        result
    }
}

impl SecretStore for Gated {
    async fn read(&self, name: &str) -> Result<StoredSecret, StoreFailure> {
        self.gated(self.store.read(name)).await
    }
}

impl WritableStore for Gated {
    async fn list(&self, prefix: &str) -> Result<Vec<String>, StoreFailure> {
        self.gated(self.store.list(prefix)).await
    }

    async fn put(&self, name: &str, value: SecretString, request_id: &str) -> Result<Written, StoreFailure> {
        let result = self.gated(self.store.put(name, value, request_id)).await;
        *self.failed.lock().unwrap() = result.is_err();
        result
    }
}

struct Actor<'a> {
    future: Option<Pin<Box<dyn Future<Output = ()> + 'a>>>,
    gated: Gated,
    /// Whether its awaits are the store and the passing of time alone.
    is_local: bool,
}

/// Steps actors one at a time. Time passes where it is made to: on the paused clock of the runtime and both wall clocks.
pub(crate) struct Scheduler<'a> {
    pub(crate) seeded: Seeded,
    store: Store,
    clock: Clock,
    simulator_clock: SimulatorClock,
    actors: RefCell<Vec<Actor<'a>>>,
}

/// How long one step of time is.
pub(crate) const TICK: Duration = Duration::from_millis(100);

impl<'a> Scheduler<'a> {
    pub(crate) fn new(seed: u64, store: Store, clock: Clock, simulator_clock: SimulatorClock) -> Self {
        Self { seeded: Seeded::new(seed), store, clock, simulator_clock, actors: RefCell::default() }
    }

    /// A handle on the store for an actor that is yet to come.
    pub(crate) fn gated(&self) -> Gated {
        Gated { store: self.store.clone(), stand: Arc::new(Mutex::new(Stand::Going)), failed: Arc::default() }
    }

    /// Adds an actor that works with this handle, and sends HTTP requests beside.
    pub(crate) fn act(&self, gated: Gated, future: impl Future<Output = ()> + 'a) {
        self.actors.borrow_mut().push(Actor { future: Some(Box::pin(future)), gated, is_local: false });
    }

    /// Adds an actor that works with this handle, and awaits nothing beside but the passing of time.
    pub(crate) fn act_locally(&self, gated: Gated, future: impl Future<Output = ()> + 'a) {
        self.actors.borrow_mut().push(Actor { future: Some(Box::pin(future)), gated, is_local: true });
    }

    /// Lets one actor go on to its next stop.
    pub(crate) async fn step(&self, index: usize) {
        let mut actor = self.actors.borrow_mut()[index].future.take().unwrap();
        let (gated, is_local) = {
            let actors = self.actors.borrow();
            (actors[index].gated.clone(), actors[index].is_local)
        };
        *gated.stand.lock().unwrap() = Stand::Going;
        for polls in 0.. {
            if poll_fn(|context| Poll::Ready(actor.as_mut().poll(context))).await.is_ready() {
                *gated.stand.lock().unwrap() = Stand::Done;
                return;
            }
            if *gated.stand.lock().unwrap() == Stand::AtGate {
                break;
            }
            // Whoever sends nothing, and has come to no gate in a few turns, waits for time to pass.
            if polls == 3 && (is_local || *gated.failed.lock().unwrap()) {
                *gated.stand.lock().unwrap() = Stand::Asleep;
                break;
            }
            // A request is under way, to a server on this thread. As long as somebody is awake no time passes.
            tokio::task::yield_now().await;
        }
        self.actors.borrow_mut()[index].future = Some(actor);
    }

    /// Cuts an actor for good, wherever it stands.
    pub(crate) fn cut(&self, index: usize) {
        let mut actors = self.actors.borrow_mut();
        actors[index].future = None;
        *actors[index].gated.stand.lock().unwrap() = Stand::Cut;
    }

    /// Lets time pass, and wakes those who waited for it.
    pub(crate) async fn pass(&self, time: Duration) {
        self.clock.advance(time);
        self.simulator_clock.advance(time);
        tokio::time::advance(time).await;
        for index in self.all(|stand| stand == Stand::Asleep) {
            self.step(index).await;
        }
    }

    /// The actors that can go on.
    pub(crate) fn ready(&self) -> Vec<usize> {
        self.all(|stand| matches!(stand, Stand::Going | Stand::AtGate))
    }

    /// Whether nobody has anything left to do.
    pub(crate) fn is_over(&self) -> bool {
        self.all(|stand| !matches!(stand, Stand::Done | Stand::Cut)).is_empty()
    }

    fn all(&self, is_meant: impl Fn(Stand) -> bool) -> Vec<usize> {
        let actors = self.actors.borrow();
        let stands = actors.iter().map(|actor| *actor.gated.stand.lock().unwrap());
        stands.enumerate().filter(|(_, stand)| is_meant(*stand)).map(|(index, _)| index).collect()
    }
}
