//! The `callgate` command: the demonstration, a local gateway, single checks, and criteria tried on saved answers.

mod commands;

use std::process::ExitCode;

use clap::Parser;

use commands::Command;

/// Is an agent ready there, now? Asks a contact centre before a call is sent, and decides in time.
///
/// Without a command: starts simulated contact centres on this machine, runs checks over all four providers, and
/// prints what was decided.
#[derive(Debug, Parser)]
#[command(name = "callgate", version)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
}

/// What `sysexits.h` calls `EX_USAGE`: the request, or the command line, cannot be understood.
const BAD_REQUEST: u8 = 64;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            let _ = error.print();
            return if error.use_stderr() { ExitCode::from(BAD_REQUEST) } else { ExitCode::SUCCESS };
        }
    };
    commands::run(arguments.command).await
}
