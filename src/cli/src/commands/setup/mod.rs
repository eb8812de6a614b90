//! `setup`: what must exist at AWS, at Google and in Kubernetes, so that a pod of a service account gets through.

mod args;
mod import;
mod kubernetes;
mod plan;
mod shell;
mod terraform;
pub(crate) mod trust_policy;
mod value_parsers;

use std::io::Write;
use std::path::Path;

pub(crate) use args::SetupArgs;
use clap::ValueEnum;
pub(crate) use plan::Role;

use self::import::ImportedConfig;
use self::plan::Plan;
use crate::error::CliError;

/// What the pool's project must have enabled: for the pool, for the exchange, for impersonation.
const APIS: [&str; 3] = ["iam.googleapis.com", "sts.googleapis.com", "iamcredentials.googleapis.com"];

/// How `setup` writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum SetupFormat {
    /// `aws` and `gcloud` commands, then kubectl
    Commands,
    /// Terraform for AWS and Google
    Terraform,
    /// The Kubernetes objects alone
    Kubernetes,
}

/// Writes what must exist to `out`, and what to know of it to `err`.
pub(crate) fn run(
    args: SetupArgs,
    language: SetupFormat,
    out: &mut impl Write,
    err: &mut impl Write,
) -> Result<(), CliError> {
    let found = args.from.as_deref().map(|path| ImportedConfig::read(path, &read(path)?)).transpose()?;
    let trust_policy = args.trust_policy.clone();
    let plan = Plan::new(args, found.unwrap_or_default())?;
    for note in plan.check()? {
        writeln!(err, "note: {note}")?;
    }
    if let Some(path) = trust_policy {
        let role = plan.role.as_ref().ok_or_else(|| {
            CliError::Setup("--trust-policy: the identity kubernetes has no role to trust it.".to_owned())
        })?;
        for note in trust_policy::check(&path, &read(&path)?, role, &plan)? {
            writeln!(err, "note: {note}")?;
        }
    }
    let text = match language {
        SetupFormat::Commands => shell::write(&plan)?,
        SetupFormat::Terraform => terraform::write(&plan),
        SetupFormat::Kubernetes => kubernetes::write(&plan)?,
    };
    out.write_all(text.as_bytes())?;
    Ok(())
}

fn read(path: &Path) -> Result<String, CliError> {
    std::fs::read_to_string(path).map_err(|source| CliError::Read { path: path.to_owned(), source })
}
