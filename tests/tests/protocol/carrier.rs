//! Who hands a function its events: our own Runtime API or cargo-lambda's.

use std::collections::HashMap;

use callgate_tests::Result;
use callgate_tests::events::Event;
use callgate_tests::function::Function;
use callgate_tests::outcome::Outcome;
use callgate_tests::process::Process;

use crate::emulator::Emulator;

/// One of the two.
pub(crate) enum Carrier {
    /// A Runtime API for each function.
    OurOwn,
    /// One for all. Each function is started once: it hands events also to a process that has ended, where that had
    /// asked for one.
    CargoLambda { emulator: Emulator, started: HashMap<String, Process> },
}

/// A function that waits for an event.
pub(crate) enum Waiting<'a> {
    OurOwn(Box<Function>),
    CargoLambda { emulator: &'a Emulator, package: String, process: &'a mut Process, cold: bool },
}

impl Carrier {
    /// cargo-lambda's. `None`: it is not set up here, and the test is left out.
    pub(crate) async fn cargo_lambda() -> Result<Option<Self>> {
        let emulator = Emulator::start().await?;
        Ok(emulator.map(|emulator| Self::CargoLambda { emulator, started: HashMap::new() }))
    }

    /// The function of `package`, just started where the carrier can do that more than once.
    pub(crate) async fn start(&mut self, package: &str, environment: &[(&str, &str)]) -> Result<Waiting<'_>> {
        match self {
            Self::OurOwn => Ok(Waiting::OurOwn(Box::new(Function::start(package, environment).await?))),
            Self::CargoLambda { emulator, started } => {
                let cold = !started.contains_key(package);
                if cold {
                    let process = Process::start(package, &emulator.runtime_api(package), environment)?;
                    started.insert(package.to_owned(), process);
                }
                let process = started.get_mut(package).unwrap();
                Ok(Waiting::CargoLambda { emulator, package: package.to_owned(), process, cold })
            }
        }
    }
}

impl Waiting<'_> {
    /// Whether it has had no event yet.
    pub(crate) fn is_cold(&self) -> bool {
        match self {
            Self::OurOwn(_) => true,
            Self::CargoLambda { cold, .. } => *cold,
        }
    }

    /// Hands the function an event.
    pub(crate) async fn invoke(&mut self, event: Event) -> Result<Outcome> {
        match self {
            Self::OurOwn(function) => function.invoke(event).await,
            Self::CargoLambda { emulator, package, process, .. } => {
                let answered = process.unless_it_exits(emulator.invoke(package, event.into())).await?;
                answered.map_err(|error| process.failure(&error.to_string()))
            }
        }
    }
}
