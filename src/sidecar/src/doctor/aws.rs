//! The hops at AWS, up to the subject token.

use std::time::Duration;

use rolebridge_core::aws::public_sts_host;
use rolebridge_core::diagnostics::{Evidence, Step};
use tokio::time::Instant;

use super::caller;
use super::local::span;
use super::walk::{Stopped, Walk};
use crate::call::{Request, call, host};
use crate::clock::Clock;
use crate::credentials::Session;
use crate::fault::{Fault, Peer, Reason};
use crate::json_web_token::{self, Claims};
use crate::proof::{Proof, Prove, Prover, Target};
use crate::settings::{Aws, AwsCredentials, AwsProof, Identity, Proof as Setting, Settings};
use crate::subject_token::SubjectToken;

/// AWS takes a signature that is this old or early.
const SIGNATURE_TOLERANCE: Duration = Duration::from_mins(5);

/// What is shown to Google STS, and what is known of it.
pub(super) struct Shown {
    pub(super) token: SubjectToken,
    /// Whom it stands for by Google's own mapping.
    pub(super) subject: Option<String>,
    /// Who signed a JSON web token.
    pub(super) issuer: Option<String>,
}

/// Its hops.
pub(super) const fn plan(identity: &Identity) -> &'static [Step] {
    match &identity.proof {
        Setting::Aws(aws) => match aws.proof {
            AwsProof::SignedRequest => &[Step::AwsSts, Step::Clock, Step::Role, Step::Signature],
            AwsProof::WebToken => &[Step::AwsSts, Step::Clock, Step::Role, Step::WebToken],
        },
        Setting::Kubernetes { .. } => &[],
    }
}

/// From the projected token to the subject token.
pub(super) async fn shown(settings: &Settings, clock: &Clock, walk: &mut Walk<'_>) -> Result<Shown, Stopped> {
    let identity = &settings.identity;
    let prover = Prover::new(identity.clone(), clock.clone());
    let Setting::Aws(aws) = &identity.proof else {
        let proof = prover.prove().await;
        let proof = proof.map_err(|fault| walk.stop(Step::ProjectedToken, &fault, Evidence::default()))?;
        return subject_token(&proof, identity, clock, Step::ProjectedToken, walk);
    };
    let reached = reach(settings, aws, clock, walk).await?;
    let session = session(&prover, aws, walk).await?;
    match aws.proof {
        AwsProof::WebToken => web_token(&prover, aws, session, settings, clock, walk).await,
        AwsProof::SignedRequest => {
            let proof = Proof::Session(session);
            let shown = subject_token(&proof, identity, clock, Step::Signature, walk)?;
            if reached {
                return signature(shown, aws, settings, walk).await;
            }
            walk.skip(Step::Signature, Step::AwsSts);
            Ok(shown)
        }
    }
}

/// What time it is at AWS STS, if there is a way to it; whether there is.
///
/// A pod whose session comes from EKS Pod Identity needs none to prove its role: Google posts what is signed.
async fn reach(settings: &Settings, aws: &Aws, clock: &Clock, walk: &mut Walk<'_>) -> Result<bool, Stopped> {
    let url = aws.sts_endpoint.clone();
    let url = url.unwrap_or_else(|| format!("https://{}", public_sts_host(&aws.region)));
    let request = Request { peer: Peer::AwsSts, method: "GET", url: &url, headers: &[], body: String::new() };
    let evidence =
        Evidence { host: Some(host(&url)), region: Some(aws.region.clone()), ..Evidence::default() };
    let asked = Instant::now();
    let answer = match call(&settings.identity.connection, request).await {
        Ok(answer) => answer,
        Err(fault) if is_needless(aws) => {
            walk.warn_of(Step::AwsSts, &fault, evidence);
            walk.skip(Step::Clock, Step::AwsSts);
            return Ok(false);
        }
        Err(fault) => return Err(walk.stop(Step::AwsSts, &fault, evidence)),
    };
    let took = asked.elapsed().as_millis();
    walk.ok(Step::AwsSts, format!("{} answers within {took} ms", answer.host), evidence);
    answer.correct(clock);
    compare(settings, clock.offset(), walk);
    Ok(true)
}

const fn is_needless(aws: &Aws) -> bool {
    matches!((aws.proof, &aws.credentials), (AwsProof::SignedRequest, AwsCredentials::PodIdentity(_)))
}

fn compare(settings: &Settings, offset: i64, walk: &mut Walk<'_>) {
    let evidence = Evidence { clock_offset: Some(offset), ..Evidence::default() };
    if offset == 0 {
        walk.ok(Step::Clock, "the node's agrees with AWS's to a minute".to_owned(), evidence);
        return;
    }
    let by = Duration::from_secs(offset.unsigned_abs());
    let way = if offset > 0 { "behind" } else { "ahead of" };
    let found = format!("the node's is {} {way} AWS's", span(by));
    let serves = settings.local.is_some_and(|local| local.serve.loopback);
    if serves && by >= SIGNATURE_TOLERANCE {
        let message = format!(
            "{found}, and with the source loopback the app's library signs by it: AWS refuses such a signature. To \
             mend: set the node's clock (chrony), or use the source file or metadata, which sign by AWS's"
        );
        walk.failed(Step::Clock, message, evidence);
    } else {
        let message = format!("{found}; the sidecar signs by AWS's. To mend: set the node's clock (chrony)");
        walk.warn(Step::Clock, message, evidence);
    }
}

async fn session(prover: &Prover, aws: &Aws, walk: &mut Walk<'_>) -> Result<Session, Stopped> {
    let mut evidence = of(aws);
    match prover.session(aws).await {
        Ok(session) => {
            let lives = session.life.expires.duration_since(session.life.obtained).unwrap_or_default();
            evidence.expires_in_seconds = Some(lives.as_secs());
            let from = match &aws.credentials {
                AwsCredentials::WebIdentity(role) => {
                    format!("{} as {}: the session", role.role, role.session_name)
                }
                AwsCredentials::PodIdentity(_) => "EKS Pod Identity's session".to_owned(),
            };
            walk.ok(Step::Role, format!("{from} lives {}", span(lives)), evidence);
            Ok(session)
        }
        Err(fault) => Err(walk.stop(Step::Role, &fault, evidence)),
    }
}

/// What the hops at AWS are about.
fn of(aws: &Aws) -> Evidence {
    let (role, session_name) = match &aws.credentials {
        AwsCredentials::WebIdentity(identity) => {
            (Some(identity.role.to_string()), Some(identity.session_name.clone()))
        }
        AwsCredentials::PodIdentity(_) => (None, None),
    };
    Evidence { role, session_name, region: Some(aws.region.clone()), ..Evidence::default() }
}

async fn web_token(
    prover: &Prover,
    aws: &Aws,
    session: Session,
    settings: &Settings,
    clock: &Clock,
    walk: &mut Walk<'_>,
) -> Result<Shown, Stopped> {
    let proof = prover.by_session(aws, session).await;
    let proof = proof.map_err(|fault| walk.stop(Step::WebToken, &fault, of(aws)))?;
    let shown = subject_token(&proof, &settings.identity, clock, Step::WebToken, walk)?;
    let life = proof.life();
    let lives = life.expires.duration_since(life.obtained).unwrap_or_default();
    let (issuer, subject) = (shown.issuer.clone(), shown.subject.clone());
    let message = format!(
        "of {}, names {}, lives {}",
        issuer.as_deref().unwrap_or("nobody"),
        subject.as_deref().unwrap_or("nobody"),
        span(lives)
    );
    let evidence = Evidence { issuer, subject, ..of(aws) };
    walk.ok(Step::WebToken, message, evidence);
    Ok(shown)
}

/// AWS is asked what Google will ask it.
async fn signature(
    shown: Shown,
    aws: &Aws,
    settings: &Settings,
    walk: &mut Walk<'_>,
) -> Result<Shown, Stopped> {
    match caller::identity(&shown.token, aws.sts_endpoint.as_deref(), &settings.identity.connection).await {
        Ok(caller) => {
            let evidence = Evidence { caller: Some(caller.clone()), ..of(aws) };
            walk.ok(Step::Signature, format!("AWS takes it, from {caller}"), evidence);
            Ok(Shown { subject: Some(caller), ..shown })
        }
        Err(fault) => Err(walk.stop(Step::Signature, &fault, of(aws))),
    }
}

fn subject_token(
    proof: &Proof,
    identity: &Identity,
    clock: &Clock,
    step: Step,
    walk: &mut Walk<'_>,
) -> Result<Shown, Stopped> {
    match proof.subject_token(&Target::of(identity), clock.now()) {
        Ok(token) => {
            let Claims { issuer, subject, .. } = json_web_token::claims(token.expose()).unwrap_or_default();
            Ok(Shown { token, subject, issuer })
        }
        Err(error) => {
            Err(walk.stop(step, &Fault::new(Reason::Unsigned, error.to_string()), Evidence::default()))
        }
    }
}
