//! Binary of the webhook.

use std::process::ExitCode;

/// Under load, the allocators of musl and glibc cost more than the webhook's own work.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    rolebridge_webhook::run(&rolebridge_webhook::Args::from_command_line())
}
