//! The session nears its end. The sidecar renews it with the projected token of that moment, which the kubelet has
//! rotated meanwhile, and the app's library comes for a new Google token by itself.

use rolebridge_fake_clouds::{Detail, Event, RoleAssumed};
use rolebridge_tests::error::{Context, Failure, Result};
use rolebridge_tests::process::Process;
use rolebridge_tests::world::event;

use super::sidecar::life;
use super::{Cast, PATIENCE, app};
use crate::show::Show;

/// Until the app has worked with a token from after the refresh.
pub(crate) async fn wait(show: &mut Show, cast: &mut Cast) -> Result<()> {
    show.step("The session nears its end: the sidecar renews it, the app goes on");
    let result = renew(show, cast).await;
    // Whatever went wrong here, the sidecar knows more of it.
    result.map_err(|failure| {
        let state = cast
            .sidecar
            .ended()
            .ok()
            .flatten()
            .map_or_else(|| "runs".to_owned(), |status| format!("ended: {status}"));
        Failure::new(format!("{failure}\nThe sidecar {state}. Its log:\n{}", cast.sidecar.log().text()))
    })
}

async fn renew(show: &Show, cast: &Cast) -> Result<()> {
    let mut events = cast.world.clouds.subscribe();
    cast.pod.rotate_tokens()?;
    show.fact("kubelet", "rotated the projected token");
    let assumed = |event: &Event| matches!(event.detail, Detail::RoleAssumed(_));
    let renewed = event(&mut events, PATIENCE, "a new session from AWS", assumed).await?;
    let Detail::RoleAssumed(RoleAssumed { expires, access_key_id, .. }) = renewed.detail else {
        return None.context("AWS gave no session");
    };
    show.fact("AWS gave", &format!("a new session, {access_key_id}: {}", life(renewed.at, expires)));
    let of_it = |event: &Event| {
        app::exchanged(event)
            .and_then(|exchanged| exchanged.signed_request())
            .is_some_and(|signed| signed.access_key_id == access_key_id)
    };
    event(&mut events, PATIENCE, "a token of the new session at Google", of_it).await?;
    show.fact("Google took", &format!("a token signed by {access_key_id}"));
    let impersonated = |event: &Event| matches!(event.detail, Detail::Impersonated { .. });
    event(&mut events, PATIENCE, "the service account's token", impersonated).await?;
    work_on(show, &cast.app).await
}

/// Shows the rows of a run from after now, and that none has failed since the start.
async fn work_on(show: &Show, app: &Process) -> Result<()> {
    // The line that may be under way can still come from before.
    let (_, next) = app::rows_after(app, app.log().lines().len()).await?;
    let (rows, _) = app::rows_after(app, next).await?;
    let mut runs = 0;
    while runs < app.log().lines().len() {
        (_, runs) = app::rows_after(app, runs).await?;
    }
    show.rows(&rows);
    show.note(&format!("The app has read the table {runs} times, and never failed."));
    Ok(())
}
