//! AWS STS: `AssumeRoleWithWebIdentity` under a session policy that leaves the session nothing but to prove who the pod
//! is, and `GetWebIdentityToken`, which makes that proof a JSON web token.

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

use crate::call::{CALL_TIMEOUT, host};
use crate::classify::{Operation, classify};
use crate::clock::{Clock, TOLERANCE};
use crate::fault::{Fault, Reason};
use crate::http_client::connector;
use crate::schedule::Life;
use crate::settings::{Aws, Connection, WebIdentity};
use crate::subject_token::SubjectToken;
use crate::{json_web_token, web_identity};

/// Seconds of a session: the most that every role allows.
const SESSION_SECONDS: i32 = 3600;
/// Seconds of a JSON web token at most.
const MOST_TOKEN_SECONDS: i32 = 3600;
/// What a JSON web token lives less than its session.
const SLACK: Duration = TOLERANCE.saturating_add(Duration::from_secs(30));
/// In the user agent, and so in the account's audit log.
const APP_NAME: &str = "rolebridge";

/// An AWS session. Its Debug redacts.
#[derive(Debug, Clone)]
pub struct Session {
    /// What is signed with.
    pub credentials: Credentials,
    /// From when to when.
    pub life: Life,
}

/// AWS STS.
#[derive(Debug)]
pub struct AwsSts {
    region: String,
    endpoint: Option<String>,
    connection: Connection,
    clock: Clock,
    host: String,
}

impl AwsSts {
    /// AWS STS as `aws` says. Its answers correct `clock`.
    #[must_use]
    pub fn new(aws: &Aws, connection: Connection, clock: Clock) -> Self {
        let Aws { region, sts_endpoint: endpoint, .. } = aws.clone();
        let host = endpoint.as_deref().map_or_else(|| public_sts_host(&region), host);
        Self { region, endpoint, connection, clock, host }
    }

    /// For one call: see [`crate::http_client`].
    fn client(&self, credentials: Option<Credentials>) -> Result<Client, Fault> {
        let connector = connector(&self.connection)?;
        let mut config = Config::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::new(self.region.clone()))
            .http_client(http_client_fn(move |_, _| connector.clone()))
            .sleep_impl(SharedAsyncSleep::new(TokioSleep::new()))
            .time_source(self.clock.clone())
            // The schedule retries, and says why.
            .retry_config(RetryConfig::disabled())
            .timeout_config(TimeoutConfig::builder().operation_timeout(CALL_TIMEOUT).build())
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            .identity_cache(IdentityCache::no_cache())
            .interceptor(ObserveDate(self.clock.clone()));
        config.set_credentials_provider(credentials.map(SharedCredentialsProvider::new));
        config.set_endpoint_url(self.endpoint.clone());
        config.set_app_name(AppName::new(APP_NAME).ok());
        Ok(Client::from_conf(config.build()))
    }

    /// A session of `role` under `policy`.
    ///
    /// # Errors
    /// The [`Fault`] that stands in the way; nothing is retried here.
    pub async fn assume_role(&self, role: &WebIdentity, policy: &str) -> Result<Session, Fault> {
        let token = web_identity::read(&role.token_file)?;
        let request = self
            .client(None)?
            .assume_role_with_web_identity()
            .role_arn(role.role.as_str())
            .role_session_name(&role.session_name)
            .web_identity_token(token.expose())
            .policy(policy)
            .duration_seconds(SESSION_SECONDS);
        match request.send().await {
            Ok(output) => self.session(output),
            Err(error) => Err(classify(&error, Operation::AssumeRole(role.role.as_str()), &self.host)),
        }
    }

    /// A JSON web token of the session's role for `audience`.
    ///
    /// # Errors
    /// As [`AwsSts::assume_role`].
    pub async fn web_token(&self, session: &Session, audience: &str) -> Result<(SubjectToken, Life), Fault> {
        let request = self
            .client(Some(session.credentials.clone()))?
            .get_web_identity_token()
            .audience(audience)
            // Google takes no other that AWS has.
            .signing_algorithm("RS256")
            .duration_seconds(token_seconds(session, self.clock.now()));
        let output = request.send().await;
        let output =
            output.map_err(|error| classify(&error, Operation::GetWebToken(audience), &self.host))?;
        let token = output.web_identity_token().filter(|token| json_web_token::is_one(token));
        let token = token.ok_or_else(|| self.unexpected("no JSON web token in it"))?;
        let expires = output.expiration().and_then(|expires| SystemTime::try_from(*expires).ok());
        let life = self.life(expires)?;
        Ok((SubjectToken::new(token), life))
    }

    fn unexpected(&self, what: &str) -> Fault {
        Fault::new(Reason::UnexpectedAnswer, format!("{}: {what}", self.host))
    }

    fn life(&self, expires: Option<SystemTime>) -> Result<Life, Fault> {
        let expires = expires.ok_or_else(|| self.unexpected("no expiration in it"))?;
        let obtained = self.clock.now();
        if expires <= obtained {
            return Err(self.unexpected("what is in it has expired"));
        }
        Ok(Life { obtained, expires })
    }

    fn session(&self, output: AssumeRoleWithWebIdentityOutput) -> Result<Session, Fault> {
        let got = output.credentials.ok_or_else(|| self.unexpected("no credentials in it"))?;
        let life = self.life(SystemTime::try_from(got.expiration).ok())?;
        let credentials = Credentials::new(
            got.access_key_id,
            got.secret_access_key,
            Some(got.session_token),
            Some(life.expires),
            "AssumeRoleWithWebIdentity",
        );
        Ok(Session { credentials, life })
    }
}

/// AWS gives no token that outlives its session, and the clock is right to a minute only.
fn token_seconds(session: &Session, now: SystemTime) -> i32 {
    let left = session.life.expires.duration_since(now).unwrap_or_default().saturating_sub(SLACK);
    i32::try_from(left.as_secs()).unwrap_or(MOST_TOKEN_SECONDS).clamp(60, MOST_TOKEN_SECONDS)
}

/// Reads AWS's clock from every answer, refusals too: a wrong clock may be why it refused.
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
