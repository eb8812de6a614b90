//! `make conformance-longer` and `make applications-longer`: run each client or program in one process for longer than two
//! lifetimes of everything: the AWS session, the subject token, Google's federated and its impersonated token. The lifetimes
//! are short. Several run at once, each with fakes
//! of its own.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use rolebridge_core::token_source::TokenSource;
use rolebridge_tests::error::{Context, Error, Result};
use rolebridge_tests::programs::Programs;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::applications;
use crate::client::{self, Client};
use crate::emulators::Emulators;
use crate::environment::{self, Environment, Own};
use crate::install::{self, Installed, Missing};
use crate::job;
use crate::longer_column;
use crate::network::Network;
use crate::program_results::{LONGER, PROGRAMS_LONGER, ProgramResult, ProgramResults};
use crate::result_cell::{ResultCell, RunResult};
use crate::{Args, Which, print, renewals};

/// The number of runs at once. They mostly wait.
const RUNS_AT_ONCE: u8 = 10;

/// The time limit of a run, in addition to the time for which its program repeats its work.
const EXTRA_TIME: Duration = Duration::from_secs(40);

/// The variable with the number of seconds for which a program repeats its work.
const REPEAT_SECONDS: &str = "REPEAT_SECONDS";

/// The parts of every run.
#[derive(Debug)]
struct Shared {
    programs: Programs,
    emulators: Arc<Emulators>,
    slots: Semaphore,
    /// Port 80, on which the sidecar of one pod with `metadata-host` can listen.
    metadata_host: Semaphore,
    /// The number of the next network. Fakes that end may listen for a moment more, so no number follows itself soon.
    next_network: AtomicU8,
    /// The number of the next run, by which its names in emulators differ.
    next_run: AtomicU32,
}

/// A run of a client with a source, as a service account.
#[derive(Debug, Clone)]
struct Run {
    client: Arc<Client>,
    installed: Arc<Installed>,
    cell: ResultCell,
}

/// Runs the clients, or the programs, that the arguments select, and compares the results with their file and page.
pub(crate) async fn run(args: &Args) -> Result<bool> {
    if args.update && is_part(args) {
        return Err(Error::new("--update needs every source. Fix: use --longer without =ci"));
    }
    let are_programs = args.programs.is_some();
    let mut clients = if are_programs { client::read_all("programs")? } else { client::read_libraries()? };
    clients.retain(|client| is_selected(client, args));
    let needed = job::needed_emulators(clients.iter().filter_map(|client| client.job.as_ref()))?;
    if args.install {
        return install::install_all(&needed, &clients, args).await;
    }
    let (emulators, missing_emulators) = Emulators::start_all(&needed, &args.folder).await?;
    let mut missing = Missing::new(args.until);
    clients.retain(|client| {
        let lacks_emulator = client.job.as_ref().is_some_and(|job| job.needs(&missing_emulators));
        if lacks_emulator {
            missing.skip(client);
        }
        !lacks_emulator
    });
    let shared = Arc::new(Shared {
        programs: environment::build().await?,
        emulators: Arc::new(emulators),
        slots: Semaphore::new(RUNS_AT_ONCE.into()),
        metadata_host: Semaphore::new(1),
        next_network: AtomicU8::new(1),
        next_run: AtomicU32::new(0),
    });
    let runs = prepare(clients, args, &mut missing).await?;
    let found = run_all(&shared, runs).await?;
    let are_installed = missing.report();
    if are_programs {
        let (_, matches) = PROGRAMS_LONGER.compare_or_update(&found, args.update, print)?;
        return Ok(applications::compare_or_update_page(args.update)? && matches && are_installed);
    }
    let (committed, matches) = LONGER.compare_or_update(&found, args.update, print)?;
    Ok(longer_column::compare_or_update(&committed, args.update)? && matches && are_installed)
}

/// Returns true if only one source of each client runs.
fn is_part(args: &Args) -> bool {
    args.longer == Some(Which::Ci)
}

fn is_selected(client: &Client, args: &Args) -> bool {
    let is_named = args.only.as_ref().is_none_or(|part| client.name.contains(part));
    let is_wanted = !is_part(args) || client.longer.in_ci;
    is_named && is_wanted && !client.is_omitted() && client.longer.none.is_none()
}

/// Installs the clients. Returns their runs, one for each source that works for a single run.
async fn prepare(clients: Vec<Client>, args: &Args, missing: &mut Missing) -> Result<Vec<Run>> {
    let mut runs = Vec::new();
    for client in clients {
        print(&format!("{} …", client.title));
        let Some(installed) = missing.install(&client, &args.folder).await? else { continue };
        let cells = longer_column::working(&client)?;
        let (client, installed) = (Arc::new(client), Arc::new(installed));
        for cell in cells.into_iter().take(if is_part(args) { 1 } else { usize::MAX }) {
            runs.push(Run { client: Arc::clone(&client), installed: Arc::clone(&installed), cell });
        }
    }
    Ok(runs)
}

/// Runs everything, several at once, and prints each result when it is there.
async fn run_all(shared: &Arc<Shared>, runs: Vec<Run>) -> Result<ProgramResults> {
    let mut running = JoinSet::new();
    for run in runs {
        let shared = Arc::clone(shared);
        running.spawn(async move {
            let start = Instant::now();
            let mut result = shared.run(&run).await;
            // A failure must occur twice: on a busy machine a library may give up too early.
            if result.as_ref().is_ok_and(|result| !result.is_success()) {
                result = shared.run(&run).await;
            }
            result.map(|result| (run, result, start.elapsed()))
        });
    }
    let mut cells: BTreeMap<String, (Arc<Client>, String, Vec<_>)> = BTreeMap::new();
    while let Some(ended) = running.join_next().await {
        let (Run { client, installed, cell, .. }, result, time) = ended.context("a run panicked")??;
        print(&format!("{}, {}: {result} ({} s)", client.name, cell.source, time.as_secs()));
        let (_, _, of_client) = cells
            .entry(client.name.clone())
            .or_insert_with(|| (Arc::clone(&client), installed.versions.clone(), Vec::new()));
        of_client.push((cell, result));
    }
    let result = |(name, (client, versions, cells)): (_, (Arc<Client>, _, _))| {
        (name, ProgramResult::new(&client, versions, cells))
    };
    Ok(cells.into_iter().map(result).collect())
}

impl Shared {
    /// Waits until few others run, and runs a client in an environment of its own.
    async fn run(&self, run: &Run) -> Result<RunResult> {
        let Run { client, installed, cell } = run;
        let _port = if cell.source == TokenSource::MetadataHost.as_str() {
            Some(self.metadata_host.acquire().await.context("the runs were ended")?)
        } else {
            None
        };
        let _slot = self.slots.acquire().await.context("the runs were ended")?;
        let network = Network::new(self.next_network.fetch_add(1, Ordering::Relaxed))?;
        let seconds = renewals::repeat_seconds(cell.source);
        let mut client = Client::clone(client);
        if let Some(program) = client.longer.program.take() {
            client.program = program;
        }
        if let Some(job) = &mut client.job {
            job.seconds += seconds.unsigned_abs();
            job.expects = client.longer.expects.take().unwrap_or_else(|| std::mem::take(&mut job.expects));
        }
        client.environment.insert(REPEAT_SECONDS.to_owned(), seconds.to_string());
        let mut config = environment::clouds_config()?;
        renewals::shorten(&mut config, cell.source);
        let limit = Duration::from_secs(seconds.unsigned_abs()) + EXTRA_TIME;
        let own = Own { network, runs: self.next_run.fetch_add(1, Ordering::Relaxed) };
        let emulators = Arc::clone(&self.emulators);
        let mut environment = Environment::with(&self.programs, config, limit, emulators, Some(own)).await?;
        let result = environment.run(&client, installed, *cell).await?;
        let mut events = environment.events();
        if client.longer.renews_after_refusal {
            events.retain(|event| !renewals::is_expiry(event));
        }
        let renewals = renewals::check(&events, renewals::token_seconds(cell.source));
        Ok(match renewals {
            Err(error) if result.is_success() => RunResult::Failure { error },
            _ => result,
        })
    }
}
