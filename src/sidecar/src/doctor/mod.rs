//! The command `doctor`: tries each step from the projected token to Google's tokens once, and prints a line for each. It
//! stops at the first error that later steps depend on.
//!
//! The steps run the same code as `run`. Two are additional: AWS's response to the signed request, which otherwise only
//! Google sends, and the principal that Google is expected to authenticate.

mod aws;
mod get_caller_identity;
mod google;
mod pod_checks;
mod recorder;

use std::fmt::Write as _;
use std::io::{self, Write};

use rolebridge_core::diagnostics::{Step, StepResult};

use self::recorder::Recorder;
use crate::clock::Clock;
use crate::error::Failure;
use crate::run::block_on;
use crate::settings::{Env, Settings};

/// The format of the output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutputFormat {
    /// Text for people.
    Text,
    /// JSON for `rolebridge doctor`.
    Json,
}

/// The options of the command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DoctorOptions {
    /// The format of the output.
    pub format: OutputFormat,
    /// True to sign as each service account too. Only some apps need the grant, and each signature is in Google's audit log.
    pub sign: bool,
}

/// Tries all steps and writes each result as soon as it is known.
///
/// # Errors
/// Returns an error if a step failed, or if the output cannot be written.
pub fn run(env: &Env<'_>, options: DoctorOptions, out: &mut impl Write) -> Result<(), Failure> {
    let DoctorOptions { format, sign } = options;
    let mut written = Ok(());
    let mut emit = |result: &StepResult| {
        if written.is_ok() {
            written = write(result, format, out);
        }
    };
    let mut recorder = Recorder::new(&mut emit);
    match Settings::read(env) {
        Ok(settings) => block_on(run_all(&settings, sign, &mut recorder))?,
        Err(error) => recorder.fail(Step::Settings, Failure::from(&error)),
    }
    let failed = recorder.first_failure();
    written.map_err(|error| Failure::new(format!("failed to write to standard output: {error}")))?;
    failed.map_or(Ok(()), |step| Err(Failure::new(format!("{} failed", step.title()))))
}

/// Runs all steps, and skips those that depend on a failed one.
async fn run_all(settings: &Settings, sign: bool, recorder: &mut Recorder<'_>) {
    recorder.plan(plan(settings, sign));
    let clock = Clock::system();
    let run_steps = async |recorder: &mut Recorder<'_>| {
        pod_checks::settings(settings, recorder);
        pod_checks::published_token(settings, recorder);
        pod_checks::projected_token(settings, &clock, recorder)?;
        let presented = aws::obtain_subject_token(settings, &clock, recorder).await?;
        google::tokens(settings, &presented, sign, recorder).await
    };
    if run_steps(recorder).await.is_err() {
        recorder.skip_remaining();
    }
}

/// Returns the steps of an identity.
fn plan(settings: &Settings, sign: bool) -> Vec<Step> {
    let mut plan = vec![Step::Settings, Step::Published, Step::ProjectedToken];
    plan.extend_from_slice(aws::plan(&settings.identity));
    plan.extend([Step::GoogleSts, Step::Principal]);
    if settings.google.accounts.iter().any(Option::is_some) {
        plan.extend([Step::Impersonation, Step::IdToken]);
    }
    if sign {
        plan.push(Step::Signing);
    }
    plan
}

fn write(result: &StepResult, format: OutputFormat, out: &mut impl Write) -> io::Result<()> {
    let mut line = String::new();
    match format {
        OutputFormat::Text => {
            let StepResult { step, status, message, remediation, .. } = result;
            let text = Failure { message: message.clone(), remediation: remediation.clone() };
            let (status, title, width) = (status.title(), step.title(), Step::WIDEST_TITLE);
            // Writing to a String cannot fail.
            let _ = write!(line, "{status:7}  {title:width$}  {text}");
        }
        OutputFormat::Json => line = serde_json::to_string(result)?,
    }
    line.push('\n');
    out.write_all(line.as_bytes())?;
    out.flush()
}
