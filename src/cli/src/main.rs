//! The command line's program.

use std::process::ExitCode;

mod arguments;
mod document;
mod failure;
mod inject;
mod judge;
mod manifests;
mod node;
mod object;
mod stream;

fn main() -> ExitCode {
    arguments::Arguments::from_command_line().run()
}
