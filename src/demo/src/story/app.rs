//! The app runs, knowing nothing.

use rolebridge_core::env::app::CREDENTIALS;
use rolebridge_core::external_account::ConfigKind;
use rolebridge_fake_clouds::{Detail, Event, TokenExchanged};
use rolebridge_tests::app::Line;
use rolebridge_tests::error::{Context, Failure, Result};
use rolebridge_tests::fake_kubelet::Pod;
use rolebridge_tests::process::Process;
use rolebridge_tests::world::{APP, World};

use super::PATIENCE;
use super::admission::without_pool;
use crate::show::Show;

/// Until the first rows.
pub(crate) async fn start(show: &mut Show, world: &World, pod: &Pod, source: ConfigKind) -> Result<Process> {
    show.step("The app reads BigQuery, through Google's own library");
    show.fact("told", &format!("{CREDENTIALS}={}", source.config_path()));
    let app = pod.start(APP)?;
    let (rows, _) = rows_after(&app, 0).await?;
    let events = world.clouds.events();
    let exchanged = events.iter().find_map(exchanged).context("Google exchanged no token")?;
    show_principal(show, exchanged);
    let impersonated =
        events.iter().find_map(impersonated).context("Google let nobody act as a service account")?;
    show.fact("as", &impersonated);
    show.rows(&rows);
    Ok(app)
}

/// Who Google sees, and that the token is of no use elsewhere.
pub(crate) fn show_principal(show: &Show, exchanged: &TokenExchanged) {
    show.fact("Google sees", &without_pool(&exchanged.principal));
    for (name, value) in exchanged.attributes.iter().filter(|(name, _)| *name != "google.subject") {
        show.fact("", &format!("{name} = {value}"));
    }
    if let Some(signed) = exchanged.signed_request() {
        let bound = if signed.audience_signed { "bound to this provider" } else { "good at any provider" };
        show.fact("signed for", &format!("{}, {bound}", signed.host));
    }
}

/// The first rows at or after a place in the app's log.
pub(crate) async fn rows_after(app: &Process, from: usize) -> Result<(Vec<Vec<String>>, usize)> {
    let (line, next) = app.log().line_after(from, PATIENCE, |_| true).await?;
    match serde_json::from_str(&line) {
        Ok(Line::Rows(rows)) => Ok((rows, next)),
        Ok(Line::Failed(why)) => Err(Failure::new(format!("the app failed: {why}"))),
        Err(_) => Err(Failure::new(format!("the app said: {line}"))),
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
