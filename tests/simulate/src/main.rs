//! `make simulate`: the calls of many pods at AWS and Google, and the waits of their apps.
//!
//! The schedule, the waits after errors and the cache of tokens are the sidecar's own. Time is paused, so that hours take
//! seconds.

mod app;
mod clouds;
mod compare;
mod plot;
mod pod;
mod quota;
mod record;
mod report;
mod run;
mod scenario;

use std::io::{Write, stderr, stdout};
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use rolebridge_tests::error::Result;

use self::report::Results;
use self::scenario::Scenario;

/// Simulates the calls of many pods at AWS and Google, and writes the table and the figure of docs/src/scale.md.
#[derive(Debug, Parser)]
struct Args {
    /// Run only the scenarios with this in their name, and write nothing.
    #[arg(long, value_name = "NAME")]
    only: Option<String>,
    /// Divide pods and quotas by this number for a fast run, and write nothing.
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    divide: u32,
    /// Compare the committed table and figure instead of writing them.
    #[arg(long)]
    check: bool,
    /// Compare a small simulation with 30 real sidecars instead, for some minutes.
    #[arg(long)]
    real: bool,
}

fn main() -> ExitCode {
    match simulate(&Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(stderr(), "simulate: {error}");
            ExitCode::FAILURE
        }
    }
}

fn simulate(args: &Args) -> Result<()> {
    if args.real {
        // reqwest leaves the choice of a crypto provider to the program. Only a second call could fail.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let _ = write!(stdout(), "{}", compare::compare()?);
        return Ok(());
    }
    let mut results = Results::new();
    for scenario in Scenario::read_all()? {
        if args.only.as_ref().is_some_and(|part| !scenario.name.contains(part)) {
            continue;
        }
        let scenario = scenario.divided(args.divide);
        let (start, pods) = (Instant::now(), scenario.pods);
        let record = run::run(&scenario)?;
        let _ = writeln!(stderr(), "{}: {pods} pods, {} s", scenario.name, start.elapsed().as_secs());
        results.push((scenario, record));
    }
    let _ = write!(stdout(), "{}", report::table(&results));
    if args.only.is_some() || args.divide != 1 {
        return Ok(());
    }
    report::write(&results, args.check)
}
