//! The clouds: they accept and issue only what the real ones would, by the correct time.

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;
use tokio::time::sleep;

use super::scenario::Fault;
use super::{Kind, MONDAY, World};
use crate::aws::sts::Session;
use crate::credential::{Credential, FetchCredential};
use crate::error::{Error, ErrorKind, Service};
use crate::google::{Token, TokenProvider};
use crate::schedule::Lifetime;
use crate::scopes::Scopes;
use crate::secret::Secret;
use crate::status_file::unix_seconds;
use crate::subject_token::{SignedRequest, SubjectToken};

pub(super) const AUDIENCE: &str =
    "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/pool/providers/prod";
const HOUR: Duration = Duration::from_hours(1);
const LATENCY: Duration = Duration::from_millis(80);
/// The client's time limit of a call.
const CALL_TIMEOUT: Duration = Duration::from_secs(15);
/// The age up to which AWS accepts a signature in any case.
const MAX_SIGNATURE_AGE: Duration = Duration::from_mins(5);
/// The age at which the kubelet replaces a token that is valid for an hour.
const ROTATION: Duration = Duration::from_mins(48);

/// Waits as long as a call with that fault takes. Returns the kind of error, and whether there was a response.
async fn meet(fault: Option<Fault>, at: Duration, denial: ErrorKind) -> Result<(), (ErrorKind, bool)> {
    let latency = match fault {
        Some(Fault::Slow) => Duration::from_secs(3 + at.as_secs() % 17),
        _ => LATENCY,
    };
    sleep(latency.min(CALL_TIMEOUT)).await;
    match fault {
        None => Ok(()),
        Some(Fault::Slow) if latency < CALL_TIMEOUT => Ok(()),
        Some(Fault::Slow) => Err((ErrorKind::Timeout, false)),
        Some(Fault::Tear) => Err((ErrorKind::Connect, false)),
        Some(Fault::Deny) => Err((denial, true)),
        Some(Fault::Throttle) => Err((ErrorKind::Throttled, true)),
        Some(Fault::ServerError) => Err((ErrorKind::ServerError, true)),
    }
}

/// AWS STS, or the kubelet for the identity `kubernetes`.
#[derive(Debug)]
pub(super) struct SimulatedAws(pub(super) World);

impl FetchCredential for SimulatedAws {
    async fn provide(&self) -> Result<Credential, Error> {
        let Self(world) = self;
        let at = world.elapsed();
        if world.day.kind == Kind::Kubernetes {
            return projected_token(world, at);
        }
        let met = meet(world.scenario.aws.at(at), at, ErrorKind::AccessDenied).await;
        if !matches!(met, Err((_, false))) {
            world.clock.observe(&httpdate::fmt_http_date(world.now()));
        }
        let result = met.map_err(|(kind, _)| Error::new(kind, "simulated"));
        world.calls.record("AWS", at, result.as_ref().err(), Duration::ZERO);
        result?;
        let lifetime = Lifetime { obtained: world.clock.now(), expires: world.now() + HOUR };
        Ok(match world.day.kind {
            Kind::AwsRole => {
                let token = format!("session until {}", unix_seconds(lifetime.expires));
                let credentials =
                    Credentials::new("ASIA", "secret", Some(token), Some(lifetime.expires), "simulated");
                Credential::Session(Session { credentials, lifetime })
            }
            _ => Credential::Token(subject_token(lifetime.expires), lifetime),
        })
    }
}

/// Reads the kubelet's token, as [`crate::credential`] does. A fault of the kubelet is an unreadable file.
fn projected_token(world: &World, at: Duration) -> Result<Credential, Error> {
    if world.scenario.aws.at(at).is_some() {
        return Err(Error::new(ErrorKind::TokenUnreadable, "simulated"));
    }
    let written = ROTATION * u32::try_from(at.as_secs() / ROTATION.as_secs()).unwrap();
    let lifetime =
        Lifetime { obtained: world.clock.now(), expires: SystemTime::UNIX_EPOCH + MONDAY + written + HOUR };
    Ok(Credential::Token(subject_token(lifetime.expires), lifetime))
}

fn subject_token(expires: SystemTime) -> SubjectToken {
    SubjectToken::new(format!("token until {}", unix_seconds(expires)))
}

/// Returns the time until which a text says that it is valid.
pub(super) fn until(text: &str) -> Option<SystemTime> {
    let (_, seconds) = text.rsplit_once("until ")?;
    Some(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds.parse().ok()?))
}

/// Returns the kind of Google's error if it does not accept the subject token.
pub(super) fn subject_error(token: &str, now: SystemTime) -> Option<ErrorKind> {
    let Some(signed) = SignedRequest::decode(token) else {
        return (until(token)? <= now).then_some(ErrorKind::SubjectRejected);
    };
    let header =
        |name: &str| signed.headers.iter().find(|header| header.key == name).map(|header| &header.value);
    let date = header("x-amz-date").and_then(|date| {
        let (date, time) = date.split_once('T')?;
        let (year, month, day) = (&date[..4], &date[4..6], &date[6..]);
        let text = format!("{year}-{month}-{day}T{}:{}:{}Z", &time[..2], &time[2..4], &time[4..6]);
        SystemTime::try_from(DateTime::from_str(&text, Format::DateTime).ok()?).ok()
    });
    let (date, session) = (date.unwrap(), until(header("x-amz-security-token").unwrap()).unwrap());
    if date > now + MAX_SIGNATURE_AGE {
        Some(ErrorKind::SubjectRejected)
    } else if session <= now || now > date + MAX_SIGNATURE_AGE {
        Some(ErrorKind::SubjectUnverified)
    } else {
        None
    }
}

/// Google STS and the IAM Credentials API.
#[derive(Debug)]
pub(super) struct SimulatedGoogle(pub(super) World);

impl SimulatedGoogle {
    async fn respond(
        &self,
        call: String,
        service: Service,
        denial: ErrorKind,
        min_interval: Duration,
        rejection: Option<ErrorKind>,
    ) -> Result<Token, Error> {
        let Self(world) = self;
        let at = world.elapsed();
        let result = meet(world.scenario.google.at(at), at, denial).await.map_err(|(kind, _)| kind);
        let result = result.and_then(|()| rejection.map_or(Ok(()), Err));
        let result = result.map_err(|kind| Error::new(kind, "simulated").from_service(service));
        world.calls.record(&call, at, result.as_ref().err(), min_interval);
        result?;
        let until = unix_seconds(world.now() + HOUR);
        Ok(Token { secret: Secret::new(format!("{call} until {until}")), expires_in: HOUR })
    }

    fn federated_error(&self, federated: &Secret) -> Option<ErrorKind> {
        (until(federated.expose())? <= self.0.now()).then_some(ErrorKind::FederatedRejected)
    }
}

impl TokenProvider for SimulatedGoogle {
    async fn exchange(&self, subject: &SubjectToken, scopes: &Scopes) -> Result<Token, Error> {
        let rejection = subject_error(subject.expose(), self.0.now());
        let (service, denial) = (Service::GoogleSts, ErrorKind::ConditionRejected);
        self.respond(format!("exchange {scopes}"), service, denial, HOUR.mul_f64(0.3), rejection).await
    }

    async fn access_token(&self, federated: &Secret, scopes: &Scopes) -> Result<Token, Error> {
        let rejection = self.federated_error(federated);
        let (service, denial) = (Service::IamCredentials, ErrorKind::ImpersonationDenied);
        self.respond(format!("access {scopes}"), service, denial, HOUR.mul_f64(0.3), rejection).await
    }

    async fn id_token(&self, federated: &Secret, audience: &str) -> Result<Token, Error> {
        let rejection = self.federated_error(federated);
        let (service, denial) = (Service::IamCredentials, ErrorKind::ImpersonationDenied);
        self.respond(format!("id {audience}"), service, denial, Duration::from_secs(10), rejection).await
    }
}
