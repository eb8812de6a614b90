//! Fake AWS and Google, as strict as the real ones. They serve AWS STS, Google STS, IAM Credentials, Cloud Storage and
//! BigQuery over TLS, with the response shapes and error messages of the real services.
//!
//! A test starts [`Clouds`] with a [`Config`](config::Config), points clients at its endpoints, counts their calls,
//! injects a [`Fault`] at selected [`Calls`] and reads the [`Event`]s of each cloud.
//!
//! Messages come from the vendors' documentation or from responses seen in the field. Messages that come from neither
//! are marked in the code.

mod aws;
mod body;
mod clock;
mod clouds;
pub mod config;
mod emulated;
mod error;
mod events;
mod faults;
mod fields;
mod google;
mod oidc;
mod one_or_many;
mod operation;
mod rate_limit;
mod recorder;
mod secret;
mod server;
mod service;
mod state;
mod tls;
mod wire;

#[cfg(test)]
mod testing;

pub use clock::{Clock, Timestamp};
pub use clouds::{Clouds, Endpoints, StartError};
pub use error::ConfigError;
pub use events::{Detail, Event, RoleAssumed, SignedRequest, SubjectToken, TokenExchanged};
pub use faults::{Calls, Fault, Hold};
pub use google::AdminCall;
pub use oidc::{Issuer, ProjectedToken};
pub use operation::Operation;
pub use recorder::RECORDS;
pub use tls::TlsError;
