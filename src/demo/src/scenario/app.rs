//! Runs the app with only `GOOGLE_APPLICATION_CREDENTIALS` set.

use rolebridge_core::env::app::CREDENTIALS;
use rolebridge_core::external_account::ConfigKind;
use rolebridge_core::service_accounts::AccountNumber;
use rolebridge_fake_clouds::{Detail, Event, TokenExchanged};
use rolebridge_tests::app::RunResult;
use rolebridge_tests::error::{Context, Error, Result};
use rolebridge_tests::fake_kubelet::Pod;
use rolebridge_tests::process::Process;
use rolebridge_tests::world::{APP, World};

use super::TIMEOUT;
use super::admission::without_pool;
use crate::console::Console;

/// Starts the app and waits for its first rows.
pub(crate) async fn start(
    console: &mut Console,
    world: &World,
    pod: &Pod,
    source: ConfigKind,
) -> Result<Process> {
    console.step("The app reads BigQuery through Google's own library");
    console.fact("app's config", &format!("{CREDENTIALS}={}", source.config_path(AccountNumber::DEFAULT)));
    let app = pod.start_container(APP)?;
    let (rows, _) = rows_after(&app, 0).await?;
    let events = world.clouds.events();
    let exchanged = events.iter().find_map(exchanged).context("Google has exchanged no token")?;
    print_principal(console, exchanged);
    let impersonated =
        events.iter().find_map(impersonated).context("Google has issued no service account token")?;
    console.fact("impersonates", &impersonated);
    console.table(&rows);
    Ok(app)
}

/// Prints the principal that Google authenticated, and the provider that the token is bound to.
pub(crate) fn print_principal(console: &Console, exchanged: &TokenExchanged) {
    console.fact("principal", &without_pool(&exchanged.principal));
    for (name, value) in exchanged.attributes.iter().filter(|(name, _)| *name != "google.subject") {
        console.fact("", &format!("{name} = {value}"));
    }
    if let Some(signed) = exchanged.signed_request() {
        let binding =
            if signed.audience_signed { "bound to this provider" } else { "valid for any provider" };
        console.fact("signed for", &format!("{}, {binding}", signed.host));
    }
}

/// Waits for the first result at or after line `from` of the app's log, and returns its rows and the next line.
pub(crate) async fn rows_after(app: &Process, from: usize) -> Result<(Vec<Vec<String>>, usize)> {
    let (line, next) = app.log().wait_for_line(from, TIMEOUT, |_| true).await?;
    match serde_json::from_str(&line) {
        Ok(RunResult::Rows(rows)) => Ok((rows, next)),
        Ok(RunResult::Failed(error)) => Err(Error::new(format!("the app failed: {error}"))),
        Err(_) => Err(Error::new(format!("unexpected output of the app: {line}"))),
    }
}

pub(crate) fn exchanged(event: &Event) -> Option<&TokenExchanged> {
    match &event.detail {
        Detail::TokenExchanged(exchanged) if event.error.is_none() => Some(exchanged),
        _ => None,
    }
}

fn impersonated(event: &Event) -> Option<String> {
    match &event.detail {
        Detail::Impersonated { service_account, .. } if event.error.is_none() => {
            Some(service_account.clone())
        }
        _ => None,
    }
}
