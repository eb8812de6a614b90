//! The `rolebridge` program.

use std::process::ExitCode;

mod admission;
mod args;
mod cluster;
mod commands;
mod docs;
mod error;
mod gcloud;
mod iam;
mod image_ref;
mod input;
mod limits;
mod options;
mod output;
mod program;
mod run;

fn main() -> ExitCode {
    run::run(program::parse(std::env::args_os().collect()))
}
