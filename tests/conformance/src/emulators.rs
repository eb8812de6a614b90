//! Running emulators.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use rolebridge_fake_clouds::config::EmulatedApi;
use rolebridge_tests::error::{Context, Error, Result};
use rolebridge_tests::ports::free_address;
use rolebridge_tests::process::Process;
use tokio::net::TcpStream;
use tokio::process::Command;
use tokio::time::{Instant, sleep};

use crate::job::Emulator;
use crate::{install, print};

/// The time limit of an emulator's start: one of them loads a database first, on a busy machine.
const START_TIMEOUT: Duration = Duration::from_mins(2);

/// Running emulators. They end when this is dropped.
#[derive(Debug, Default)]
pub(crate) struct Emulators {
    pub(crate) apis: Vec<EmulatedApi>,
    processes: Vec<Process>,
}

impl Emulators {
    /// Installs and starts emulators. Returns the names of those that are not installed within their budget too.
    pub(crate) async fn start_all(emulators: &[Emulator], folder: &Path) -> Result<(Self, BTreeSet<String>)> {
        let (mut running, mut missing) = (Self::default(), BTreeSet::new());
        for emulator in emulators {
            let out = install::folder(&emulator.folder(), folder)?;
            if let Some(installed) = install::install(emulator.package(), &out).await? {
                running.start(emulator, &out).await?;
                print(&format!("emulator {}: {}", emulator.name, installed.versions));
            } else {
                print(&format!("emulator {}: not installed within {} s", emulator.name, emulator.budget));
                missing.insert(emulator.name.clone());
            }
        }
        Ok((running, missing))
    }

    /// Starts an emulator, installed in a folder, and waits until it listens.
    async fn start(&mut self, emulator: &Emulator, out: &Path) -> Result<()> {
        let [http, grpc] = [free_address()?, free_address()?];
        let fill = |text: &String| {
            text.replace("$HERE", &emulator.here.to_string_lossy())
                .replace("$OUT", &out.to_string_lossy())
                .replace("$HTTP", &http.port().to_string())
                .replace("$GRPC", &grpc.port().to_string())
        };
        let arguments: Vec<_> = emulator.program.iter().map(fill).collect();
        let (program, arguments) =
            arguments.split_first().context(format_args!("{}: no program", emulator.name))?;
        let mut command = Command::new(program);
        command.args(arguments).current_dir(out);
        let mut process = Process::start(emulator.name.clone(), command)?;
        let has = |name: &str| emulator.program.iter().any(|argument| argument.contains(name));
        let [http, grpc] = [Some(http).filter(|_| has("$HTTP")), Some(grpc).filter(|_| has("$GRPC"))];
        for address in [http, grpc].into_iter().flatten() {
            wait_for(&mut process, address).await?;
        }
        let apis = emulator.apis.iter().cloned();
        self.apis.extend(apis.map(|api| EmulatedApi { http, grpc, ..api }));
        self.processes.push(process);
        Ok(())
    }
}

async fn wait_for(process: &mut Process, address: SocketAddr) -> Result<()> {
    let deadline = Instant::now() + START_TIMEOUT;
    loop {
        if TcpStream::connect(address).await.is_ok() {
            return Ok(());
        }
        let ended = process.try_wait()?;
        if ended.is_some() || Instant::now() > deadline {
            let (name, log) = (process.name().to_owned(), process.log().text());
            return Err(Error::new(format!("{name} does not listen on {address} ({ended:?}):\n{log}")));
        }
        sleep(Duration::from_millis(50)).await;
    }
}
