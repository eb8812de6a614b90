//! The configuration of EKS Pod Identity in a cluster, and the agent's cache.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use crate::aws::sessions::Session;
use crate::clock::Timestamp;
use crate::config;
use crate::error::ConfigError;
use crate::rate_limit::RateLimit;

/// A cluster with its agent.
#[derive(Debug)]
pub(in crate::aws) struct PodIdentity {
    pub(super) config: config::PodIdentity,
    /// The agent's cache of sessions and their renewal times, by the pod's token.
    pub(super) cache: Mutex<HashMap<String, (Arc<Session>, Timestamp)>>,
    pub(super) limit: RateLimit,
}

impl PodIdentity {
    pub(in crate::aws) fn new(config: &config::PodIdentity) -> Result<Self, ConfigError> {
        if config.cluster.is_empty() {
            return Err(ConfigError::new("aws.podIdentity.cluster", "expected a name, found nothing"));
        }
        let limit = RateLimit::new(config.requests_per_second, 1);
        Ok(Self { config: config.clone(), cache: Mutex::default(), limit })
    }
}
