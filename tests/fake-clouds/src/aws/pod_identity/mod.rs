//! EKS Pod Identity: the agent on a node, and the associations of EKS behind it.
//!
//! Source: the agent (aws/eks-pod-identity-agent), the EKS Auth API reference, and what users report. EKS tags the session
//! with where the pod is, names it itself, and puts no session policy on it.

mod refusal;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use http::StatusCode;
use serde::Deserialize;
use serde_json::json;

use self::refusal::Refusal;
use super::policy::{Caller, Context, Verdict};
use super::sessions::Session;
use super::{Aws, Role};
use crate::clock::Timestamp;
use crate::error::ConfigError;
use crate::events::{Detail, RoleAssumed};
use crate::oidc::{Jwt, WebIdentity};
use crate::state::Failure;
use crate::wire::{Answer, Request, header};
use crate::{config, secret};

const AUDIENCE: &str = rolebridge_core::aws::POD_IDENTITY_TOKEN_AUDIENCE;
const SERVICE: &str = "pods.eks.amazonaws.com";
/// The life of a session, in seconds.
const LIFETIME: i64 = 6 * 3600;
/// Characters of a name that go into the session's name.
const NAME_LEN: usize = 10;

/// A cluster with its agent.
#[derive(Debug)]
pub(super) struct PodIdentity {
    config: config::PodIdentity,
    /// What the agent keeps, by the pod's token.
    kept: Mutex<HashMap<String, (Arc<Session>, Timestamp)>>,
}

/// The claims that say where a pod is.
#[derive(Debug, Deserialize)]
struct Claims {
    #[serde(rename = "kubernetes.io")]
    kubernetes: Kubernetes,
}

#[derive(Debug, Deserialize)]
struct Kubernetes {
    namespace: String,
    serviceaccount: Named,
    pod: Option<Named>,
}

#[derive(Debug, Deserialize)]
struct Named {
    name: String,
    uid: String,
}

impl PodIdentity {
    pub(super) fn new(config: &config::PodIdentity) -> Result<Self, ConfigError> {
        if config.cluster.is_empty() {
            return Err(ConfigError::new("aws.podIdentity", "the cluster has no name"));
        }
        Ok(Self { config: config.clone(), kept: Mutex::default() })
    }
}

impl Aws {
    /// Answers as the agent does.
    pub(crate) fn pod_credentials(&self, request: &Request, now: Timestamp) -> Answer {
        if request.uri().path() != "/v1/credentials" {
            return Refusal::no_page().into();
        }
        let token = header(request, "authorization").unwrap_or_default();
        self.pod_session(token, now).map_or_else(Into::into, |(session, subject)| answer(&session, subject))
    }

    /// The answer to a call that a test wants to fail.
    pub(crate) fn fail_pod_credentials(failure: Failure) -> Answer {
        Refusal::failure(failure).into()
    }

    fn pod_session(&self, token: &str, now: Timestamp) -> Result<(Arc<Session>, String), Refusal> {
        if token.is_empty() {
            return Err(Refusal::no_token());
        }
        let jwt = Jwt::parse(token).ok_or_else(Refusal::unreadable)?;
        let identity: WebIdentity = jwt.claims().ok_or_else(Refusal::unreadable)?;
        if now.0 >= identity.exp {
            return Err(Refusal::expired());
        }
        let pod_identity = self.pod_identity.as_ref().ok_or_else(Refusal::no_association)?;
        let mut kept = pod_identity.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((session, _)) = kept.get(token).filter(|(_, renew)| now < *renew) {
            return Ok((Arc::clone(session), identity.sub));
        }
        let session = self.new_pod_session(&pod_identity.config, &jwt, &identity, now)?;
        // The agent renews at half of the life.
        let renew = now.plus((session.expires.0 - now.0) / 2);
        kept.insert(token.to_owned(), (Arc::clone(&session), renew));
        Ok((session, identity.sub))
    }

    /// What EKS does.
    fn new_pod_session(
        &self,
        config: &config::PodIdentity,
        jwt: &Jwt,
        identity: &WebIdentity,
        now: Timestamp,
    ) -> Result<Arc<Session>, Refusal> {
        let issuer = self.issuers.find(&config.issuer).filter(|issuer| issuer.url() == identity.iss);
        if issuer.is_none_or(|issuer| issuer.verify(jwt).is_err()) {
            return Err(Refusal::invalid_token("The token is not one of the cluster's."));
        }
        if !identity.aud.as_slice().iter().any(|audience| audience == AUDIENCE) {
            return Err(Refusal::invalid_token("The audience of the token is not pods.eks.amazonaws.com."));
        }
        let claims: Claims = jwt.claims().ok_or_else(|| Refusal::invalid_token("The token is of no pod."))?;
        let association = config.associations.iter().find(|association| {
            association.namespace == claims.kubernetes.namespace
                && association.service_account == claims.kubernetes.serviceaccount.name
        });
        let association = association.ok_or_else(Refusal::no_association)?;
        let tags = tags(&config.cluster, &claims.kubernetes);
        let role = self.role(&association.role_arn).map_err(|_| Refusal::not_assumable())?.1;
        if !trusts_eks(role, &tags) {
            return Err(Refusal::not_assumable());
        }
        let pod = claims.kubernetes.pod.map_or(claims.kubernetes.serviceaccount.name, |pod| pod.name);
        let name = format!("eks-{}-{}-{}", short(&config.cluster), short(&pod), secret::uuid());
        let expires = now.plus(role.session_seconds.unwrap_or(LIFETIME));
        Ok(self.sessions.add(Session::new(role.clone(), &name, None, expires).tagged(tags)))
    }
}

/// The session tags that EKS sets.
fn tags(cluster: &str, kubernetes: &Kubernetes) -> Vec<(String, String)> {
    let mut tags = vec![
        ("eks-cluster-name", cluster),
        ("kubernetes-namespace", &kubernetes.namespace),
        ("kubernetes-service-account", &kubernetes.serviceaccount.name),
    ];
    if let Some(pod) = &kubernetes.pod {
        tags.extend([("kubernetes-pod-name", pod.name.as_str()), ("kubernetes-pod-uid", pod.uid.as_str())]);
    }
    tags.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}

/// Whether EKS may assume a role and tag the session.
fn trusts_eks(role: &Role, tags: &[(String, String)]) -> bool {
    let values: Vec<_> =
        tags.iter().map(|(key, value)| (format!("aws:RequestTag/{key}"), [value.clone()])).collect();
    let keys: Vec<_> = values.iter().map(|(key, value)| (key.clone(), &value[..])).collect();
    ["sts:AssumeRole", "sts:TagSession"].into_iter().all(|action| {
        let context =
            Context { action, resource: &role.arn, caller: Some(Caller::Service(SERVICE)), keys: &keys };
        role.trust.evaluate(&context) == Verdict::Allowed
    })
}

fn answer(session: &Session, subject: String) -> Answer {
    let body = json!({
        "AccessKeyId": session.access_key,
        "SecretAccessKey": session.secret.expose(),
        "Token": session.token.expose(),
        "AccountId": session.role.account,
        "Expiration": session.expires,
    });
    Answer::new(StatusCode::OK, "application/json", body.to_string()).telling(Detail::RoleAssumed(
        RoleAssumed {
            role_arn: session.role.arn.clone(),
            session_arn: session.arn(),
            access_key_id: session.access_key.clone(),
            subject,
            session_policy: None,
            expires: session.expires,
        },
    ))
}

fn short(name: &str) -> String {
    name.chars().take(NAME_LEN).collect()
}

#[cfg(test)]
mod tests;
