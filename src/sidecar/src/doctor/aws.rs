//! The steps at AWS, up to the subject token.

use std::time::Duration;

use rolebridge_core::aws::public_sts_host;
use rolebridge_core::diagnostics::{Evidence, Step};
use tokio::time::Instant;

use super::get_caller_identity::caller_arn;
use super::pod_checks::span;
use super::recorder::{Aborted, Recorder};
use crate::aws::sts::Session;
use crate::clock::Clock;
use crate::credential::{Credential, CredentialProvider, FetchCredential, Target};
use crate::error::{Error, ErrorKind, Failure, Service};
use crate::http::request::{Request, host, send};
use crate::jwt::{self, Claims};
use crate::settings::{
    AwsCredentials, AwsSettings, AwsSubjectToken, IdentitySettings, IdentitySource, Settings,
};
use crate::subject_token::SubjectToken;

/// The clock difference up to which AWS accepts a signature.
const SIGNATURE_TOLERANCE: Duration = Duration::from_mins(5);

/// The token that is presented to Google STS, and its known properties.
pub(super) struct PresentedToken {
    pub(super) token: SubjectToken,
    /// The subject by Google's default mapping.
    pub(super) subject: Option<String>,
    /// The issuer of a JSON web token.
    pub(super) issuer: Option<String>,
}

/// Returns the steps of an identity at AWS.
pub(super) const fn plan(identity: &IdentitySettings) -> &'static [Step] {
    match &identity.source {
        IdentitySource::Aws(aws) => match aws.subject_token {
            AwsSubjectToken::SignedRequest => &[Step::AwsSts, Step::Clock, Step::Role, Step::Signature],
            AwsSubjectToken::WebToken => &[Step::AwsSts, Step::Clock, Step::Role, Step::WebToken],
        },
        IdentitySource::Kubernetes { .. } => &[],
    }
}

/// Runs the steps from the projected token to the subject token.
pub(super) async fn obtain_subject_token(
    settings: &Settings,
    clock: &Clock,
    recorder: &mut Recorder<'_>,
) -> Result<PresentedToken, Aborted> {
    let identity = &settings.identity;
    let provider = CredentialProvider::new(identity.clone(), clock.clone());
    let IdentitySource::Aws(aws) = &identity.source else {
        let step = Step::ProjectedToken;
        let credential = provider.provide().await;
        let credential = credential.map_err(|error| recorder.abort(step, &error, Evidence::default()))?;
        return present(&credential, identity, clock, step, recorder);
    };
    let reached = reach_sts(settings, aws, clock, recorder).await?;
    let session = session(&provider, aws, recorder).await?;
    match aws.subject_token {
        AwsSubjectToken::WebToken => web_token(&provider, aws, session, settings, clock, recorder).await,
        AwsSubjectToken::SignedRequest => {
            let credential = Credential::Session(session);
            let presented = present(&credential, identity, clock, Step::Signature, recorder)?;
            if reached {
                return verify_signature(presented, aws, settings, recorder).await;
            }
            recorder.skip(Step::Signature, Step::AwsSts);
            Ok(presented)
        }
    }
}

/// Connects to AWS STS and compares the clocks. Returns true if AWS STS can be reached.
///
/// A pod with a session from EKS Pod Identity does not need AWS STS, because Google sends the signed request.
async fn reach_sts(
    settings: &Settings,
    aws: &AwsSettings,
    clock: &Clock,
    recorder: &mut Recorder<'_>,
) -> Result<bool, Aborted> {
    let url = aws.sts_endpoint.clone();
    let url = url.unwrap_or_else(|| format!("https://{}", public_sts_host(&aws.region)));
    let request =
        Request { service: Service::AwsSts, method: "GET", url: &url, headers: &[], body: String::new() };
    let evidence =
        Evidence { host: Some(host(&url)), region: Some(aws.region.clone()), ..Evidence::default() };
    let start = Instant::now();
    let response = match send(&settings.identity.connection, request).await {
        Ok(response) => response,
        Err(error) if is_sts_optional(aws) => {
            recorder.warn_of_error(Step::AwsSts, &error, evidence);
            recorder.skip(Step::Clock, Step::AwsSts);
            return Ok(false);
        }
        Err(error) => return Err(recorder.abort(Step::AwsSts, &error, evidence)),
    };
    let elapsed = start.elapsed().as_millis();
    recorder.ok(Step::AwsSts, format!("{} responded within {elapsed} ms", response.host), evidence);
    response.correct_clock(clock);
    compare_clocks(settings, clock.offset(), recorder);
    Ok(true)
}

const fn is_sts_optional(aws: &AwsSettings) -> bool {
    matches!(
        (aws.subject_token, &aws.credentials),
        (AwsSubjectToken::SignedRequest, AwsCredentials::PodIdentity(_))
    )
}

fn compare_clocks(settings: &Settings, offset: i64, recorder: &mut Recorder<'_>) {
    let evidence = Evidence { clock_offset: Some(offset), ..Evidence::default() };
    if offset == 0 {
        let message = "the node's clock agrees with AWS's to within a minute".to_owned();
        recorder.ok(Step::Clock, message, evidence);
        return;
    }
    let difference = Duration::from_secs(offset.unsigned_abs());
    let direction = if offset > 0 { "behind" } else { "ahead of" };
    let found = format!("the node's clock is {} {direction} AWS's", span(difference));
    let serves_imds = settings.server.is_some_and(|server| server.protocols.imds);
    if serves_imds && difference >= SIGNATURE_TOLERANCE {
        let failure = Failure {
            message: format!(
                "{found}; with the source loopback, the app's library signs with the node's clock and AWS rejects the \
                 signature"
            ),
            remediation: Some(
                "set the node's clock (chrony), or use the source file or metadata, which sign with AWS's time"
                    .to_owned(),
            ),
        };
        recorder.fail_with(Step::Clock, failure, evidence);
    } else {
        let warning = Failure {
            message: format!("{found}; the sidecar signs with AWS's time"),
            remediation: Some("set the node's clock (chrony)".to_owned()),
        };
        recorder.warn(Step::Clock, warning, evidence);
    }
}

async fn session(
    provider: &CredentialProvider,
    aws: &AwsSettings,
    recorder: &mut Recorder<'_>,
) -> Result<Session, Aborted> {
    let mut evidence = role_evidence(aws);
    match provider.session(aws).await {
        Ok(session) => {
            let lifetime = session.lifetime.total();
            evidence.expires_in_seconds = Some(lifetime.as_secs());
            let origin = match &aws.credentials {
                AwsCredentials::WebIdentity(role) => format!("{} as {}", role.role, role.session_name),
                AwsCredentials::PodIdentity(_) => "EKS Pod Identity".to_owned(),
            };
            let message = format!("{origin}: session expires in {}", span(lifetime));
            recorder.ok(Step::Role, message, evidence);
            Ok(session)
        }
        Err(error) => Err(recorder.abort(Step::Role, &error, evidence)),
    }
}

/// Returns the evidence of the role's steps.
fn role_evidence(aws: &AwsSettings) -> Evidence {
    let (role, session_name) = match &aws.credentials {
        AwsCredentials::WebIdentity(identity) => {
            (Some(identity.role.to_string()), Some(identity.session_name.clone()))
        }
        AwsCredentials::PodIdentity(_) => (None, None),
    };
    Evidence { role, session_name, region: Some(aws.region.clone()), ..Evidence::default() }
}

async fn web_token(
    provider: &CredentialProvider,
    aws: &AwsSettings,
    session: Session,
    settings: &Settings,
    clock: &Clock,
    recorder: &mut Recorder<'_>,
) -> Result<PresentedToken, Aborted> {
    let credential = provider.credential_of_session(aws, session).await;
    let credential =
        credential.map_err(|error| recorder.abort(Step::WebToken, &error, role_evidence(aws)))?;
    let presented = present(&credential, &settings.identity, clock, Step::WebToken, recorder)?;
    let (issuer, subject) = (presented.issuer.clone(), presented.subject.clone());
    let message = format!(
        "issuer {}, subject {}, expires in {}",
        issuer.as_deref().unwrap_or("none"),
        subject.as_deref().unwrap_or("none"),
        span(credential.lifetime().total())
    );
    let evidence = Evidence { issuer, subject, ..role_evidence(aws) };
    recorder.ok(Step::WebToken, message, evidence);
    Ok(presented)
}

/// Sends the signed request to AWS, as Google will.
async fn verify_signature(
    presented: PresentedToken,
    aws: &AwsSettings,
    settings: &Settings,
    recorder: &mut Recorder<'_>,
) -> Result<PresentedToken, Aborted> {
    let (endpoint, connection) = (aws.sts_endpoint.as_deref(), &settings.identity.connection);
    match caller_arn(&presented.token, endpoint, connection).await {
        Ok(caller) => {
            let evidence = Evidence { caller: Some(caller.clone()), ..role_evidence(aws) };
            recorder.ok(Step::Signature, format!("accepted by AWS as {caller}"), evidence);
            Ok(PresentedToken { subject: Some(caller), ..presented })
        }
        Err(error) => Err(recorder.abort(Step::Signature, &error, role_evidence(aws))),
    }
}

/// Makes the subject token of a credential.
fn present(
    credential: &Credential,
    identity: &IdentitySettings,
    clock: &Clock,
    step: Step,
    recorder: &mut Recorder<'_>,
) -> Result<PresentedToken, Aborted> {
    match credential.subject_token(&Target::new(identity), clock.now()) {
        Ok(token) => {
            let Claims { issuer, subject, .. } = jwt::claims(token.expose()).unwrap_or_default();
            Ok(PresentedToken { token, subject, issuer })
        }
        Err(error) => {
            let error = Error::new(ErrorKind::SigningFailed, error.to_string());
            Err(recorder.abort(step, &error, Evidence::default()))
        }
    }
}
