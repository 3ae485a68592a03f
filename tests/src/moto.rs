//! moto, a stand-in for AWS, as a server on a loopback port.
//!
//! It is no judge of two things: a version of a secret that is written again with another value is overwritten there, and
//! a secret that is missing is HTTP 404 there, not 400. These are asked of our own fake.

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use crate::python::Python;
use crate::{HarnessError, Result};

/// A moto server; it ends with this handle.
#[derive(Debug)]
pub struct Moto {
    child: Child,
    url: String,
}

impl Moto {
    /// Starts a server on a port the system picks. `None`: moto is not set up here, and the test is left out.
    ///
    /// # Errors
    /// When it does not start, or does not say where it listens.
    pub fn start() -> Result<Option<Self>> {
        let Some(python) = Python::installed() else { return Ok(None) };
        let mut child = python
            .script("moto_server")
            .args(["-H", "127.0.0.1", "-p", "0"])
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()?;
        let said = child.stderr.take();
        let mut moto = Self { child, url: String::new() };
        let said = BufReader::new(said.ok_or_else(|| HarnessError::new("moto has no standard error"))?);
        let (address, told) = mpsc::channel();
        // Reads on after the address: a server whose pipe is full would stand still.
        std::thread::spawn(move || {
            for line in said.lines().map_while(std::result::Result::ok) {
                if let Some((_, url)) = line.split_once("Running on ") {
                    drop(address.send(url.trim().to_owned()));
                }
            }
        });
        moto.url = told.recv_timeout(START_MAX)?;
        Ok(Some(moto))
    }

    /// Where it listens: the endpoint of every service.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for Moto {
    fn drop(&mut self) {
        // Nothing to do where it has ended already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// How long the server may take to say where it listens: Python loads a lot.
const START_MAX: Duration = Duration::from_mins(1);
