//! Waits for the renewal of the session. The kubelet has rotated the projected token, and the sidecar uses the new one.
//! The app's library requests a new Google token by itself.

use rolebridge_fake_clouds::{Detail, Event, RoleAssumed};
use rolebridge_tests::error::{Context, Error, Result};
use rolebridge_tests::process::Process;
use rolebridge_tests::world::wait_for_event;

use super::sidecar::lifetime;
use super::{Environment, TIMEOUT, app};
use crate::console::Console;

/// Waits until the app has used a token of the renewed session.
pub(crate) async fn wait_for_renewal(console: &mut Console, environment: &mut Environment) -> Result<()> {
    console.step("Before the session expires, the sidecar renews it; the app keeps working");
    let result = renew(console, environment).await;
    // The sidecar's log shows the cause.
    result.map_err(|error| {
        let sidecar = &mut environment.sidecar;
        let state = sidecar
            .try_wait()
            .ok()
            .flatten()
            .map_or_else(|| "is running".to_owned(), |status| format!("exited: {status}"));
        Error::new(format!("{error}\nThe sidecar {state}. Its log:\n{}", sidecar.log().text()))
    })
}

async fn renew(console: &Console, environment: &Environment) -> Result<()> {
    let mut events = environment.world.clouds.subscribe();
    environment.pod.rotate_tokens()?;
    console.fact("kubelet", "rotated the projected token");
    let is_session = |event: &Event| matches!(event.detail, Detail::RoleAssumed(_));
    let renewed = wait_for_event(&mut events, TIMEOUT, "a new session from AWS", is_session).await?;
    let Detail::RoleAssumed(RoleAssumed { expires, access_key_id, .. }) = renewed.detail else {
        return None.context("AWS has issued no session");
    };
    console.fact("AWS issued", &format!("a new session, {access_key_id}: {}", lifetime(renewed.at, expires)));
    let is_signed_by_it = |event: &Event| {
        app::exchanged(event)
            .and_then(|exchanged| exchanged.signed_request())
            .is_some_and(|signed| signed.access_key_id == access_key_id)
    };
    wait_for_event(&mut events, TIMEOUT, "an exchange with the new session at Google", is_signed_by_it)
        .await?;
    console.fact("Google accepted", &format!("a token signed by {access_key_id}"));
    let is_impersonation = |event: &Event| matches!(event.detail, Detail::Impersonated { .. });
    wait_for_event(&mut events, TIMEOUT, "a token of the service account", is_impersonation).await?;
    print_next_rows(console, &environment.app).await
}

/// Prints the rows of a run that starts from now on, and checks that no run has failed.
async fn print_next_rows(console: &Console, app: &Process) -> Result<()> {
    // The next line may belong to a run that has already started.
    let (_, next) = app::rows_after(app, app.log().lines().len()).await?;
    let (rows, _) = app::rows_after(app, next).await?;
    let mut runs = 0;
    while runs < app.log().lines().len() {
        (_, runs) = app::rows_after(app, runs).await?;
    }
    console.table(&rows);
    console.note(&format!("The app has read the table {runs} times without a failure."));
    Ok(())
}
