//! HTTP: the client for AWS and Google, and the server for the pod.

pub mod connector;
pub(crate) mod deadline;
pub(crate) mod error;
pub(crate) mod request;
mod response_guard;
mod sent_secrets;
pub mod server;
