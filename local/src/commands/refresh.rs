//! `callgate refresh`: the scheduled refresh, run once from here.

use std::process::ExitCode;

use callgate::clock::Clock;
use callgate::http::HttpClients;
use callgate::refresh::Refresher;
use clap::Args;
use serde_json::Value;

use super::stores::{StoreArguments, store_failed};
use super::table::{cell, table};
use super::{Stopped, print};

/// The arguments of `callgate refresh`.
#[derive(Debug, Args)]
pub(crate) struct Refresh {
    #[command(flatten)]
    store: StoreArguments,
    /// Print each connection's line as a JSON list.
    #[arg(long)]
    json: bool,
}

impl Refresh {
    /// Refreshes what is due. Exit code 1 where a connection needs somebody to act.
    pub(super) async fn run(self) -> Result<ExitCode, Stopped> {
        let http = HttpClients::new().map_err(Stopped::failed)?;
        let (store, _) = self.store.open(&http)?;
        let refreshed = Refresher::new(&store, &http, Clock::system(), true).run().await.map_err(store_failed)?;
        let lines: Vec<Value> = refreshed.iter().filter_map(|line| serde_json::to_value(line).ok()).collect();
        if self.json {
            print(&Value::from(lines).to_string());
        } else {
            let mut rows = table(["provider", "connection", "outcome", "minutes left", "cause"], &[3]);
            for line in &lines {
                rows.add_row(
                    ["provider", "connection", "outcome", "minutes_left", "cause"]
                        .map(|name| line.get(name).map_or_else(String::new, cell)),
                );
            }
            print(&rows.to_string());
        }
        let alarming = refreshed.iter().any(|line| line.outcome.is_alarming());
        Ok(if alarming { ExitCode::from(1) } else { ExitCode::SUCCESS })
    }
}
