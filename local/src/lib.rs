//! callgate on one machine: the same code as the functions, behind a local gateway, against simulated contact centres.

pub mod diagnosis;
pub mod gates;
pub mod gateway;
pub mod sample;
pub mod simulation;
pub mod simulator;
pub mod store;
