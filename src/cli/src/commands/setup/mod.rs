//! `setup`: what must exist at AWS, at Google and in Kubernetes for the pods of a service account.

mod args;
mod import;
mod kubernetes;
mod plan;
mod shell;
mod terraform;
mod trust_policy;
mod value_parsers;
mod verify;

use std::path::PathBuf;

pub(crate) use self::args::{SetupArgs, SetupFormat};
use self::import::ImportedConfig;
use self::plan::SetupPlan;
use crate::error::CliError;
use crate::input::manifests::read_text;
use crate::output::{Console, Line};

/// Writes what must exist to `out`, and notes about it to `err`.
///
/// # Errors
///
/// Returns an error if the arguments would not work, or if the trust policy does not trust the service account.
pub(crate) fn run(
    args: SetupArgs,
    namespace: Option<&str>,
    format: SetupFormat,
    out: &mut Console<'_>,
    err: &mut Console<'_>,
) -> Result<(), CliError> {
    reject_shared_stdin(&args)?;
    let imported =
        args.from.as_deref().map(|path| ImportedConfig::parse(path, &read_text(path)?)).transpose()?;
    let trust_policy = args.trust_policy.clone();
    let plan = SetupPlan::new(args, namespace.unwrap_or("default"), imported.unwrap_or_default())?;
    for note in verify::verify(&plan)? {
        err.line(&Line::new().text("note: ").text(note))?;
    }
    if let Some(path) = trust_policy {
        let role = plan.role.as_ref().ok_or_else(|| {
            CliError::Setup(
                "--trust-policy: expected an identity with an IAM role, found kubernetes".to_owned(),
            )
        })?;
        for note in trust_policy::check(&path, &read_text(&path)?, role, &plan)? {
            err.line(&Line::new().text("note: ").text(note))?;
        }
    }
    let text = match format {
        SetupFormat::Commands => shell::write(&plan)?,
        SetupFormat::Terraform => terraform::write(&plan),
        SetupFormat::Kubernetes => kubernetes::write(&plan)?,
    };
    out.block("", &text)
}

/// Returns an error if two files are standard input, because the second would be empty.
fn reject_shared_stdin(args: &SetupArgs) -> Result<(), CliError> {
    let is_stdin = |path: &Option<PathBuf>| path.as_deref().is_some_and(|path| path.as_os_str() == "-");
    if is_stdin(&args.from) && is_stdin(&args.trust_policy) {
        let message = "--trust-policy: expected a file, because --from reads standard input, found \"-\"";
        return Err(CliError::Setup(message.to_owned()));
    }
    Ok(())
}
