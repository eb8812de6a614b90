//! Compares the size, memory, CPU time and latency of the programs with their budgets. `tests/bench/run` builds the
//! release programs and runs this.
//!
//! Fails if a measurement is not within its budget. Times of requests are ratios to a baseline of the same run, because
//! machines differ and are noisy.

mod error;
mod instructions;
mod load;
mod machine;
mod memory;
mod new_accounts;
mod reviews;
mod sidecar;
mod table;
mod webhook;

use std::io::{Write, stdout};

use rolebridge_tests::programs::Programs;

use self::table::{Budget, Row, Table};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), error::Error> {
    rustls::crypto::ring::default_provider()
        .install_default()
        .map_err(|_| "a crypto provider is already installed")?;
    let programs = Programs::build()?;
    let mut rows = vec![
        Row {
            name: "sidecar: size of the program, which is the image",
            measured: machine::megabytes(&programs.sidecar)?,
            budget: Budget::AtMost(6.0),
            goal: None,
            unit: "MB",
        },
        Row {
            name: "webhook: size of the program, which is the image",
            measured: machine::megabytes(&programs.webhook)?,
            budget: Budget::AtMost(12.5),
            goal: None,
            unit: "MB",
        },
    ];
    rows.extend(instructions::measure(&programs.webhook).await?);
    let sidecar = sidecar::RunningSidecar::start(&programs.sidecar).await?;
    let webhook = webhook::measure(&programs.webhook).await?;
    rows.extend(sidecar.rows().await?);
    rows.extend(webhook);
    rows.extend(new_accounts::measure(&programs.webhook).await?);
    rows.extend(memory::measure(&programs.webhook).await?);
    let table = Table(rows);
    writeln!(stdout(), "\n{table}")?;
    match table.count_exceeded() {
        0 => Ok(()),
        count => Err(format!("{count} measurements are not within their budgets").into()),
    }
}
