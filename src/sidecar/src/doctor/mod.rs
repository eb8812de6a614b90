//! `doctor`: every hop between the projected token and Google's, tried once, one line each, up to the first that fails.
//!
//! It takes the very steps that `run` takes, and beside them those that `run` need not: whether AWS takes the signature
//! that only Google will post, and whom Google sees.

mod aws;
mod caller;
mod google;
mod local;
mod walk;

use std::fmt::Write as _;
use std::io::{self, Write};

use rolebridge_core::diagnostics::{Step, StepResult};

use self::walk::Walk;
use crate::clock::Clock;
use crate::run::runtime;
use crate::settings::{Settings, Variables};

/// How the hops are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// For people.
    Text,
    /// For `rolebridge doctor`.
    Json,
}

/// Tries them and writes each as soon as it is known.
///
/// # Errors
/// That a hop failed, or that it could not be written, in a sentence.
pub fn run(variables: &Variables<'_>, form: Form, out: &mut impl Write) -> Result<(), String> {
    let mut written = Ok(());
    let mut tell = |result: &StepResult| {
        if written.is_ok() {
            written = write(result, form, out);
        }
    };
    let mut walk = Walk::new(&mut tell);
    match Settings::read(variables) {
        Ok(settings) => {
            let runtime = runtime().map_err(|error| format!("the runtime cannot start: {error}"))?;
            runtime.block_on(all(&settings, &mut walk));
        }
        Err(error) => walk.unset(&error),
    }
    let failed = walk.first_failure();
    written.map_err(|error| format!("standard output: {error}"))?;
    failed.map_or(Ok(()), |step| Err(format!("{} failed", step.title())))
}

/// Ends at the first hop that the next ones need.
async fn all(settings: &Settings, walk: &mut Walk<'_>) {
    walk.plan(plan(settings));
    let clock = Clock::system();
    let google = async |walk: &mut Walk<'_>| {
        local::settings(settings, walk);
        local::published(settings, walk);
        local::projected_token(settings, &clock, walk)?;
        let shown = aws::shown(settings, &clock, walk).await?;
        google::tokens(settings, &shown, walk).await
    };
    if google(walk).await.is_err() {
        walk.skip_the_rest();
    }
}

/// The hops of an identity.
fn plan(settings: &Settings) -> Vec<Step> {
    let mut plan = vec![Step::Settings, Step::Published, Step::ProjectedToken];
    plan.extend_from_slice(aws::plan(&settings.identity));
    plan.extend([Step::GoogleSts, Step::Principal]);
    if settings.google.impersonation.is_some() {
        plan.extend([Step::Impersonation, Step::IdToken]);
    }
    plan
}

fn write(result: &StepResult, form: Form, out: &mut impl Write) -> io::Result<()> {
    let mut line = String::new();
    match form {
        Form::Text => {
            let StepResult { step, status, message, .. } = result;
            // A String takes all that is written to it.
            let _ = write!(
                line,
                "{:7}  {:width$}  {message}",
                status.title(),
                step.title(),
                width = Step::WIDEST_TITLE
            );
        }
        Form::Json => line = serde_json::to_string(result)?,
    }
    line.push('\n');
    out.write_all(line.as_bytes())?;
    out.flush()
}
