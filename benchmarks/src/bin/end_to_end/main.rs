//! What a check costs from end to end, beside what a user would write otherwise: `benchmarks/run` starts it.
//!
//! The binaries that are deployed are built and driven through a Runtime API, with the provider and Secrets Manager on
//! this machine behind TLS. Everything is measured in one run and in turns, so that ratios hold where times do not.
#![expect(clippy::print_stdout, reason = "the figures are what the program is for")]

mod figures;
mod process;
mod provider;
mod quota;
mod raw;
mod report;
mod scenes;
mod stage;

use std::io::Write;
use std::path::{Path, PathBuf};

use callgate_tests::binaries::build;
use callgate_tests::{HarnessError, Result};
use flate2::Compression;
use flate2::write::DeflateEncoder;

use crate::report::{Measured, PYTHON};
use crate::scenes::Effort;
use crate::stage::{Contender, Stage};

/// What is deployed.
const FUNCTIONS: [&str; 5] = [
    "callgate-calltools",
    "callgate-genesys-cloud",
    "callgate-ringcentral",
    "callgate-portsip",
    "callgate-token-refresh",
];

/// What the command line says.
struct Arguments {
    /// The build profile of what is measured.
    profile: String,
    /// Where they are already, so that nothing is built.
    built: Option<PathBuf>,
    /// A Python that has the peer's libraries.
    python: Option<PathBuf>,
    node: Option<PathBuf>,
    /// The page whose table is replaced.
    page: Option<PathBuf>,
    /// For trying the program out: few rounds, and two functions.
    quick: bool,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let arguments = Arguments::read(std::env::args().skip(1))?;
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let functions: Vec<&str> =
        if arguments.quick { vec!["callgate-calltools", "callgate-token-refresh"] } else { FUNCTIONS.to_vec() };
    let built = match &arguments.built {
        Some(folder) => functions.iter().map(|name| ((*name).to_owned(), folder.join(name))).collect(),
        None => build(&functions, &arguments.profile)?,
    };
    let binary = |name: &str| {
        let found = built.get(name).cloned();
        found.ok_or_else(|| HarnessError::new(format!("no binary called {name} was built")))
    };
    let own = |name: &'static str| -> Result<Contender> {
        Ok(Contender { name, program: binary(name)?, arguments: Vec::new(), folder: root.clone() })
    };

    let mut contenders = vec![own("callgate-calltools")?];
    if let Some(program) = arguments.python {
        let arguments = vec!["-m", "awslambdaric", "handler.handler"];
        contenders.push(Contender { name: PYTHON, program, arguments, folder: root.join("benchmarks/peers/python") });
    }
    if let Some(program) = arguments.node {
        let folder = root.join("target/peers/node");
        contenders.push(Contender { name: "Node", program, arguments: vec!["index.mjs"], folder });
    }

    let effort = if arguments.quick {
        Effort { cold_starts: 3, rounds: 3, thaws: 5 }
    } else {
        Effort { cold_starts: 15, rounds: 20, thaws: 100 }
    };
    let measured = measure(&root, &contenders, &own("callgate-token-refresh")?, effort).await?;
    let mut sizes = Vec::new();
    for name in functions {
        let (whole, zipped) = size(&binary(name)?)?;
        sizes.push((name.trim_start_matches("callgate-").to_owned(), whole, zipped));
    }

    let peers: Vec<&str> = contenders.iter().skip(1).map(|peer| peer.name).collect();
    let table = figures::table(&report::rows(&Measured { sizes, ..measured }, &peers), &peers);
    println!("\n{table}");
    if let Some(page) = arguments.page {
        let text = std::fs::read_to_string(&page)?;
        let text = figures::with_table(&text, &table);
        let text = text.ok_or_else(|| HarnessError::new("the page has no marks for the table"))?;
        std::fs::write(&page, text)?;
    }
    Ok(())
}

async fn measure(root: &Path, contenders: &[Contender], refresher: &Contender, effort: Effort) -> Result<Measured> {
    let stage = Stage::start(&root.join("target/benchmarks")).await?;
    println!("cold calls");
    let cold = scenes::cold(&stage, contenders, effort, false).await?.unwrap_or_default();
    let limited = scenes::cold(&stage, contenders, effort, true).await?;
    if limited.is_none() {
        println!("this machine has no control groups to limit a process with: a row stays empty");
    }
    println!("warm calls");
    let (warm, memory) = scenes::warm(&stage, contenders, effort).await?;
    println!("verdicts from memory");
    let own = contenders.first().ok_or_else(|| HarnessError::new("nobody to measure"))?;
    let cached = scenes::cached(&stage, own, effort).await?;
    println!("thawing");
    let thawed = scenes::thawed(&stage, contenders, effort).await?;
    stage.nothing_was_refused()?;
    println!("refreshing tokens");
    let mut refresh = Vec::new();
    for grants in [1, 20] {
        refresh.push((grants, scenes::refresh(&stage, refresher, effort, grants).await?));
    }
    Ok(Measured { cold, limited, warm, memory, cached, thawed, refresh, sizes: Vec::new() })
}

/// The bytes of a binary, and of the zip that is deployed, its few headers aside.
fn size(binary: &Path) -> Result<(u64, u64)> {
    let bytes = std::fs::read(binary)?;
    let mut deflated = DeflateEncoder::new(Vec::new(), Compression::default());
    deflated.write_all(&bytes)?;
    Ok((u64::try_from(bytes.len())?, u64::try_from(deflated.finish()?.len())?))
}

impl Arguments {
    fn read(mut words: impl Iterator<Item = String>) -> Result<Self> {
        let mut read =
            Self { profile: "release".to_owned(), built: None, python: None, node: None, page: None, quick: false };
        while let Some(word) = words.next() {
            if word == "--quick" {
                read.quick = true;
                continue;
            }
            let value = words.next().ok_or_else(|| HarnessError::new(format!("{word} needs a value")))?;
            match word.as_str() {
                "--profile" => read.profile = value,
                "--built" => read.built = Some(value.into()),
                "--python" => read.python = Some(value.into()),
                "--node" => read.node = Some(value.into()),
                "--page" => read.page = Some(value.into()),
                _ => return Err(HarnessError::new(format!("{word} is no option"))),
            }
        }
        Ok(read)
    }
}
