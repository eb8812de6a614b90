//! Runs the same pod with another role, which AWS accepts and Google rejects.

use rolebridge_core::annotations::ROLE_ARN;
use rolebridge_core::external_account::ConfigKind;
use rolebridge_fake_clouds::Operation;
use rolebridge_tests::error::{Context, Error, Result};
use rolebridge_tests::world::{APP, UNTRUSTED_ROLE, Variant, World};

use super::{TIMEOUT, app};
use crate::console::Console;

/// Runs the pod until Google has rejected it.
pub(crate) async fn run(console: &mut Console, world: &World, source: ConfigKind) -> Result<()> {
    console.step("The same pod with another role: Google rejects it");
    console.fact("pod", &format!("{ROLE_ARN}: {UNTRUSTED_ROLE}"));
    let variant = Variant { source: Some(source), ..Variant::default() }.with_role(UNTRUSTED_ROLE)?;
    let pod = world.create_pod(&variant).await?;
    let events_before = world.clouds.events().len();
    let mut running = pod.run(TIMEOUT).await?;
    let app = running.process(APP).context("the pod has no app container")?;
    let status = app.wait(TIMEOUT).await?;
    if status.success() {
        return Err(Error::new(format!("the app succeeded with {UNTRUSTED_ROLE}:\n{}", app.log().text())));
    }
    let role = UNTRUSTED_ROLE.rsplit('/').next().unwrap_or_default();
    let events = world.clouds.events().split_off(events_before);
    let is_of_role = |principal: &str| principal.contains(&format!(":assumed-role/{role}/"));
    let exchanged =
        events.iter().filter_map(app::exchanged).find(|exchanged| is_of_role(&exchanged.principal));
    app::print_principal(console, exchanged.context("Google has exchanged no token of the other role")?);
    let rejection = events
        .iter()
        .find(|event| event.operation == Operation::GenerateAccessToken && event.error.is_some());
    let error = rejection.and_then(|event| event.error.as_deref()).context("Google has rejected no call")?;
    console.fact("Google's error", error);
    let message = error.split_once(": ").map_or(error, |(_, message)| message);
    if !app.log().text().contains(message) {
        return Err(Error::new(format!("the app's log lacks Google's error:\n{}", app.log().text())));
    }
    console.fact("app", &format!("{status}; its log contains the same message"));
    Ok(())
}
