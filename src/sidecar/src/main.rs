//! `rolebridge-sidecar`: keeps a pod's subject token fresh.

use std::process::ExitCode;

fn main() -> ExitCode {
    rolebridge_sidecar::command::main(std::env::args().skip(1))
}
