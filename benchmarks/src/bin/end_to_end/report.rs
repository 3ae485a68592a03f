//! Which figures make the table, from what the scenes measured.

use crate::figures::{Row, Unit};
use crate::quota::SHARE_PERCENT;
use crate::scenes::{Cold, Warm};

/// Everything that was measured. Each list begins with callgate; the peers follow.
#[derive(Clone, Debug)]
pub(crate) struct Measured {
    pub(crate) cold: Vec<Cold>,
    /// `None`: the machine has no quotas.
    pub(crate) limited: Option<Vec<Cold>>,
    pub(crate) warm: Vec<Warm>,
    /// Bytes.
    pub(crate) memory: Vec<u64>,
    pub(crate) cached: std::time::Duration,
    /// For each contender, for each way of ending a connection.
    pub(crate) thawed: Vec<Vec<usize>>,
    /// The refresher's first run, by the number of its grants.
    pub(crate) refresh: Vec<(usize, Cold)>,
    /// Name, and the bytes of the binary and of the zip.
    pub(crate) sizes: Vec<(String, u64, u64)>,
}

/// The rows, ratios first.
pub(crate) fn rows(measured: &Measured, peers: &[&str]) -> Vec<Row> {
    let mut rows = ratios(measured, peers);
    rows.extend(cold(measured));
    rows.extend(warm(measured));
    rows.push(row("peak memory", Unit::Mb, Some(14.0), &all(&measured.memory, |bytes| megabytes(*bytes))));
    rows.push(row("a verdict from memory, CPU", Unit::Us, Some(100.0), &[Some(Unit::Us.of_time(measured.cached))]));
    for (at, ending) in ["closed", "reset"].into_iter().enumerate() {
        let errors = all(&measured.thawed, |by_ending| by_ending.get(at).map_or(f64::NAN, |errors| float(*errors)));
        let what = format!("errors, thawed onto connections that were {ending}");
        rows.push(row(what, Unit::Count, Some(0.0), &errors));
    }
    for (grants, refresh) in &measured.refresh {
        let what = |what: &str| format!("token-refresh, {grants} due: {what}");
        rows.push(row(what("init + first run, CPU"), Unit::Ms, None, &[Some(Unit::Ms.of_time(refresh.cpu))]));
        rows.push(row(what("init"), Unit::Ms, None, &[Some(Unit::Ms.of_time(refresh.init))]));
        rows.push(row(what("first run"), Unit::Ms, None, &[Some(Unit::Ms.of_time(refresh.call))]));
        rows.push(row(what("peak memory"), Unit::Mb, None, &[Some(megabytes(refresh.memory))]));
    }
    for (name, binary, zip) in &measured.sizes {
        rows.push(row(format!("{name}: binary"), Unit::Mb, Some(7.0), &[Some(megabytes(*binary))]));
        rows.push(row(format!("{name}: zip"), Unit::Mb, Some(3.0), &[Some(megabytes(*zip))]));
    }
    rows
}

/// What callgate costs as a part of what each peer costs.
fn ratios(measured: &Measured, peers: &[&str]) -> Vec<Row> {
    let mut rows = Vec::new();
    for (at, peer) in peers.iter().enumerate() {
        let part = |costs: &[f64]| Some(costs.first()? / costs.get(at + 1)?);
        let mut ratio = |what: String, target: Option<f64>, costs: &[f64]| {
            rows.push(row(format!("{what}, as a part of {peer}'s"), Unit::Ratio, target, &[part(costs)]));
        };
        let colds: Vec<f64> = measured.cold.iter().map(|cold| cold.cpu.as_secs_f64()).collect();
        ratio("init + cold CPU".to_owned(), None, &colds);
        for warm in &measured.warm {
            let cpus: Vec<f64> = warm.calls.iter().map(|call| call.cpu.as_secs_f64()).collect();
            // A fifth of Python's is what is aimed at.
            let target = (*peer == PYTHON).then_some(0.2);
            ratio(format!("warm CPU, {} records", warm.records), target, &cpus);
        }
        let memory: Vec<f64> = measured.memory.iter().map(|bytes| megabytes(*bytes)).collect();
        ratio("peak memory".to_owned(), None, &memory);
    }
    rows
}

fn cold(measured: &Measured) -> Vec<Row> {
    let ms = |time: std::time::Duration| Unit::Ms.of_time(time);
    let limited = measured.limited.as_deref().unwrap_or_default();
    vec![
        row("init + cold CPU", Unit::Ms, Some(5.0), &all(&measured.cold, |cold| ms(cold.cpu))),
        row("init", Unit::Ms, None, &all(&measured.cold, |cold| ms(cold.init))),
        row("cold call", Unit::Ms, None, &all(&measured.cold, |cold| ms(cold.call))),
        row(
            format!("cold call at {SHARE_PERCENT} % of a processor"),
            Unit::Ms,
            Some(15.0),
            &all(limited, |cold| ms(cold.call)),
        ),
    ]
}

fn warm(measured: &Measured) -> Vec<Row> {
    let us = |time: std::time::Duration| Unit::Us.of_time(time);
    let mut rows = Vec::new();
    for (warm, target) in measured.warm.iter().zip([250.0, 450.0, 2500.0]) {
        let what = format!("warm CPU, {} records", warm.records);
        rows.push(row(what, Unit::Us, Some(target), &all(&warm.calls, |call| us(call.cpu))));
    }
    for (warm, target) in measured.warm.iter().zip([Some(200.0), Some(350.0), None]) {
        let what = format!("p50 over a raw GET, {} records", warm.records);
        let over = all(&warm.calls, |call| us(call.elapsed.saturating_sub(warm.raw)));
        rows.push(row(what, Unit::Us, target, &over));
    }
    for warm in &measured.warm {
        rows.push(row(format!("the raw GET, {} records", warm.records), Unit::Us, None, &[Some(us(warm.raw))]));
    }
    rows
}

fn row(what: impl Into<String>, unit: Unit, target: Option<f64>, figures: &[Option<f64>]) -> Row {
    let (callgate, peers) = figures.split_first().map_or((None, &[][..]), |(first, rest)| (*first, rest));
    Row { what: what.into(), unit, target, callgate, peers: peers.to_vec() }
}

fn all<T>(of: &[T], figure: impl Fn(&T) -> f64) -> Vec<Option<f64>> {
    of.iter().map(|each| Some(figure(each))).collect()
}

fn megabytes(bytes: u64) -> f64 {
    // Whole kilobytes are exact in it, and enough.
    f64::from(u32::try_from(bytes / 1000).unwrap_or(u32::MAX)) / 1000.0
}

fn float(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

/// The peer that a target is set against.
pub(crate) const PYTHON: &str = "Python";
