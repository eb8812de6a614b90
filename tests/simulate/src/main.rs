//! `make simulate`: the calls of many pods at AWS and Google, and the waits of their apps.
//!
//! The schedule, the waits after errors and the cache of tokens are the sidecar's own. Time is paused, so that hours take
//! seconds.

mod app;
mod clouds;
mod pod;
mod quota;
mod record;
mod run;
mod scenario;

use std::io::{Write, stdout};
use std::process::ExitCode;

use clap::Parser;
use rolebridge_tests::error::Result;

use self::record::Call;
use self::scenario::Scenario;

/// Simulates the calls of many pods at AWS and Google.
#[derive(Debug, Parser)]
struct Args {
    /// Run only the scenarios with this in their name.
    #[arg(long, value_name = "NAME")]
    only: Option<String>,
    /// Divide pods and quotas by this number, for a fast run.
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    divide: u32,
}

fn main() -> ExitCode {
    match simulate(&Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "simulate: {error}");
            ExitCode::FAILURE
        }
    }
}

fn simulate(args: &Args) -> Result<()> {
    for scenario in Scenario::read_all()? {
        if args.only.as_ref().is_some_and(|part| !scenario.name.contains(part)) {
            continue;
        }
        let scenario = scenario.divided(args.divide);
        let began = std::time::Instant::now();
        let record = run::run(&scenario)?;
        let _ = writeln!(stdout(), "{} ({} s)", scenario.name, began.elapsed().as_secs());
        for call in Call::ALL {
            let _ = writeln!(
                stdout(),
                "  {}: {} calls, {} in a minute, {} in a second, {} rejected",
                call.title(),
                record.total(call),
                record.peak_minute(call),
                record.peak_second(call),
                record.rejected(call)
            );
        }
        let waits = [0.5, 0.99, 1.0].map(|fraction| record.first_token(fraction));
        let _ = writeln!(stdout(), "  {} first tokens: {waits:.1?}", record.first_tokens.len());
    }
    Ok(())
}
