//! Time that stands still while sockets work on: what a check waits for it waits for until the test moves the time.

use std::sync::mpsc;
use std::time::Duration;

use tokio::time::Instant;

/// The runtime's time, standing still for as long as this lives.
///
/// A paused clock of the runtime leaps to the next time-out whenever all tasks wait, for a socket too. It does not while a
/// blocking task runs. That task is patient, but not for ever: then the time leaps after all, and what hangs is timed out.
pub(crate) struct Standstill(mpsc::Sender<()>);

impl Standstill {
    /// Stops the time of this test's runtime.
    pub(crate) fn begin() -> Self {
        tokio::time::pause();
        let (ends, until) = mpsc::channel();
        tokio::task::spawn_blocking(move || until.recv_timeout(PATIENCE).is_ok());
        Self(ends)
    }

    /// Lets so much time go by, a little at a time, so that whoever waits for a moment in it is there in time.
    pub(crate) async fn pass(&self, time: Duration) {
        let end = Instant::now() + time;
        while Instant::now() < end {
            tokio::time::advance(STEP.min(end - Instant::now())).await;
            for _ in 0..SOME_TURNS {
                tokio::task::yield_now().await;
            }
        }
    }

    /// Lets all tasks go as far as they get without a socket. Some time goes by: a sleep of no length takes it too.
    pub(crate) async fn settle(&self) {
        tokio::time::advance(TICK).await;
        for _ in 0..SOME_TURNS {
            tokio::task::yield_now().await;
        }
    }
}

impl Drop for Standstill {
    fn drop(&mut self) {
        // The blocking task may have ended.
        self.0.send(()).unwrap_or_default();
    }
}

const SOME_TURNS: usize = 200;
const STEP: Duration = Duration::from_millis(5);
const TICK: Duration = Duration::from_millis(2);
/// Of the machine's time, which goes on.
const PATIENCE: Duration = Duration::from_secs(30);
