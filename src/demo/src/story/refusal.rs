//! The same pod with another role: AWS gives it, Google does not trust it.

use rolebridge_core::annotations::ROLE_ARN;
use rolebridge_core::external_account::ConfigKind;
use rolebridge_fake_clouds::Operation;
use rolebridge_tests::error::{Context, Failure, Result};
use rolebridge_tests::world::{APP, OTHER_ROLE, Variant, World};

use super::{PATIENCE, app};
use crate::show::Show;

/// Until Google has refused it.
pub(crate) async fn run(show: &mut Show, world: &World, source: ConfigKind) -> Result<()> {
    show.step("The same pod with another role: Google refuses it");
    show.fact("pod", &format!("{ROLE_ARN}: {OTHER_ROLE}"));
    let variant = Variant { source: Some(source), ..Variant::default() }.with_role(OTHER_ROLE)?;
    let pod = world.place(&variant).await?;
    let before = world.clouds.events().len();
    let mut running = pod.run(PATIENCE).await?;
    let app = running.process(APP).context("the pod has no app")?;
    let status = app.wait(PATIENCE).await?;
    if status.success() {
        return Err(Failure::new(format!("the app succeeded with {OTHER_ROLE}:\n{}", app.log().text())));
    }
    let role = OTHER_ROLE.rsplit('/').next().unwrap_or_default();
    let events = world.clouds.events().split_off(before);
    let of_role = |name: &str| name.contains(&format!(":assumed-role/{role}/"));
    let exchanged = events.iter().filter_map(app::exchanged).find(|exchanged| of_role(&exchanged.principal));
    app::show_principal(show, exchanged.context("Google has not seen the other role")?);
    let refused = events
        .iter()
        .find(|event| event.operation == Operation::GenerateAccessToken && event.error.is_some());
    let words = refused.and_then(|event| event.error.as_deref()).context("Google refused nothing")?;
    show.fact("Google says", words);
    let sentence = words.split_once(": ").map_or(words, |(_, sentence)| sentence);
    if !app.log().text().contains(sentence) {
        return Err(Failure::new(format!("the app does not say why it failed:\n{}", app.log().text())));
    }
    show.fact("app", &format!("{status}; its log holds the same sentence"));
    Ok(())
}
