//! `make conformance`: every client of `clients/` against every source and identity, by real runs, as the table of
//! `docs/clients.md`.

mod cell;
mod client;
mod install;
mod report;
mod stage;

use std::io::{Write, stdout};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use rolebridge_tests::error::{Context, Result};

use self::cell::{Cell, Outcome};
use self::client::Client;
use self::report::Row;
use self::stage::Stage;

/// Which Google library works with which source and identity, found out by running it.
#[derive(Debug, Parser)]
struct Arguments {
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
    match run(&Arguments::parse()).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(failure) => {
            say(&format!("conformance: {failure}"));
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: &Arguments) -> Result<bool> {
    let mut clients = client::read_all()?;
    clients.retain(|client| arguments.only.as_ref().is_none_or(|part| client.name.contains(part)));
    if arguments.install {
        for client in &clients {
            say(&format!("{} …", client.title));
            install::install(client, &folder(client, arguments)?).await?;
        }
        return Ok(true);
    }
    let mut stage = Stage::start().await?;
    let (mut rows, mut left_out) = (Vec::new(), Vec::new());
    for client in clients {
        let title = client.title.clone();
        let row = row(&mut stage, client, arguments).await?;
        if row.is_left_out() {
            left_out.push(title);
        }
        rows.push(row);
    }
    if !left_out.is_empty() {
        say(&format!(
            "Left out, since their installation took longer than its budget: {}.",
            left_out.join("; ")
        ));
    }
    if arguments.only.is_some() {
        say(&report::table(&rows));
        return Ok(true);
    }
    report::settle(&rows, arguments.update, say)
}

/// Installs a client and runs its cells, telling each as it is known.
async fn row(stage: &mut Stage, client: Client, arguments: &Arguments) -> Result<Row> {
    say(&format!("{} …", client.title));
    let Some(installed) = install::install(&client, &folder(&client, arguments)?).await? else {
        say(&format!("  left out: not installed within {} s", client.budget));
        return Ok(Row { client, versions: String::new(), cells: Vec::new() });
    };
    say(&format!("  {} in {} s", installed.versions, installed.seconds));
    let mut cells = Vec::new();
    for cell in Cell::all() {
        let mut outcome = stage.run(&client, &installed, cell).await?;
        // A no is one that is said twice: a busy machine can make a library give up.
        if !works(&outcome) {
            outcome = stage.run(&client, &installed, cell).await?;
        }
        say(&format!("  {cell}: {outcome}"));
        cells.push((cell, outcome));
    }
    let versions = installed.versions;
    Ok(Row { client, versions, cells })
}

/// Where a client is installed.
fn folder(client: &Client, arguments: &Arguments) -> Result<PathBuf> {
    std::path::absolute(arguments.folder.join(&client.language)).context("the folder's path")
}

fn say(text: &str) {
    // Nobody reads any more: the exit status still tells.
    let _ = writeln!(stdout(), "{text}");
}

/// Whether a client works in a cell.
const fn works(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Yes { .. })
}
