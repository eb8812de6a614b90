//! `cargo run -p demo`: the main job end to end on one machine. A pod with one annotation is sent to the real webhook.
//! The injected pod runs the real sidecar, and Google's own Rust library reads BigQuery with the pod's IAM role. The
//! clouds are fakes, as strict as the real ones.

mod console;
mod inspect;
mod pretty_yaml;
mod scenario;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum};
use rolebridge_core::external_account::ConfigKind;
use rolebridge_tests::app;

/// Runs Rolebridge end to end on one machine, with fake clouds and the real programs.
#[derive(Debug, Parser)]
struct Args {
    /// Source of the subject token for the app's library.
    #[arg(long, value_enum, default_value = "loopback")]
    source: SourceName,
    /// A folder with rolebridge-webhook and rolebridge-sidecar, instead of compiling them.
    #[arg(long, value_name = "FOLDER")]
    programs: Option<PathBuf>,
    /// Keep everything running at the end, to inspect it with curl.
    #[arg(long)]
    keep: bool,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum SourceName {
    File,
    Loopback,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the program of the app's container.
    #[command(hide = true)]
    App,
}

fn main() -> ExitCode {
    let args = Args::parse();
    if let Some(Command::App) = args.command {
        return app::main();
    }
    let source = match args.source {
        SourceName::File => ConfigKind::File,
        SourceName::Loopback => ConfigKind::Loopback,
    };
    scenario::run(args.programs.as_deref(), source, args.keep)
}
