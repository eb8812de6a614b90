//! The command line's program.

use std::process::ExitCode;

mod added;
mod arguments;
mod chart;
mod check;
mod cluster;
mod doctor;
mod document;
mod explain;
mod failure;
mod image;
mod inject;
mod judge;
mod kind;
mod live;
mod manifests;
mod node;
mod object;
mod owner;
mod setup;
mod stream;
mod tell;
mod words;

fn main() -> ExitCode {
    arguments::Arguments::from_command_line().run()
}
