//! Annotations, typed: each is parsed once, from the pod, else its service account, else its namespace, else the
//! defaults, and remembers where it came from.

pub(crate) mod agreed;
mod aws;
mod explain;
mod google;
mod origin;
mod places;
mod ports;
mod selection;
mod session;
mod sidecar;
mod sources;
mod value;

#[cfg(test)]
mod tests;

pub use aws::Aws;
pub use explain::Entry;
pub use google::Google;
pub use origin::{Origin, Setting};
pub(crate) use places::Places;
pub use selection::Selection;
pub use session::SessionName;
pub use sidecar::{Bounds, Sidecar};
pub use sources::Sources;
pub(crate) use value::check;
pub use value::{Amount, CaBundle, Role};

use crate::{Context, Pod, Refusal};

/// Everything that was decided about a pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings<'a> {
    /// At Google.
    pub google: Google<'a>,
    /// At AWS.
    pub aws: Aws<'a>,
    /// How each container's library gets the subject token.
    pub sources: Setting<Sources<'a>>,
    /// Which containers get credentials.
    pub containers: Selection<'a>,
    /// The sidecar's own.
    pub sidecar: Sidecar<'a>,
}

/// The settings of a pod.
///
/// # Errors
///
/// A value means nothing, is not supported yet or not allowed; else a provider, an AWS identity or a container is
/// lacking.
pub fn resolve<'a>(pod: &'a Pod<'_>, context: &Context<'a>) -> Result<Settings<'a>, Refusal> {
    let places = Places { pod, context: *context };
    let google = Google::resolve(&places)?;
    let aws = Aws::resolve(&places)?;
    let sources = selection::sources(&places)?;
    let containers = Selection::resolve(&places)?;
    let sidecar = Sidecar::resolve(&places)?;
    ports::check(&places, &sources.value, &sidecar)?;
    containers.check_some(pod)?;
    let settings = Settings { google: google?, aws: aws?, sources, containers, sidecar };
    ports::check_host_network(pod, &settings)?;
    Ok(settings)
}
