//! `cargo run -p demo`: the whole main job on one machine. A pod with one annotation goes in at the real webhook, the
//! pod that comes out runs the real sidecar, and Google's own Rust library reads BigQuery with the pod's IAM role. The
//! clouds are fakes, as strict as the real ones.

mod keep;
mod show;
mod story;
mod yaml;

use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum};
use rolebridge_core::external_account::ConfigKind;
use rolebridge_tests::app;

/// The whole main job of Rolebridge on one machine, with fake clouds and the real programs.
#[derive(Debug, Parser)]
struct Args {
    /// How the app's library gets the subject token.
    #[arg(long, value_enum, default_value = "loopback")]
    source: SourceName,
    /// Leave everything running at the end, for a look around with curl.
    #[arg(long)]
    keep: bool,
    #[command(subcommand)]
    role: Option<Role>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum SourceName {
    File,
    Loopback,
}

#[derive(Debug, Subcommand)]
enum Role {
    /// What runs in the app's container.
    #[command(hide = true)]
    App,
}

fn main() -> ExitCode {
    let args = Args::parse();
    if let Some(Role::App) = args.role {
        return app::main();
    }
    let source = match args.source {
        SourceName::File => ConfigKind::File,
        SourceName::Loopback => ConfigKind::Loopback,
    };
    story::tell(source, args.keep)
}
