//! `setup`: what must exist at AWS, at Google and in Kubernetes, so that a pod of a service account gets through.

mod commands;
mod flags;
mod from;
mod kubernetes;
mod plan;
mod terraform;
mod told;
pub(crate) mod trust;

use std::io::Write;
use std::path::Path;

use clap::ValueEnum;
pub(crate) use plan::Role;
pub(crate) use told::Told;

use self::from::Found;
use self::plan::Plan;
use crate::failure::Failure;

/// What the pool's project must have enabled: for the pool, for the exchange, for impersonation.
const APIS: [&str; 3] = ["iam.googleapis.com", "sts.googleapis.com", "iamcredentials.googleapis.com"];

/// How `setup` writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Language {
    /// `aws` and `gcloud` commands, then kubectl
    Commands,
    /// Terraform for AWS and Google
    Terraform,
    /// The Kubernetes objects alone
    Kubernetes,
}

/// Writes what must exist to `out`, and what to know of it to `err`.
pub(crate) fn run(
    told: Told,
    language: Language,
    out: &mut impl Write,
    err: &mut impl Write,
) -> Result<(), Failure> {
    let found = told.from.as_deref().map(|path| Found::read(path, &read(path)?)).transpose()?;
    let trust_policy = told.trust_policy.clone();
    let plan = Plan::new(told, found.unwrap_or_default())?;
    for note in plan.check()? {
        writeln!(err, "note: {note}")?;
    }
    if let Some(path) = trust_policy {
        let role = plan.role.as_ref().ok_or_else(|| {
            Failure::Setup("--trust-policy: the identity kubernetes has no role to trust it.".to_owned())
        })?;
        for note in trust::check(&path, &read(&path)?, role, &plan)? {
            writeln!(err, "note: {note}")?;
        }
    }
    let text = match language {
        Language::Commands => commands::write(&plan)?,
        Language::Terraform => terraform::write(&plan),
        Language::Kubernetes => kubernetes::write(&plan)?,
    };
    out.write_all(text.as_bytes())?;
    Ok(())
}

fn read(path: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(path).map_err(|source| Failure::Read { path: path.to_owned(), source })
}
