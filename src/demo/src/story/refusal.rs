//! The same pod with another role: AWS gives it, Google does not trust it.

use clouds::Detail;
use rolebridge_contract::annotations::ROLE_ARN;
use rolebridge_contract::external_account::Source;
use rolebridge_tests::app::Line;
use rolebridge_tests::error::{Context, Failure, Result};
use rolebridge_tests::world::{APP, OTHER_ROLE, Variant, World};

use super::{PATIENCE, app};
use crate::show::Show;

/// Until Google has refused it.
pub(crate) async fn run(show: &mut Show, world: &World, source: Source) -> Result<()> {
    show.step("The same pod with another role: Google refuses it");
    show.fact("pod", &format!("{ROLE_ARN}: {OTHER_ROLE}"));
    let variant = Variant { source: Some(source), ..Variant::default() }.with_role(OTHER_ROLE).await?;
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
    let refused = events.iter().find(|event| {
        event.error.is_some()
            && matches!(&event.detail, Detail::Impersonated { principal, .. } if of_role(principal))
    });
    let words = refused.and_then(|event| event.error.as_deref()).context("Google refused nothing")?;
    show.fact("Google says", words);
    let said = app.log().lines().last().and_then(|line| serde_json::from_str(line).ok());
    let Some(Line::Failed(why)) = said else {
        return Err(Failure::new(format!("the app does not say why it failed:\n{}", app.log().text())));
    };
    show.fact("app says", &why.split_whitespace().collect::<Vec<_>>().join(" "));
    Ok(())
}
