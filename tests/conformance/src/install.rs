//! A client's installation, within its budget of time.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Instant;

use rolebridge_tests::error::{Context, Error, Result};
use tokio::process::Command;

use crate::client::Client;

/// How `timeout` says that it ended something.
const TIMED_OUT: i32 = 124;

/// A client that can be run.
#[derive(Debug)]
pub(crate) struct Installed {
    /// `$OUT`.
    pub(crate) out: PathBuf,
    /// `NAME VERSION, NAME VERSION`.
    pub(crate) versions: String,
    /// How long it took.
    pub(crate) seconds: u64,
}

/// Installs a client; quick where an earlier run did it. `None`: not within its budget.
pub(crate) async fn install(client: &Client, out: &Path) -> Result<Option<Installed>> {
    std::fs::create_dir_all(out).context(format_args!("make {}", out.display()))?;
    let start = Instant::now();
    let Some(_) = run_script(client, out, &client.install).await? else { return Ok(None) };
    let Some(versions) = run_script(client, out, &client.versions).await? else { return Ok(None) };
    let versions: Vec<_> = versions.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    if versions.is_empty() {
        return Err(Error::new(format!("{}: `versions` wrote nothing", client.name)));
    }
    let versions = versions.join(", ");
    Ok(Some(Installed { out: out.to_owned(), versions, seconds: start.elapsed().as_secs() }))
}

/// What the script wrote. `None`: it took too long, and was ended with all that it had started.
async fn run_script(client: &Client, out: &Path, script: &str) -> Result<Option<String>> {
    let output = Command::new("timeout")
        .args(["--kill-after=5", &client.budget.to_string(), "bash", "-euo", "pipefail", "-c", script])
        .env("HERE", &client.here)
        .env("OUT", out)
        .current_dir(out)
        .stdin(Stdio::null())
        .output()
        .await
        .context("start bash")?;
    if output.status.success() {
        return Ok(Some(String::from_utf8_lossy(&output.stdout).into_owned()));
    }
    if output.status.code() == Some(TIMED_OUT) {
        return Ok(None);
    }
    let output_text = [String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr)];
    let lines: Vec<_> = output_text.iter().flat_map(|text| text.lines()).collect();
    let last = lines[lines.len().saturating_sub(20)..].join("\n");
    Err(Error::new(format!("{}: the installation ended with {}:\n{last}", client.name, output.status)))
}
