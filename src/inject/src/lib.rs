//! The heart of Rolebridge: from an annotated pod to the JSON Patch it gets, or the sentence that says why not.
//!
//! Pure: (pod, service account, namespace, defaults) -> settings -> patch or refusal, with warnings. No IO, no clock.
//!
//! The pod is read through a borrowed view of just the fields that decide something ([`Pod`]), and the patch is made
//! of explicit `add` operations on the raw JSON, so that fields which this version does not know survive untouched.

mod admission;
pub mod defaults;
mod denial;
mod ineffective;
mod mesh;
mod message;
mod object_metadata;
mod opt_in;
pub mod patch;
mod pattern;
pub mod quantity;
mod reason;
mod reinvocation;
pub mod settings;
mod unknown_keys;
pub mod view;
mod warnings;
pub mod workload;

#[cfg(test)]
mod tests;

pub use admission::{Admission, Context, Decision, admit};
pub use defaults::{Defaults, DefaultsError};
pub use denial::Denial;
pub use object_metadata::ObjectMetadata;
pub use opt_in::OptIn;
pub use patch::Patch;
pub use reason::Reason;
pub use settings::{Origin, Setting, Settings, resolve};
pub use view::Pod;
