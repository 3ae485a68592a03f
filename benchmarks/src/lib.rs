//! What the benchmarks have in common: answers of the size that providers send, and time measured.

pub mod answers;
pub mod stopwatch;
