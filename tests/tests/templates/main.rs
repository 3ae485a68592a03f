//! Every recipe of every provider held against the providers' own definitions: what each state of an agent counts as,
//! what is unknown where a field is missing, and how few requests an answer takes.
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may panic")]

mod contract;
mod desk;
mod documents;
mod explain;
mod genesys_cloud;
mod removal;
mod replay;
mod requests;
mod ringcentral;
mod states;
mod table;
mod words;
