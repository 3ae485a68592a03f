//! The Lambda protocol: every event to every function, over our own Runtime API and over cargo-lambda's, with moto as
//! Secrets Manager and the simulators as providers; and a handler that panics.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test may panic")]

mod carrier;
mod desk;
mod emulator;
mod events;
mod golden;
mod panics;
