//! Time measured on a machine that others use too: the best of many runs.

use std::hint::black_box;
use std::time::{Duration, Instant};

const WARM_UP: Duration = Duration::from_millis(60);
const MEASURED: Duration = Duration::from_millis(400);
/// A run shorter than this is measured several at once, since a clock takes its time too.
const SHORTEST: Duration = Duration::from_micros(20);

/// The time that `work` takes, undisturbed.
pub fn best_of<T>(mut work: impl FnMut() -> T) -> Duration {
    let mut at_once = 1;
    let warm_until = Instant::now() + WARM_UP;
    while Instant::now() < warm_until {
        if measured(at_once, &mut work) * at_once < SHORTEST {
            at_once *= 2;
        }
    }
    let mut best = Duration::MAX;
    let until = Instant::now() + MEASURED;
    while Instant::now() < until {
        best = best.min(measured(at_once, &mut work));
    }
    best
}

fn measured<T>(times: u32, work: &mut impl FnMut() -> T) -> Duration {
    let begun = Instant::now();
    for _ in 0..times {
        black_box(work());
    }
    begun.elapsed() / times
}
