//! The client for AWS STS: `AssumeRoleWithWebIdentity` and `GetWebIdentityToken`.
//!
//! A session policy denies everything that is not needed to prove the pod's identity. `GetWebIdentityToken` issues that
//! proof as a JSON web token.

use std::fmt;
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sdk_sts::config::interceptors::BeforeDeserializationInterceptorContextRef;
use aws_sdk_sts::config::retry::RetryConfig;
use aws_sdk_sts::config::timeout::TimeoutConfig;
use aws_sdk_sts::config::{
    AppName, BehaviorVersion, ConfigBag, IdentityCache, Intercept, Region, RuntimeComponents,
    SharedAsyncSleep, SharedCredentialsProvider, StalledStreamProtectionConfig,
};
use aws_sdk_sts::error::BoxError;
use aws_sdk_sts::operation::assume_role_with_web_identity::AssumeRoleWithWebIdentityOutput;
use aws_sdk_sts::{Client, Config};
use aws_smithy_async::rt::sleep::TokioSleep;
use aws_smithy_runtime_api::client::http::http_client_fn;
use rolebridge_core::aws::public_sts_host;

use super::error::{Operation, classify};
use crate::clock::{Clock, TOLERANCE};
use crate::error::{Error, ErrorKind};
use crate::http::connector::connector;
use crate::http::deadline::call_with_deadline;
use crate::http::request::host;
use crate::schedule::Lifetime;
use crate::settings::{AwsSettings, Connection, WebIdentity};
use crate::subject_token::SubjectToken;
use crate::{jwt, projected_token};

/// The duration of a session: the maximum that every role allows.
const SESSION_SECONDS: i32 = 3600;
/// Maximum lifetime of a JSON web token.
const MAX_TOKEN_SECONDS: i32 = 3600;
/// The time by which a JSON web token expires before its session.
const TOKEN_MARGIN: Duration = TOLERANCE.saturating_add(Duration::from_secs(30));
/// The application's name in the user agent, and so in the account's audit log.
const APP_NAME: &str = "rolebridge";

/// An AWS session. Its `Debug` redacts.
#[derive(Debug, Clone)]
pub struct Session {
    /// The credentials that sign.
    pub credentials: Credentials,
    /// The lifetime.
    pub lifetime: Lifetime,
}

impl Session {
    /// Creates a session from a response. Returns `None` if a key or the token has a character that no header may have:
    /// the SDK panics when it signs with such values.
    pub(crate) fn new(
        [access_key_id, secret_access_key, token]: [String; 3],
        lifetime: Lifetime,
        provider: &'static str,
    ) -> Option<Self> {
        let is_valid = |text: &String| text.bytes().all(|byte| byte.is_ascii_graphic());
        if ![&access_key_id, &secret_access_key, &token].into_iter().all(is_valid) {
            return None;
        }
        let expires = Some(lifetime.expires);
        let credentials = Credentials::new(access_key_id, secret_access_key, Some(token), expires, provider);
        Some(Self { credentials, lifetime })
    }
}

/// A client for AWS STS.
#[derive(Debug)]
pub struct StsClient {
    region: String,
    endpoint: Option<String>,
    connection: Connection,
    clock: Clock,
    host: String,
}

impl StsClient {
    /// Creates a client. Its responses correct `clock`.
    #[must_use]
    pub fn new(aws: &AwsSettings, connection: Connection, clock: Clock) -> Self {
        let AwsSettings { region, sts_endpoint: endpoint, .. } = aws.clone();
        let host = endpoint.as_deref().map_or_else(|| public_sts_host(&region), host);
        Self { region, endpoint, connection, clock, host }
    }

    /// Returns the SDK's client for one call: see [`crate::http::connector`].
    fn client(&self, credentials: Option<Credentials>) -> Result<Client, Error> {
        let connector = connector(&self.connection)?;
        let mut config = Config::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::new(self.region.clone()))
            .http_client(http_client_fn(move |_, _| connector.clone()))
            .sleep_impl(SharedAsyncSleep::new(TokioSleep::new()))
            .time_source(self.clock.clone())
            // The schedule retries and logs each error.
            .retry_config(RetryConfig::disabled())
            // `call_with_deadline` limits each call.
            .timeout_config(TimeoutConfig::disabled())
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            .identity_cache(IdentityCache::no_cache())
            .interceptor(ObserveDate(self.clock.clone()));
        config.set_credentials_provider(credentials.map(SharedCredentialsProvider::new));
        config.set_endpoint_url(self.endpoint.clone());
        config.set_app_name(AppName::new(APP_NAME).ok());
        Ok(Client::from_conf(config.build()))
    }

    /// Requests a session of `role`, limited by `policy`.
    ///
    /// # Errors
    /// Returns an error if the call fails. It is not retried here.
    pub async fn assume_role(&self, role: &WebIdentity, policy: &str) -> Result<Session, Error> {
        let token = projected_token::read(&role.token_file)?;
        let request = self
            .client(None)?
            .assume_role_with_web_identity()
            .role_arn(role.role.as_str())
            .role_session_name(&role.session_name)
            .web_identity_token(token.expose())
            .policy(policy)
            .duration_seconds(SESSION_SECONDS);
        match call_with_deadline(&self.host, request.send()).await? {
            Ok(output) => self.session(output),
            Err(error) => Err(classify(&error, Operation::AssumeRole(role.role.as_str()), &self.host)),
        }
    }

    /// Requests a JSON web token of the session's role for `audience`.
    ///
    /// # Errors
    /// Returns an error if the call fails. It is not retried here.
    pub async fn get_web_identity_token(
        &self,
        session: &Session,
        audience: &str,
    ) -> Result<(SubjectToken, Lifetime), Error> {
        let request = self
            .client(Some(session.credentials.clone()))?
            .get_web_identity_token()
            .audience(audience)
            // The only algorithm of AWS that Google accepts.
            .signing_algorithm("RS256")
            .duration_seconds(token_seconds(session, self.clock.now()));
        let output = call_with_deadline(&self.host, request.send()).await?;
        let operation = Operation::GetWebIdentityToken(audience);
        let output = output.map_err(|error| classify(&error, operation, &self.host))?;
        let token = output.web_identity_token().filter(|token| jwt::is_well_formed(token));
        let token = token.ok_or_else(|| self.unexpected("no JSON web token in the response"))?;
        let expires = output.expiration().and_then(|expires| SystemTime::try_from(*expires).ok());
        let lifetime = self.lifetime(expires)?;
        Ok((SubjectToken::new(token), lifetime))
    }

    fn unexpected(&self, problem: &str) -> Error {
        Error::new(ErrorKind::UnexpectedResponse, format!("{}: {problem}", self.host))
    }

    fn lifetime(&self, expires: Option<SystemTime>) -> Result<Lifetime, Error> {
        let expires = expires.ok_or_else(|| self.unexpected("no expiration in the response"))?;
        let obtained = self.clock.now();
        if expires <= obtained {
            return Err(self.unexpected("the expiration in the response is in the past"));
        }
        Ok(Lifetime { obtained, expires })
    }

    fn session(&self, output: AssumeRoleWithWebIdentityOutput) -> Result<Session, Error> {
        let output = output.credentials.ok_or_else(|| self.unexpected("no credentials in the response"))?;
        let lifetime = self.lifetime(SystemTime::try_from(output.expiration).ok())?;
        let keys = [output.access_key_id, output.secret_access_key, output.session_token];
        let session = Session::new(keys, lifetime, "AssumeRoleWithWebIdentity");
        session.ok_or_else(|| self.unexpected("the credentials in the response are invalid"))
    }
}

/// Returns the lifetime to request for a JSON web token. AWS issues no token that outlives its session, and the clock is
/// accurate to a minute only.
fn token_seconds(session: &Session, now: SystemTime) -> i32 {
    let remaining = session.lifetime.expires.duration_since(now).unwrap_or_default();
    let seconds = remaining.saturating_sub(TOKEN_MARGIN).as_secs();
    i32::try_from(seconds).unwrap_or(MAX_TOKEN_SECONDS).clamp(60, MAX_TOKEN_SECONDS)
}

/// Reads AWS's clock from each response, error responses too: a wrong local clock may be the cause of the error.
struct ObserveDate(Clock);

impl fmt::Debug for ObserveDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ObserveDate")
    }
}

impl Intercept for ObserveDate {
    fn name(&self) -> &'static str {
        "ObserveDate"
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if let Some(date) = context.response().headers().get("date") {
            self.0.observe(date);
        }
        Ok(())
    }
}
