//! The `rolebridge` program.

use std::process::ExitCode;

use clap::Parser;

mod admission;
mod args;
mod cluster;
mod commands;
mod error;
mod gcloud;
mod iam;
mod image_ref;
mod input;
mod options;
mod output;
mod run;

fn main() -> ExitCode {
    run::run(args::Cli::parse())
}
