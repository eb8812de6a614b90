//! What the webhook, the sidecar and the command line agree on: names, places and documents. No IO.
//!
//! The webhook and the sidecar never meet. Whatever one writes and the other reads stands here, once.

pub mod annotations;
pub mod aws;
pub mod causes;
pub mod doctor;
pub mod environment;
pub mod external_account;
pub mod google;
pub mod identity;
pub mod loopback;
pub mod outputs;
pub mod pod;
pub mod shown;
pub mod values;
