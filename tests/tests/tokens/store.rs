//! A secret store that fails as it is told to, and remembers what was read and written.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, SystemTime};

use callgate::clock::Clock;
use callgate::credentials::{MemoryStore, SecretStore, StoreFailure, StoredSecret, WritableStore, Written};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

/// A store in memory, which refuses another write under the same version name as AWS does. Clones are one store.
#[derive(Clone, Default)]
pub(crate) struct Store(Arc<Inner>);

#[derive(Default)]
struct Inner {
    memory: MemoryStore,
    clock: Mutex<Clock>,
    is_down: AtomicBool,
    is_binary: AtomicBool,
    lists_no_tokens: AtomicBool,
    read_takes_ms: AtomicUsize,
    reads: AtomicUsize,
    put_faults: Mutex<VecDeque<(String, PutFault)>>,
    puts: Mutex<Vec<Put>>,
}

/// What happens to one write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PutFault {
    /// Nothing is written, and the writer is told so.
    NotWritten,
    /// It is written, and the answer does not arrive.
    AnswerLost,
}

/// A write that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Put {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) at: SystemTime,
    pub(crate) written: Written,
}

impl Store {
    /// With the clock by which writes are dated.
    pub(crate) fn dated_by(clock: &Clock) -> Self {
        let store = Self::default();
        *lock(&store.0.clock) = clock.clone();
        store
    }

    pub(crate) fn set(&self, name: &str, value: &Value) {
        self.0.memory.put_secret(name, value.to_string());
    }

    pub(crate) fn set_text(&self, name: &str, text: &str) {
        self.0.memory.put_secret(name, text);
    }

    /// The current value of a secret.
    pub(crate) async fn get(&self, name: &str) -> Value {
        serde_json::from_str(self.0.memory.read(name).await.unwrap().value.expose_secret()).unwrap()
    }

    pub(crate) fn versions(&self, name: &str) -> usize {
        self.0.memory.versions(name)
    }

    /// From now on nothing answers, or everything does.
    pub(crate) fn set_down(&self, is_down: bool) {
        self.0.is_down.store(is_down, Ordering::SeqCst);
    }

    /// From now on grants alone can be listed.
    pub(crate) fn set_tokens_unlisted(&self) {
        self.0.lists_no_tokens.store(true, Ordering::SeqCst);
    }

    /// From now on what is read is no text, or text again.
    pub(crate) fn set_binary(&self, is_binary: bool) {
        self.0.is_binary.store(is_binary, Ordering::SeqCst);
    }

    /// From now on a read takes so long.
    pub(crate) fn set_slow(&self, read_takes: Duration) {
        self.0.read_takes_ms.store(usize::try_from(read_takes.as_millis()).unwrap(), Ordering::SeqCst);
    }

    /// The next writes whose name begins so meet this fault.
    pub(crate) fn fail_puts(&self, name: &str, fault: PutFault, times: usize) {
        lock(&self.0.put_faults).extend((0..times).map(|_| (name.to_owned(), fault)));
    }

    /// From now on writes meet no fault.
    pub(crate) fn clear_faults(&self) {
        lock(&self.0.put_faults).clear();
    }

    pub(crate) fn reads(&self) -> usize {
        self.0.reads.load(Ordering::SeqCst)
    }

    /// The writes that were made or refused, faults aside, in order.
    pub(crate) fn puts(&self) -> Vec<Put> {
        lock(&self.0.puts).clone()
    }

    fn unless_down(&self) -> Result<(), StoreFailure> {
        let is_down = self.0.is_down.load(Ordering::SeqCst);
        if is_down { Err(StoreFailure::Unavailable("ThrottlingException".to_owned())) } else { Ok(()) }
    }

    fn take_fault(&self, name: &str) -> Option<PutFault> {
        let mut faults = lock(&self.0.put_faults);
        let index = faults.iter().position(|(of, _)| name.starts_with(of))?;
        faults.remove(index).map(|(_, fault)| fault)
    }
}

impl SecretStore for Store {
    async fn read(&self, name: &str) -> Result<StoredSecret, StoreFailure> {
        self.0.reads.fetch_add(1, Ordering::SeqCst);
        let takes = self.0.read_takes_ms.load(Ordering::SeqCst);
        if takes > 0 {
            tokio::time::sleep(Duration::from_millis(u64::try_from(takes).unwrap())).await;
        }
        // One that shares the thread comes to its turn: reads that are not coalesced show.
        tokio::task::yield_now().await;
        self.unless_down()?;
        if self.0.is_binary.load(Ordering::SeqCst) {
            return Err(StoreFailure::Binary);
        }
        self.0.memory.read(name).await
    }
}

impl WritableStore for Store {
    async fn list(&self, prefix: &str) -> Result<Vec<String>, StoreFailure> {
        self.unless_down()?;
        if self.0.lists_no_tokens.load(Ordering::SeqCst) && prefix == "callgate/" {
            return Err(StoreFailure::Unavailable("ThrottlingException".to_owned()));
        }
        self.0.memory.list(prefix).await
    }

    async fn put(&self, name: &str, value: SecretString, request_id: &str) -> Result<Written, StoreFailure> {
        self.unless_down()?;
        let fault = self.take_fault(name);
        let lost = || StoreFailure::Unavailable("no answer in time".to_owned());
        if fault == Some(PutFault::NotWritten) {
            return Err(lost());
        }
        let written = self.0.memory.put(name, value, request_id).await?;
        let at = lock(&self.0.clock).now();
        lock(&self.0.puts).push(Put { name: name.to_owned(), version: request_id.to_owned(), at, written });
        if fault == Some(PutFault::AnswerLost) { Err(lost()) } else { Ok(written) }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap()
}
