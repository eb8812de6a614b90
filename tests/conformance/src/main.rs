//! `make conformance`: every client of `clients/` against every source and identity, by real runs, as the table of
//! `docs/clients.md`.

mod client;
mod environment;
mod install;
mod report;
mod result_cell;

use std::io::{Write, stdout};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use rolebridge_tests::error::{Context, Result};

use self::client::Client;
use self::environment::Environment;
use self::report::Row;
use self::result_cell::{ResultCell, RunResult};

/// Which Google library works with which source and identity, found out by running it.
#[derive(Debug, Parser)]
struct Args {
    /// Write docs/clients.md instead of comparing with it.
    #[arg(long)]
    update: bool,
    /// Only install the clients.
    #[arg(long)]
    install: bool,
    /// Only the clients whose name contains this; the table is shown, and not compared.
    #[arg(long, value_name = "NAME")]
    only: Option<String>,
    /// Where clients are installed; kept from run to run.
    #[arg(long, value_name = "FOLDER", default_value = "target/conformance")]
    folder: PathBuf,
}

#[tokio::main]
async fn main() -> ExitCode {
    // reqwest leaves the choice of a crypto provider to the program. Only a second choice could fail.
    let _ = rustls::crypto::ring::default_provider().install_default();
    match run(&Args::parse()).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            print(&format!("conformance: {error}"));
            ExitCode::FAILURE
        }
    }
}

async fn run(args: &Args) -> Result<bool> {
    let mut clients = client::read_all()?;
    clients.retain(|client| args.only.as_ref().is_none_or(|part| client.name.contains(part)));
    if args.install {
        for client in &clients {
            print(&format!("{} …", client.title));
            install::install(client, &folder(client, args)?).await?;
        }
        return Ok(true);
    }
    let mut environment = Environment::start().await?;
    let (mut rows, mut skipped) = (Vec::new(), Vec::new());
    for client in clients {
        let title = client.title.clone();
        let row = row(&mut environment, client, args).await?;
        if row.is_skipped() {
            skipped.push(title);
        }
        rows.push(row);
    }
    if !skipped.is_empty() {
        print(&format!(
            "Left out, since their installation took longer than its budget: {}.",
            skipped.join("; ")
        ));
    }
    if args.only.is_some() {
        print(&report::table(&rows));
        return Ok(true);
    }
    report::compare_or_update(&rows, args.update, print)
}

/// Installs a client and runs its cells, telling each as it is known.
async fn row(environment: &mut Environment, client: Client, args: &Args) -> Result<Row> {
    print(&format!("{} …", client.title));
    let Some(installed) = install::install(&client, &folder(&client, args)?).await? else {
        print(&format!("  left out: not installed within {} s", client.budget));
        return Ok(Row { client, versions: String::new(), cells: Vec::new() });
    };
    print(&format!("  {} in {} s", installed.versions, installed.seconds));
    let mut cells = Vec::new();
    for cell in ResultCell::all() {
        let mut result = environment.run(&client, &installed, cell).await?;
        // A no is one that is said twice: a busy machine can make a library give up.
        if !works(&result) {
            result = environment.run(&client, &installed, cell).await?;
        }
        print(&format!("  {cell}: {result}"));
        cells.push((cell, result));
    }
    let versions = installed.versions;
    Ok(Row { client, versions, cells })
}

/// Where a client is installed.
fn folder(client: &Client, args: &Args) -> Result<PathBuf> {
    std::path::absolute(args.folder.join(&client.language)).context("the folder's path")
}

fn print(text: &str) {
    // Nobody reads any more: the exit status still tells.
    let _ = writeln!(stdout(), "{text}");
}

/// Whether a client works in a cell.
const fn works(result: &RunResult) -> bool {
    matches!(result, RunResult::Success { .. })
}
