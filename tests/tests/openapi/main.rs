//! The HTTP API's document: that it is valid, says what the code does, and runs on API Gateway.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test may panic")]

mod document;
mod examples;
mod gateway;
mod limits;
mod names;
mod pages;
mod providers;
mod tools;
