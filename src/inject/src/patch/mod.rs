//! The patch: explicit operations on the raw JSON, never a diff of a typed round trip.
//!
//! The patch removes nothing of the user. It replaces only Rolebridge's annotations and volumes, and extends a literal
//! `NO_PROXY` so that calls to 127.0.0.1 bypass the proxy.

mod annotations;
mod builder;
mod containers;
pub(crate) mod env;
pub(crate) mod mesh_startup;
mod no_proxy;
pub(crate) mod position;
pub(crate) mod resources;
mod run_as;
pub(crate) mod sidecar;
mod status;
mod volumes;

#[cfg(test)]
mod tests;

pub use self::builder::Patch;
use self::builder::PatchBuilder;
use self::status::Status;
use crate::context::Context;
use crate::denial::Denial;
use crate::reinvocation::{ConfigCarrier, ExistingSidecar};
use crate::settings::Settings;
use crate::view::Pod;

/// Builds the patch of a pod and completes the warnings. Returns no patch if nothing is missing.
///
/// # Errors
///
/// Returns an error if a container mounts another volume at one of Rolebridge's paths.
pub(crate) fn build(
    pod: &Pod<'_>,
    context: &Context<'_>,
    settings: &Settings<'_>,
    existing: Option<&ExistingSidecar<'_>>,
    mut warnings: Vec<String>,
) -> Result<(Option<Patch>, Vec<String>), Denial> {
    let mut builder = PatchBuilder::new();
    // Init containers are addressed by index, so all of them come before the sidecar shifts them.
    containers::add(&mut builder, pod, settings)?.warn(&mut warnings);
    let carrier = match existing {
        Some(sidecar) => sidecar.configs,
        None if settings.has_sidecar() => ConfigCarrier::Sidecar,
        None => ConfigCarrier::Annotations,
    };
    volumes::add(&mut builder, pod, settings, carrier);
    if existing.is_none() && settings.has_sidecar() {
        sidecar::add(&mut builder, pod, context, settings);
    }
    let status = Status::new(settings, existing.map(|sidecar| sidecar.container), &warnings);
    annotations::add(&mut builder, pod, settings, carrier, &status);
    Ok((builder.finish(), warnings))
}
