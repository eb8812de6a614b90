//! Installation of a client within its time limit.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rolebridge_tests::error::{Context, Error, Result};
use tokio::process::Command;

use crate::client::{Client, Releases};
use crate::job::Emulator;
use crate::version::Version;
use crate::{Args, print};

/// The multiple of a client's budget for an old version: no earlier run left anything behind, and the search runs at low
/// priority.
const VERSION_BUDGET: u64 = 5;

/// The exit status of `timeout` after it ended a command.
const TIMED_OUT: i32 = 124;

/// The beginning of a line with the titles of what `--until` left out. CI prints these lines again at its end.
const LATE: &str = "Not run, because the time is over";

/// The parts of a client or an emulator that an installation needs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Package<'a> {
    pub(crate) name: &'a str,
    /// `$HERE`.
    pub(crate) here: &'a Path,
    pub(crate) install: &'a str,
    pub(crate) versions: &'a str,
    /// The time limit, in seconds.
    pub(crate) budget: u64,
}

/// An installed client.
#[derive(Debug)]
pub(crate) struct Installed {
    /// `$OUT`.
    pub(crate) out: PathBuf,
    /// `NAME VERSION, NAME VERSION`.
    pub(crate) versions: String,
    /// The duration of the installation.
    pub(crate) seconds: u64,
}

/// Returns an installation folder: of a language, of programs or of an emulator.
pub(crate) fn folder(name: &str, folder: &Path) -> Result<PathBuf> {
    std::path::absolute(folder.join(name)).context("failed to resolve the installation folder")
}

/// Installs emulators and clients into a folder, and prints the name of each before. Returns true if no client failed.
pub(crate) async fn install_all<'a>(
    emulators: &[Emulator],
    clients: impl IntoIterator<Item = &'a Client>,
    args: &Args,
) -> Result<bool> {
    let all = &args.folder;
    for emulator in emulators {
        print(&format!("emulator {} …", emulator.name));
        install(emulator.package(), &folder(&emulator.folder(), all)?).await?;
    }
    let mut missing = Missing::new(args.until);
    for client in clients {
        print(&format!("{} …", client.title));
        missing.install(client, all).await?;
    }
    Ok(missing.report())
}

/// The titles of programs that are not installed.
#[derive(Debug)]
pub(crate) struct Missing {
    /// No installation starts after this time.
    until: Option<SystemTime>,
    /// Their installation would have started later.
    late: Vec<String>,
    /// Their installation exceeded its budget.
    skipped: Vec<String>,
    /// Their installation failed.
    failed: Vec<String>,
}

impl Missing {
    /// Returns no titles. Nothing is installed after a Unix time, in seconds.
    pub(crate) fn new(until: Option<u64>) -> Self {
        let until = until.map(|seconds| UNIX_EPOCH + Duration::from_secs(seconds));
        Self { until, late: Vec::new(), skipped: Vec::new(), failed: Vec::new() }
    }

    /// Installs a program. If that is not possible, it keeps the title, and the others can run nevertheless.
    pub(crate) async fn install(&mut self, program: &Client, all: &Path) -> Result<Option<Installed>> {
        if self.is_late(SystemTime::now()) {
            self.late.push(program.title.clone());
            return Ok(None);
        }
        match install(program.package(), &folder(&program.folder(), all)?).await {
            Ok(Some(installed)) => {
                print(&format!("  {} in {} s", installed.versions, installed.seconds));
                Ok(Some(installed))
            }
            Ok(None) => {
                self.skip(program);
                Ok(None)
            }
            Err(error) => {
                print(&format!("  {error}"));
                self.failed.push(program.title.clone());
                Ok(None)
            }
        }
    }

    fn is_late(&self, now: SystemTime) -> bool {
        self.until.is_some_and(|until| now >= until)
    }

    /// Keeps the title of a program that cannot run, for lack of time.
    pub(crate) fn skip(&mut self, program: &Client) {
        self.skipped.push(program.title.clone());
    }

    /// Prints the titles. Returns true if no installation failed.
    pub(crate) fn report(&self) -> bool {
        let Self { late, skipped, failed, .. } = self;
        if !late.is_empty() {
            print(&format!("{LATE}: {}.", late.join("; ")));
        }
        if !skipped.is_empty() {
            print(&format!("Skipped, because an installation exceeded its budget: {}.", skipped.join("; ")));
        }
        if !failed.is_empty() {
            print(&format!("Failed to install: {}.", failed.join("; ")));
        }
        failed.is_empty()
    }
}

/// Installs a client; fast if an earlier run installed it. Returns `None` if the installation exceeds its budget.
pub(crate) async fn install(package: Package<'_>, out: &Path) -> Result<Option<Installed>> {
    std::fs::create_dir_all(out).context(format_args!("failed to create {}", out.display()))?;
    let start = Instant::now();
    let Some(_) = run_script(package, out, package.install, "").await? else { return Ok(None) };
    let Some(versions) = run_script(package, out, package.versions, "").await? else { return Ok(None) };
    let versions: Vec<_> = versions.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    if versions.is_empty() {
        return Err(Error::new(format!(
            "{}: expected `versions` to write NAME VERSION, found no output",
            package.name
        )));
    }
    let versions = versions.join(", ");
    Ok(Some(Installed { out: out.to_owned(), versions, seconds: start.elapsed().as_secs() }))
}

/// Returns the released versions of a client, in the order of their numbers. Versions with letters are previews.
pub(crate) async fn releases(client: &Client, releases: &Releases, out: &Path) -> Result<Vec<Version>> {
    std::fs::create_dir_all(out).context(format_args!("failed to create {}", out.display()))?;
    let list = run_script(patient(client.package()), out, &releases.list, "").await?;
    let list = list.context("the list of versions timed out")?;
    let mut versions: Vec<_> = list.lines().filter_map(|line| Version::parse(line.trim())).collect();
    versions.sort();
    versions.dedup();
    Ok(versions)
}

/// Installs one version of a client. Returns `None` if the installation exceeds a multiple of its budget.
pub(crate) async fn install_version(
    client: &Client,
    releases: &Releases,
    version: &Version,
    out: &Path,
) -> Result<Option<Installed>> {
    std::fs::create_dir_all(out).context(format_args!("failed to create {}", out.display()))?;
    let start = Instant::now();
    let versions = version.to_string();
    let done = out.join("installed");
    if !done.exists() {
        let package = patient(client.package());
        let Some(_) = run_script(package, out, &releases.install, &versions).await? else { return Ok(None) };
        std::fs::write(&done, "").context(format_args!("failed to write {}", done.display()))?;
    }
    Ok(Some(Installed { out: out.to_owned(), versions, seconds: start.elapsed().as_secs() }))
}

/// Returns a package with the budget of the search.
fn patient(package: Package<'_>) -> Package<'_> {
    Package { budget: package.budget * VERSION_BUDGET, ..package }
}

/// Runs a script and returns its output. Returns `None` if it took too long; `timeout` then ended its whole process
/// group.
async fn run_script(package: Package<'_>, out: &Path, script: &str, version: &str) -> Result<Option<String>> {
    let output = Command::new("timeout")
        .args(["--kill-after=5", &package.budget.to_string(), "bash", "-euo", "pipefail", "-c", script])
        .env("HERE", package.here)
        .env("OUT", out)
        .env("VERSION", version)
        .current_dir(out)
        .stdin(Stdio::null())
        .output()
        .await
        .context("failed to start bash")?;
    if output.status.success() {
        return Ok(Some(String::from_utf8_lossy(&output.stdout).into_owned()));
    }
    if output.status.code() == Some(TIMED_OUT) {
        return Ok(None);
    }
    let output_text = [String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr)];
    let lines: Vec<_> = output_text.iter().flat_map(|text| text.lines()).collect();
    let last = lines[lines.len().saturating_sub(20)..].join("\n");
    Err(Error::new(format!("{}: installation failed with {}:\n{last}", package.name, output.status)))
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    /// Returns a client. Its title is its installation command.
    fn client(install: &str) -> Client {
        let fields = "versions: echo x 1, budget: 60, program: [x]";
        serde_saphyr::from_str(&format!("{{title: '{install}', install: '{install}', {fields}}}")).unwrap()
    }

    #[tokio::test]
    async fn failed_installation_does_not_end_the_run() {
        let all = tempfile::tempdir().unwrap();
        let args = Args::parse_from([Path::new("conformance"), Path::new("--folder"), all.path()]);
        let mut missing = Missing::new(None);
        assert!(missing.install(&client("false"), all.path()).await.unwrap().is_none());
        assert!(!install_all(&[], &[client("false"), client("echo")], &args).await.unwrap());
        assert!(!missing.report());
        let installed = missing.install(&client("echo"), all.path()).await.unwrap().unwrap();
        assert_eq!((installed.versions.as_str(), missing.failed), ("x 1", vec!["false".to_owned()]));
    }

    #[tokio::test]
    async fn what_would_start_too_late_is_left_out_by_name() {
        let all = tempfile::tempdir().unwrap();
        let mut missing = Missing::new(Some(1)); // a second after 1970 began
        assert!(missing.install(&client("false"), all.path()).await.unwrap().is_none());
        assert_eq!((&*missing.late, missing.failed.len()), (&["false".to_owned()][..], 0));
        assert!(missing.report(), "a program that is left out is no failure");
        let [before, at] = [Duration::from_millis(999), Duration::from_secs(1)].map(|time| UNIX_EPOCH + time);
        assert_eq!([before, at].map(|now| missing.is_late(now)), [false, true]);
        assert!(!Missing::new(None).is_late(at));
    }
}
