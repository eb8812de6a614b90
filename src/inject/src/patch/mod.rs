//! The patch: explicit operations on the raw JSON, never a diff of a typed round trip.
//!
//! The patch removes nothing of the user. It replaces only Rolebridge's annotations and volumes, and extends a literal
//! `NO_PROXY` so that calls to 127.0.0.1 bypass the proxy.

mod annotations;
mod builder;
mod containers;
pub(crate) mod env;
mod json;
pub(crate) mod mesh_startup;
mod metadata_host;
mod mounts;
mod no_proxy;
pub(crate) mod position;
pub(crate) mod resources;
mod run_as;
mod se_linux;
pub(crate) mod sidecar;
mod status;
mod volumes;

#[cfg(test)]
mod tests;

use rolebridge_core::redact::Quoted;

pub use self::builder::Patch;
use self::builder::PatchBuilder;
pub use self::position::networks_after_sidecar;
use self::status::Status;
use crate::context::Context;
use crate::denial::Denial;
use crate::message::{MAX_NAMES_IN_WARNING, join_names};
use crate::reinvocation::{ConfigCarrier, ExistingSidecar};
use crate::settings::Settings;
use crate::view::Pod;

/// Builds the patch of a pod and completes the warnings. Returns no patch if nothing is missing.
///
/// # Errors
///
/// Returns an error if a container mounts another volume at one of Rolebridge's paths, or a read-only one above it.
pub(crate) fn build(
    pod: &Pod<'_>,
    context: &Context<'_>,
    settings: &Settings<'_>,
    existing: Option<&ExistingSidecar<'_>>,
    mut warnings: Vec<String>,
) -> Result<(Option<Patch>, Vec<String>), Denial> {
    let mut builder = PatchBuilder::new(pod.containers().count());
    // Init containers are addressed by index, so all of them come before the sidecar shifts them.
    containers::add(&mut builder, pod, settings)?.warn(&mut warnings);
    let reconciled =
        existing.map(|existing| sidecar::reconcile(&mut builder, pod, context, settings, existing));
    let carrier = match &reconciled {
        Some(reconciled) => reconciled.configs,
        None if settings.has_sidecar() => ConfigCarrier::Sidecar,
        None => ConfigCarrier::Annotations,
    };
    let replaced_volumes = volumes::add(&mut builder, pod, settings, carrier);
    metadata_host::add(&mut builder, pod, settings);
    if existing.is_none() && settings.has_sidecar() {
        sidecar::add(&mut builder, pod, context, settings);
    }
    let image = reconciled.as_ref().and_then(|reconciled| reconciled.other_image);
    let status = Status::new(settings, image, &warnings);
    annotations::add(&mut builder, pod, settings, carrier, &status);
    // The status describes the injected pod, so it does not depend on what was replaced.
    if let Some(sidecar::Reconciliation { replaced, .. }) = reconciled {
        warnings.extend(replaced_values(replaced.into_iter().chain(replaced_volumes)));
        warnings.extend(image.map(other_image));
    }
    Ok((builder.finish(), warnings))
}

/// Returns a warning about values of the existing sidecar that were replaced.
fn replaced_values(names: impl Iterator<Item = &'static str>) -> Option<String> {
    let names = join_names(MAX_NAMES_IN_WARNING, names)?;
    Some(format!(
        "The sidecar in the pod had other values of {names}; they were replaced. Fix: run webhooks that change Rolebridge \
         settings before Rolebridge."
    ))
}

/// Returns a warning about the image of the existing sidecar, which another webhook may have changed to a mirror.
fn other_image(image: &str) -> String {
    format!("The sidecar in the pod keeps its image {}, which is not that of the defaults.", Quoted(image))
}
