//! The AWS session: `AssumeRoleWithWebIdentity` under a session policy that denies everything, so that the session can
//! prove who the pod is and do nothing else. Never another source of credentials, and never the node's.

use std::{
    fmt,
    time::{Duration, SystemTime},
};

use aws_credential_types::Credentials;
use aws_sdk_sts::{
    Client, Config,
    config::{
        AppName, BehaviorVersion, ConfigBag, IdentityCache, Intercept, Region, RuntimeComponents,
        SharedAsyncSleep, StalledStreamProtectionConfig,
        interceptors::BeforeDeserializationInterceptorContextRef, retry::RetryConfig, timeout::TimeoutConfig,
    },
    error::BoxError,
    operation::assume_role_with_web_identity::AssumeRoleWithWebIdentityOutput,
};
use aws_smithy_async::rt::sleep::TokioSleep;
use aws_smithy_runtime_api::client::http::http_client_fn;
use rolebridge_contract::aws::{DENY_ALL_SESSION_POLICY, public_sts_host};

use crate::{
    classify::classify,
    clock::Clock,
    fault::{Fault, Reason},
    http_client::connector,
    schedule::Life,
    settings::Identity,
    web_identity,
};

/// Seconds of a session: the most that every role allows.
const SESSION_SECONDS: i32 = 3600;
/// In the user agent, and so in the account's audit log.
const APP_NAME: &str = "rolebridge";
/// For a whole call.
const CALL_TIMEOUT: Duration = Duration::from_secs(15);

/// An AWS session. Its Debug redacts.
#[derive(Debug, Clone)]
pub struct Session {
    /// What is signed with.
    pub credentials: Credentials,
    /// From when to when.
    pub life: Life,
}

/// Where sessions come from.
pub trait AssumeRole {
    /// A new session.
    ///
    /// # Errors
    /// The [`Fault`] that stands in the way; nothing is retried here.
    fn assume_role(&self) -> impl Future<Output = Result<Session, Fault>>;
}

/// AWS STS.
#[derive(Debug)]
pub struct AwsSts {
    identity: Identity,
    clock: Clock,
    host: String,
}

impl AwsSts {
    /// AWS STS as `identity` says. Its answers correct `clock`.
    #[must_use]
    pub fn new(identity: Identity, clock: Clock) -> Self {
        let endpoint = identity.sts_endpoint.as_deref().and_then(|url| url.parse::<http::Uri>().ok());
        let host = endpoint.and_then(|url| Some(url.authority()?.to_string()));
        let host = host.unwrap_or_else(|| public_sts_host(&identity.region));
        Self { identity, clock, host }
    }

    /// For one call: see [`crate::http_client`].
    fn client(&self) -> Result<Client, Fault> {
        let connector = connector(&self.identity.connection)?;
        let mut config = Config::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::new(self.identity.region.clone()))
            .http_client(http_client_fn(move |_, _| connector.clone()))
            .sleep_impl(SharedAsyncSleep::new(TokioSleep::new()))
            // The schedule retries, and says why.
            .retry_config(RetryConfig::disabled())
            .timeout_config(TimeoutConfig::builder().operation_timeout(CALL_TIMEOUT).build())
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            .identity_cache(IdentityCache::no_cache())
            .interceptor(ObserveDate(self.clock.clone()));
        config.set_endpoint_url(self.identity.sts_endpoint.clone());
        config.set_app_name(AppName::new(APP_NAME).ok());
        Ok(Client::from_conf(config.build()))
    }

    fn session(&self, output: AssumeRoleWithWebIdentityOutput) -> Result<Session, Fault> {
        let unexpected = |what: &str| Fault::new(Reason::UnexpectedAnswer, format!("{}: {what}", self.host));
        let got = output.credentials.ok_or_else(|| unexpected("no credentials in it"))?;
        let expires = SystemTime::try_from(got.expiration);
        let expires = expires.map_err(|_| unexpected("no expiration in it"))?;
        let obtained = self.clock.now();
        if expires <= obtained {
            return Err(unexpected("credentials that have expired"));
        }
        let credentials = Credentials::new(
            got.access_key_id,
            got.secret_access_key,
            Some(got.session_token),
            Some(expires),
            "AssumeRoleWithWebIdentity",
        );
        Ok(Session { credentials, life: Life { obtained, expires } })
    }
}

impl AssumeRole for AwsSts {
    async fn assume_role(&self) -> Result<Session, Fault> {
        let token = web_identity::read(&self.identity.web_identity_file)?;
        let request = self
            .client()?
            .assume_role_with_web_identity()
            .role_arn(&self.identity.role.arn)
            .role_session_name(&self.identity.session_name)
            .web_identity_token(token.expose())
            .policy(DENY_ALL_SESSION_POLICY)
            .duration_seconds(SESSION_SECONDS);
        match request.send().await {
            Ok(output) => self.session(output),
            Err(error) => Err(classify(&error, &self.identity.role.arn, &self.host)),
        }
    }
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
