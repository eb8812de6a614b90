//! The session nears its end. The sidecar renews it with the projected token of that moment, which the kubelet has
//! rotated meanwhile, and the app's library comes for a new Google token by itself.

use clouds::{Detail, RoleAssumed};
use rolebridge_tests::error::{Context, Result};
use rolebridge_tests::world::event;

use super::sidecar::life;
use super::{Cast, PATIENCE, app};
use crate::show::Show;

/// Until the app has worked with a token from after the refresh.
pub(crate) async fn wait(show: &mut Show, cast: &mut Cast) -> Result<()> {
    show.step("The session nears its end: the sidecar renews it, the app goes on");
    let mut events = cast.world.clouds.subscribe();
    cast.pod.rotate_tokens()?;
    show.fact("kubelet", "rotated the projected token");
    let renewed =
        event(&mut events, PATIENCE, |event| matches!(event.detail, Detail::RoleAssumed(_))).await?;
    let Detail::RoleAssumed(RoleAssumed { expires, access_key_id, .. }) = renewed.detail else {
        return None.context("AWS gave no session");
    };
    show.fact("AWS gave", &format!("a new session, {access_key_id}: {}", life(renewed.at, expires)));
    let exchange = event(&mut events, PATIENCE, |event| {
        app::exchanged(event).is_some_and(|exchanged| exchanged.access_key_id == access_key_id)
    });
    exchange.await.context("after the renewal, Google saw no token of the new session")?;
    show.fact("Google took", &format!("a token signed by {access_key_id}"));
    let impersonated = |event: &clouds::Event| matches!(event.detail, Detail::Impersonated { .. });
    event(&mut events, PATIENCE, impersonated).await?;
    // The line that may be under way now can still come from before.
    let now = cast.app.log().lines().len();
    let (_, next) = app::rows_after(&cast.app, now).await?;
    let (rows, _) = app::rows_after(&cast.app, next).await?;
    // From the first run on: any that failed is the demo's failure.
    let mut runs = 0;
    while runs < cast.app.log().lines().len() {
        (_, runs) = app::rows_after(&cast.app, runs).await?;
    }
    show.rows(&rows);
    show.note(&format!("The app has read the table {runs} times, and never failed."));
    Ok(())
}
