//! The patch: explicit `add` operations on the raw JSON, never a diff of a typed round trip.
//!
//! Nothing is removed. Two things of the pod's are overwritten: our own annotations, and a literal `NO_PROXY` that must
//! let the loopback past the proxy.

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

use self::builder::PatchBuilder;
use self::status::Status;
use crate::view::Container;
use crate::{Context, Denial, Pod, Settings, warnings};

/// An RFC 6902 document of `add` operations alone. Never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Patch(String);

impl Patch {
    /// The document, as the answer to an AdmissionReview carries it.
    #[must_use]
    pub fn as_json(&self) -> &str {
        &self.0
    }

    /// The document's operations, for programs that apply it themselves.
    ///
    /// # Errors
    ///
    /// None that a patch of [`admit`](crate::admit) has: it is a valid document.
    pub fn operations(&self) -> Result<json_patch::Patch, serde_json::Error> {
        serde_json::from_str(&self.0)
    }
}

/// What a pod lacks of what was decided, and what to say about it. `None`: it lacks nothing.
///
/// # Errors
///
/// A container mounts something else where ours belongs.
pub(crate) fn make(
    pod: &Pod<'_>,
    context: &Context<'_>,
    settings: &Settings<'_>,
    injected: Option<&Container<'_>>,
) -> Result<(Option<Patch>, Vec<String>), Denial> {
    let mut builder = PatchBuilder::new();
    let mut warnings = warnings::for_settings(pod, context, settings, injected);
    // Init containers are addressed by number: all of them before the sidecar moves them.
    containers::add(&mut builder, pod, settings)?.warn(&mut warnings);
    volumes::add(&mut builder, pod, settings);
    if injected.is_none() && settings.has_sidecar() {
        sidecar::add(&mut builder, pod, context, settings);
    }
    let status = Status::of(settings, injected, &warnings);
    annotations::add(&mut builder, pod, settings, &status);
    Ok((builder.finish(), warnings))
}
