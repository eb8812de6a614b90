//! The `rolebridge` program.

use std::process::ExitCode;

mod admission;
mod args;
mod cluster;
mod commands;
mod error;
mod image_ref;
mod input;
mod output;

fn main() -> ExitCode {
    args::Cli::from_command_line().run()
}
