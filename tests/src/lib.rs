//! The harness that drives the function binaries as black boxes, over real sockets and real processes.
//!
//! A test starts the services a function talks to ([`secrets_manager`] or [`moto`], [`dynamodb`], [`providers`], [`sockets`];
//! behind [`tls`] where that matters), starts the function against them ([`function`], which brings its own
//! [`runtime_api`]), hands it an event ([`events`]), reads what came back ([`outcome`]) and checks it ([`verdicts`]).
//! [`stage`] does the first two in one step.
//! Other people's programs are found by [`python`].

pub mod binaries;
pub mod dynamodb;
pub mod error;
pub mod events;
pub mod function;
pub mod moto;
pub mod outcome;
pub mod process;
pub mod providers;
pub mod python;
pub mod runtime_api;
pub mod secrets_manager;
mod server;
pub mod sockets;
pub mod stage;
pub mod tls;
pub mod verdicts;

use std::sync::{Mutex, MutexGuard, PoisonError};

pub use error::{HarnessError, Result};

/// Locks `mutex`; a test thread that panicked while it held the lock left nothing half-done here.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
