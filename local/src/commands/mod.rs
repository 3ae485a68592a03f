//! The commands, and what they have in common: reading files, printing, exit codes.

mod account;
mod check;
mod connect;
mod connections;
mod demo;
mod doctor;
mod evaluate;
mod refresh;
mod serve;
mod simulate;
mod stores;
mod table;

use std::io::{Read, Write};
use std::path::Path;
use std::process::ExitCode;

use clap::Subcommand;

use crate::BAD_REQUEST;

/// What the command line can ask for.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Keep the local gateway and the simulated contact centres running, and print requests to paste.
    Serve(serve::Serve),
    /// Decide one request from a file: exit code 0 accept, 1 reject, 2 decided by policy, 64 bad request.
    Check(check::Check),
    /// Check a provider account's credentials against the provider, and store them.
    Connect(connect::Connect),
    /// List the connections that are stored, with the minutes their tokens have left and never a value.
    Connections(connections::Connections),
    /// Run the scheduled refresh once.
    Refresh(refresh::Refresh),
    /// Find out why a connection does not answer as it should: exit code 0 where nothing is wrong, 1 where something is.
    Doctor(doctor::Doctor),
    /// Try acceptance criteria on a saved answer, offline: exit code 0 met, 1 not met, 2 unknown, 64 bad request.
    Evaluate(evaluate::Evaluate),
    /// Simulate a day of calls: requests, age of the answers, unknown and wrong decisions, without callgate and with it.
    Simulate(simulate::Simulate),
}

/// A failure that ends a command: the text for a person, and the exit code.
#[derive(Debug)]
struct Stopped {
    message: String,
    code: u8,
}

impl Stopped {
    /// What was given cannot be understood.
    fn bad_request(message: impl Into<String>) -> Self {
        Self { message: message.into(), code: BAD_REQUEST }
    }

    /// Something else failed.
    fn failed(message: impl std::fmt::Display) -> Self {
        Self { message: message.to_string(), code: 70 }
    }
}

/// Runs a command; without one, the demonstration.
pub(crate) async fn run(command: Option<Command>) -> ExitCode {
    let result = match command {
        None => demo::run().await,
        Some(Command::Serve(serve)) => serve.run().await,
        Some(Command::Check(check)) => check.run().await,
        Some(Command::Connect(connect)) => connect.run().await,
        Some(Command::Connections(connections)) => connections.run().await,
        Some(Command::Refresh(refresh)) => refresh.run().await,
        Some(Command::Doctor(doctor)) => doctor.run().await,
        Some(Command::Evaluate(evaluate)) => evaluate.run(),
        Some(Command::Simulate(simulate)) => simulate.run(),
    };
    match result {
        Ok(code) => code,
        Err(stopped) => {
            // Where even standard error is closed there is nobody to tell.
            let _ = writeln!(std::io::stderr(), "callgate: {}", stopped.message);
            ExitCode::from(stopped.code)
        }
    }
}

/// Prints to standard output. A reader that went away is no failure: `callgate | head` is fine.
fn print(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.write_all(b"\n")).and_then(|()| out.flush());
}

/// Reads a file, or standard input for `-`.
fn read(path: &Path) -> Result<String, Stopped> {
    let mut text = String::new();
    let result = if path == Path::new("-") {
        std::io::stdin().lock().read_to_string(&mut text).map(|_| ())
    } else {
        std::fs::read_to_string(path).map(|read| text = read)
    };
    match result {
        Ok(()) => Ok(text),
        Err(error) => Err(Stopped::bad_request(format!("{} cannot be read: {error}", path.display()))),
    }
}
