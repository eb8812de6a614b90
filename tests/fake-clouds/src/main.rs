//! `fake-clouds`: the fakes as a program, for tests that run in a cluster.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use rolebridge_fake_clouds::Clouds;
use rolebridge_fake_clouds::ConfigError;
use rolebridge_fake_clouds::config::Config;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::broadcast::error::RecvError;

/// Runs fake AWS and Google. Prints the endpoints as a line of JSON, then each event as another. On SIGHUP it reads the
/// accounts and Pod Identity of the configuration again, and prints a line with `reloaded`.
#[derive(Debug, Parser)]
#[command(version)]
struct Args {
    /// Address to listen on, ADDRESS:PORT; overrides the configuration. The services use this port and the six after
    /// it.
    #[arg(long)]
    listen: Option<SocketAddr>,
    /// Configuration of the clouds, a YAML or JSON file.
    #[arg(long)]
    config: PathBuf,
    /// Folder in which to write the certificate authority, as `ca.crt`.
    #[arg(long)]
    ca_dir: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(&Args::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "fake-clouds: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(args: &Args) -> Result<(), Box<dyn std::error::Error>> {
    let mut config = read_config(&args.config)?;
    if let Some(listen) = args.listen {
        config.listen = listen;
    }
    let clouds = Clouds::start(config).await?;
    if let Some(dir) = &args.ca_dir {
        let file = dir.join("ca.crt");
        std::fs::write(&file, clouds.ca_pem())
            .map_err(|error| format!("failed to write {}: {error}", file.display()))?;
    }
    let mut events = clouds.subscribe();
    // Before the line with the endpoints, after which a test may send the signal.
    let mut reload = signal(SignalKind::hangup())?;
    print_line(&clouds.endpoints())?;
    let shutdown = shutdown_signal();
    tokio::pin!(shutdown);
    loop {
        tokio::select! {
            () = &mut shutdown => break,
            Some(()) = reload.recv() => {
                apply_aws(&read_config(&args.config)?, &clouds)?;
                print_line(&serde_json::json!({"reloaded": true}))?;
            }
            event = events.recv() => match event {
                Ok(event) => print_line(&event)?,
                Err(RecvError::Lagged(missed)) => {
                    writeln!(io::stderr(), "fake-clouds: {missed} events were not printed because the reader is too slow")?;
                }
                Err(RecvError::Closed) => break,
            }
        }
    }
    clouds.stop().await;
    Ok(())
}

/// Replaces the accounts and Pod Identity with those of a changed configuration. Sessions remain.
fn apply_aws(config: &Config, clouds: &Clouds) -> Result<(), ConfigError> {
    for account in &config.aws.accounts {
        clouds.set_aws_account(account)?;
    }
    clouds.set_pod_identity(config.aws.pod_identity.as_ref())
}

fn read_config(file: &Path) -> Result<Config, String> {
    let text = std::fs::read_to_string(file)
        .map_err(|error| format!("failed to read {}: {error}", file.display()))?;
    // JSON is a subset of YAML.
    serde_saphyr::from_str(&text).map_err(|error| format!("{}: {error}", file.display()))
}

fn print_line(line: &impl serde::Serialize) -> io::Result<()> {
    let mut out = io::stdout().lock();
    serde_json::to_writer(&mut out, line)?;
    out.write_all(b"\n")?;
    out.flush()
}

/// Returns on SIGINT or SIGTERM.
async fn shutdown_signal() {
    let Ok(mut terminate) = signal(SignalKind::terminate()) else { return };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
}
