//! Compares the size, memory, CPU time and latency of the programs with their budgets and goals. `tests/bench/run` builds
//! the release programs and runs this.
//!
//! Fails if a measurement is not within its budget. Times of requests are ratios to a baseline of the same run, because
//! machines differ and are noisy.

mod error;
mod instructions;
mod load;
mod machine;
mod memory;
mod new_accounts;
mod peers;
mod reviews;
mod rollout;
mod sidecar;
mod table;
mod webhook;

use std::io::{Write, stdout};

use rolebridge_tests::programs::Programs;

use self::table::{Limit, Row, Table};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), error::Error> {
    rustls::crypto::ring::default_provider()
        .install_default()
        .map_err(|_| "a crypto provider is already installed")?;
    let programs = Programs::build()?;
    let counts = instructions::measure(&programs.webhook).await?;
    let table = if std::env::args().nth(1).as_deref() == Some("instructions") {
        Table(counts)
    } else {
        Table(measure(&programs, counts).await?)
    };
    writeln!(stdout(), "\n{table}")?;
    match table.count_exceeded() {
        0 => Ok(()),
        count => Err(format!("{count} measurements are not within their budgets").into()),
    }
}

async fn measure(programs: &Programs, counts: Vec<Row>) -> Result<Vec<Row>, error::Error> {
    let mut rows = vec![
        Row::new(
            "sidecar: size of the program, which is the image",
            machine::megabytes(&programs.sidecar)?,
            "MB",
        )
        .budget(Limit::AtMost(6.0))
        .goal(Limit::AtMost(4.5))
        .peers(peers::SIDECAR_SIZES),
        Row::new(
            "webhook: size of the program, which is the image",
            machine::megabytes(&programs.webhook)?,
            "MB",
        )
        .budget(Limit::AtMost(12.5))
        .peers(peers::sizes()),
    ];
    rows.extend(counts);
    let sidecar = sidecar::RunningSidecar::start(&programs.sidecar).await?;
    let webhook = webhook::measure(&programs.webhook).await?;
    rows.extend(sidecar.rows().await?);
    rows.extend(webhook);
    rows.extend(new_accounts::measure(&programs.webhook).await?);
    rows.extend(memory::measure(&programs.webhook).await?);
    rows.extend(rollout::measure()?);
    Ok(rows)
}
