//! The admission decision of Rolebridge: an annotated pod gets a JSON Patch, is skipped, or is denied with a message.
//!
//! Pure: (pod, service account, namespace, defaults) -> settings -> patch or denial, with warnings. No IO, no clock.
//!
//! The pod is read through a borrowed view of only the fields that affect injection ([`Pod`]). The patch has explicit
//! `add` operations on the raw JSON, so fields that this version does not know stay unchanged.
//!
//! A module imports only modules of its own layer or of those before it, without cycles:
//!
//! 1. `message`, `metadata_dependency`, `mount_path`, `object_metadata`, `pattern`, [`quantity`], `reason`, `steps`
//! 2. `denial`, [`view`]
//! 3. `context`, `defaults::model`, `ineffective`, `mesh`, `opt_in`, `reinvocation`, `unknown_keys`
//! 4. [`settings`]
//! 5. [`defaults`], [`patch`]
//! 6. [`env_from`], `warnings`
//! 7. `admission`
//! 8. [`workload`]

mod admission;
mod context;
pub mod defaults;
mod denial;
pub mod env_from;
mod ineffective;
mod mesh;
mod message;
mod metadata_dependency;
mod mount_path;
mod object_metadata;
mod opt_in;
pub mod patch;
mod pattern;
pub mod quantity;
mod reason;
mod reinvocation;
pub mod settings;
mod steps;
mod unknown_keys;
pub mod view;
mod warnings;
pub mod workload;

#[cfg(test)]
mod tests;

pub use admission::{Admission, Decision, admit};
pub use context::Context;
pub use defaults::{Defaults, DefaultsError};
pub use denial::Denial;
pub use metadata_dependency::MetadataDependency;
pub use object_metadata::{MAX_SETTINGS_BYTES, ObjectMetadata};
pub use opt_in::OptIn;
pub use patch::{Patch, networks_after_sidecar};
pub use reason::Reason;
pub use settings::{Origin, Setting, Settings, resolve};
pub use view::Pod;
