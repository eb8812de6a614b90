//! `make conformance`: runs every client of `clients/` with every source and identity, and compares the results with
//! `docs/clients.md`.

mod applications;
mod applications_page;
mod callers;
mod client;
mod emulators;
mod environment;
mod error_text;
mod install;
mod job;
mod longer;
mod longer_column;
mod network;
mod program_results;
mod renewals;
mod report;
mod result_cell;
mod search;
mod signing;
mod version;
mod version_file;
mod version_table;

use std::io::{Write, stdout};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::{Parser, ValueEnum};
use rolebridge_tests::error::{Context, Result};

use self::client::Client;
use self::emulators::Emulators;
use self::environment::Environment;
use self::install::{Installed, Missing};
use self::program_results::LONGER;
use self::report::Row;
use self::result_cell::{ResultCell, RunResult};

/// Runs Google's client libraries with every source and identity, and compares the results with docs/clients.md.
#[derive(Debug, Parser)]
struct Args {
    /// Write docs/clients.md instead of comparing it.
    #[arg(long)]
    update: bool,
    /// Only install the clients.
    #[arg(long)]
    install: bool,
    /// Run the programs of `programs/` instead of the clients, and compare with docs/src/applications.md. `--programs=ci` runs
    /// those that CI runs, and prints the names of the others.
    #[arg(long, value_name = "WHICH", num_args = 0..=1, require_equals = true, default_missing_value = "all")]
    #[arg(conflicts_with = "versions")]
    programs: Option<Which>,
    /// Run each client in one process for longer than two lifetimes of all tokens. Compare with
    /// tests/conformance/longer.yaml. `--longer=ci` runs one client for each language with one source. With
    /// `--programs`: the same for programs, and programs-longer.yaml.
    #[arg(long, value_name = "WHICH", num_args = 0..=1, require_equals = true, default_missing_value = "all")]
    #[arg(conflicts_with = "versions")]
    longer: Option<Which>,
    /// Run the programs of `signing/`, and compare with docs/src/signing.md. They sign URLs or call a service with an ID token.
    /// `--signing=ci` runs those that CI runs, and prints the names of the others.
    #[arg(long, value_name = "WHICH", num_args = 0..=1, require_equals = true, default_missing_value = "all")]
    #[arg(conflicts_with_all = ["versions", "programs", "longer"])]
    signing: Option<Which>,
    /// Search the versions that work with each source, and write them to tests/conformance/versions.yaml.
    #[arg(long)]
    versions: bool,
    /// End the search of each client after this many minutes, for example in a workflow.
    #[arg(long, value_name = "MINUTES", requires = "versions")]
    minutes: Option<u64>,
    /// Run only the clients with this in their name, and print the table instead of comparing it.
    #[arg(long, value_name = "NAME")]
    only: Option<String>,
    /// Leave out what would start after this Unix time, and print its name, for example on a slow machine.
    #[arg(long, value_name = "SECONDS", conflicts_with = "versions")]
    until: Option<u64>,
    /// Folder for installed clients, kept between runs.
    #[arg(long, value_name = "FOLDER", default_value = "target/conformance")]
    folder: PathBuf,
}

/// The time limit of a run.
const RUN_LIMIT: Duration = Duration::from_secs(40);

/// The time limit of a run in the search, which has low priority.
const SEARCH_LIMIT: Duration = Duration::from_mins(3);

/// The programs or clients to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Which {
    All,
    Ci,
}

#[tokio::main]
async fn main() -> ExitCode {
    // reqwest leaves the choice of a crypto provider to the program. Only a second call could fail.
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
    if args.longer.is_some() {
        return longer::run(args).await;
    }
    if args.signing.is_some() {
        return signing::run(args).await;
    }
    if args.programs.is_some() {
        return applications::run(args).await;
    }
    let mut clients = client::read_libraries()?;
    clients.retain(|client| args.only.as_ref().is_none_or(|part| client.name.contains(part)));
    let (omitted, mut clients): (Vec<_>, Vec<_>) = clients.into_iter().partition(Client::is_omitted);
    for client in &omitted {
        let program = client.requires.as_deref().unwrap_or(Path::new(""));
        print(&format!("Omitted: {}, because {} is missing.", client.title, program.display()));
    }
    if args.versions {
        clients.retain(|client| client.releases.is_some());
        return search_versions(&clients, args).await;
    }
    if args.install {
        return install::install_all(&[], &clients, args).await;
    }
    let mut environment = Environment::start(RUN_LIMIT, Emulators::default()).await?;
    let (mut rows, mut missing) = (Vec::new(), Missing::new(args.until));
    for client in omitted {
        rows.push(Row { client, versions: String::new(), cells: Vec::new() });
    }
    for client in clients {
        rows.push(row(&mut environment, client, &mut missing, args).await?);
    }
    let are_installed = missing.report();
    rows.sort_by(|a, b| a.client.name.cmp(&b.client.name));
    print(
        "Not run: older versions. `make conformance-versions` runs them, each night in the workflow conformance.",
    );
    if args.only.is_some() {
        print(&report::table(&rows, &LONGER.read()?));
        return Ok(are_installed);
    }
    Ok(report::compare_or_update(&mut rows, args.update, print)? && are_installed)
}

/// Runs versions of each client, and writes each result as soon as it is there.
async fn search_versions(clients: &[Client], args: &Args) -> Result<bool> {
    if args.install {
        return Ok(true);
    }
    let mut environment = Environment::start(SEARCH_LIMIT, Emulators::default()).await?;
    for client in clients {
        print(&format!("{} …", client.title));
        let known = version_file::read()?.remove(&client.name).unwrap_or_default();
        let folder = std::path::absolute(args.folder.join("versions").join(&client.name))
            .context("failed to resolve the installation folder")?;
        let save = |tried| {
            let mut file = version_file::read()?;
            file.insert(client.name.clone(), tried);
            version_file::write(&file)
        };
        let time = args.minutes.map(Duration::from_mins);
        search::search(&mut environment, client, &known, &folder, time, save, print).await?;
    }
    Ok(true)
}

/// Installs a client and runs its cells, printing each result at once.
async fn row(
    environment: &mut Environment,
    client: Client,
    missing: &mut Missing,
    args: &Args,
) -> Result<Row> {
    print(&format!("{} …", client.title));
    let Some(installed) = missing.install(&client, &args.folder).await? else {
        return Ok(Row { client, versions: String::new(), cells: Vec::new() });
    };
    let cells = run_cells(environment, &client, &installed, ResultCell::all()).await?;
    let versions = installed.versions;
    Ok(Row { client, versions, cells })
}

/// Runs the cells of a client or a program, printing each result at once.
async fn run_cells(
    environment: &mut Environment,
    client: &Client,
    installed: &Installed,
    wanted: Vec<ResultCell>,
) -> Result<Vec<(ResultCell, RunResult)>> {
    let mut cells = Vec::new();
    for cell in wanted {
        let start = Instant::now();
        let mut result = environment.run(client, installed, cell).await?;
        // A failure must occur twice: on a busy machine a library may give up too early.
        if !result.is_success() {
            result = environment.run(client, installed, cell).await?;
        }
        print(&format!("  {cell}: {result} ({} s)", start.elapsed().as_secs()));
        cells.push((cell, result));
    }
    Ok(cells)
}

fn print(text: &str) {
    // The reader may have closed the pipe; the exit status still shows the result.
    let _ = writeln!(stdout(), "{text}");
}
