//! The clouds: they count each call, and answer by their quotas and outages after a delay.

use std::fmt::Display;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rolebridge_sidecar::error::{Error, ErrorKind, Service};
use rolebridge_sidecar::google::{Token, TokenProvider};
use rolebridge_sidecar::scopes::Scopes;
use rolebridge_sidecar::secret::Secret;
use rolebridge_sidecar::spread;
use rolebridge_sidecar::subject_token::SubjectToken;
use tokio::time::{Instant, sleep};

use crate::quota::Meter;
use crate::record::{Call, Record};
use crate::scenario::{Cloud, Scenario};

/// The lifetime of sessions and tokens: the default of all services.
pub(crate) const LIFETIME: Duration = Duration::from_hours(1);
/// The shortest delay of a call, and what may be added to it.
const DELAY: Duration = Duration::from_millis(30);
const MORE_DELAY: Duration = Duration::from_millis(120);

/// Both clouds, as a pod sees them. Clones share them.
#[derive(Debug, Clone)]
pub(crate) struct Clouds {
    shared: Arc<Inner>,
    /// The number of the pod's endpoint of Google STS.
    endpoint: u8,
}

#[derive(Debug)]
struct Inner {
    scenario: Scenario,
    start: Instant,
    meters: Mutex<Meters>,
    record: Mutex<Record>,
}

impl Clouds {
    pub(crate) fn new(scenario: Scenario) -> Self {
        let record = Mutex::new(Record::new(scenario.duration()));
        let (meters, start) = (Mutex::new(Meters::new(&scenario)), Instant::now());
        Self { shared: Arc::new(Inner { scenario, start, meters, record }), endpoint: 0 }
    }

    /// Returns the clouds of a pod.
    pub(crate) fn of_pod(&self, name: &str) -> Self {
        let endpoints: Vec<_> = (0..self.shared.scenario.endpoints).collect();
        Self { shared: Arc::clone(&self.shared), endpoint: *spread::choose(name, &endpoints) }
    }

    /// Returns the time since the start.
    pub(crate) fn elapsed(&self) -> Duration {
        self.shared.start.elapsed()
    }

    /// Records the wait of an app for its first token.
    pub(crate) fn record_first_token(&self, wait: Duration) {
        self.shared.record.lock().unwrap_or_else(PoisonError::into_inner).first_tokens.push(wait);
    }

    /// Records that an app without a valid token got an error, after it had one.
    pub(crate) fn record_interruption(&self) {
        self.shared.record.lock().unwrap_or_else(PoisonError::into_inner).interrupted += 1;
    }

    /// Returns what was recorded.
    pub(crate) fn record(&self) -> Record {
        self.shared.record.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Calls AWS STS for a session or a token.
    pub(crate) async fn assume_role(&self) -> Result<(), Error> {
        self.answer(Call::AssumeRole, Service::AwsSts).await
    }

    async fn answer(&self, call: Call, service: Service) -> Result<(), Error> {
        sleep(DELAY + MORE_DELAY.mul_f64(fastrand::f64())).await;
        let at = self.elapsed();
        let is_out = self.shared.scenario.is_out(call.cloud(), at);
        let is_allowed = {
            let mut meters = self.shared.meters.lock().unwrap_or_else(PoisonError::into_inner);
            is_out || meters.of(call, self.endpoint).allows(at)
        };
        let mut record = self.shared.record.lock().unwrap_or_else(PoisonError::into_inner);
        record.count(call, at, !is_allowed);
        drop(record);
        let error = |kind| Err(Error::new(kind, "simulated").from_service(service));
        match (is_out, is_allowed) {
            (true, _) => error(ErrorKind::ServerError),
            (false, false) => error(ErrorKind::Throttled),
            (false, true) => Ok(()),
        }
    }

    async fn token(&self, call: Call, service: Service, name: impl Display) -> Result<Token, Error> {
        self.answer(call, service).await?;
        // The cache compares a rejected token with its own, so each has another text.
        let secret = Secret::new(format!("{name} {:?}", self.elapsed()));
        Ok(Token { secret, expires_in: LIFETIME })
    }
}

/// The state of all quotas.
#[derive(Debug)]
struct Meters {
    aws: Meter,
    /// Those of the endpoints.
    exchange: Vec<Meter>,
    impersonation: Meter,
}

impl Meters {
    fn new(scenario: &Scenario) -> Self {
        let meter = |quota| Meter::new(quota, scenario.phase);
        Self {
            aws: meter(scenario.aws_quota),
            exchange: (0..scenario.endpoints).map(|_| meter(scenario.exchange_quota)).collect(),
            impersonation: meter(scenario.impersonation_quota),
        }
    }

    fn of(&mut self, call: Call, endpoint: u8) -> &mut Meter {
        match call {
            Call::AssumeRole => &mut self.aws,
            Call::Exchange => &mut self.exchange[usize::from(endpoint)],
            Call::Impersonate => &mut self.impersonation,
        }
    }
}

impl TokenProvider for Clouds {
    async fn exchange(&self, _: &SubjectToken, _: &Scopes) -> Result<Token, Error> {
        self.token(Call::Exchange, Service::GoogleSts, "federated").await
    }

    async fn access_token(&self, _: &Secret, _: &Scopes) -> Result<Token, Error> {
        self.token(Call::Impersonate, Service::IamCredentials, "access").await
    }

    async fn id_token(&self, _: &Secret, _: &str) -> Result<Token, Error> {
        self.token(Call::Impersonate, Service::IamCredentials, "id").await
    }
}

impl Call {
    const fn cloud(self) -> Cloud {
        match self {
            Self::AssumeRole => Cloud::Aws,
            Self::Exchange | Self::Impersonate => Cloud::Google,
        }
    }
}
