//! Fake AWS and Google, as strict as the real ones: AWS STS, and Google's STS, IAM Credentials, Cloud Storage and
//! BigQuery, over TLS, with the clouds' own shapes and error words.
//!
//! A test starts [`Clouds`] with a [`Config`](config::Config), points clients at its endpoints, counts their calls,
//! asks for a [`Fault`] at the nth of them and reads in the [`Event`]s what each cloud saw.
//!
//! Words that are quoted from neither vendor's documentation nor answers seen in the field are marked as such where
//! they are written.

mod aws;
mod clock;
mod clouds;
pub mod config;
mod error;
mod events;
mod faults;
mod google;
mod hex;
mod oidc;
mod operation;
mod secret;
mod server;
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
pub use oidc::{Issuer, ProjectedToken};
pub use operation::Operation;
pub use tls::TlsError;
