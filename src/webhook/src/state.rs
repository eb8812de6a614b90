//! State shared by the admission handlers.

use std::sync::Arc;

use crate::admission::body::BodyReader;
use crate::answers::Answers;
use crate::events::Events;
use crate::live_defaults::LiveDefaults;
use crate::metadata::lookup::MetadataLookup;
use crate::metrics::Metrics;

/// State shared by the admission handlers.
#[derive(Debug)]
pub struct AppState {
    /// Reader of request bodies.
    pub body_reader: BodyReader,
    /// Lookup of service accounts and namespaces.
    pub lookup: MetadataLookup,
    /// Remembered injections.
    pub answers: Answers,
    /// The platform team's defaults.
    pub defaults: Arc<LiveDefaults>,
    /// Counters.
    pub metrics: Arc<Metrics>,
    /// Recorder of Kubernetes events, if enabled.
    pub events: Option<Events>,
}
