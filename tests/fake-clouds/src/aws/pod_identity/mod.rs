//! EKS Pod Identity: the agent on a node, and the associations that EKS keeps.
//!
//! Source: the agent (aws/eks-pod-identity-agent), the EKS Auth API reference, and users' reports. EKS names the
//! session, tags it with the pod's location, and sets no session policy.

pub(super) mod cluster;
mod error;

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, PoisonError};

use http::StatusCode;
use serde::Deserialize;
use serde_json::json;

use self::error::AgentError;
use super::accounts::Role;
use super::cloud::Aws;
use super::policy::{Caller, Decision, RequestContext};
use super::sessions::Session;
use crate::clock::Timestamp;
use crate::events::{Detail, RoleAssumed};
use crate::faults::ErrorKind;
use crate::oidc::{Jwt, WebIdentity};
use crate::wire::{Request, Response, header};
use crate::{config, secret};

const AUDIENCE: &str = rolebridge_core::aws::POD_IDENTITY_TOKEN_AUDIENCE;
const SERVICE: &str = "pods.eks.amazonaws.com";
/// The lifetime of a session, in seconds.
const SESSION_LIFETIME: i64 = 6 * 3600;
/// Maximum number of characters that each name contributes to the session name.
const MAX_NAME_CHARS: usize = 10;

/// The claims that identify the pod.
#[derive(Debug, Deserialize)]
struct Claims {
    #[serde(rename = "kubernetes.io")]
    kubernetes: Kubernetes,
}

#[derive(Debug, Deserialize)]
struct Kubernetes {
    namespace: String,
    serviceaccount: ObjectRef,
    pod: Option<ObjectRef>,
}

#[derive(Debug, Deserialize)]
struct ObjectRef {
    name: String,
    uid: String,
}

impl Aws {
    /// Answers as the agent does.
    pub(crate) fn pod_credentials(&self, request: &Request, now: Timestamp) -> Response {
        if request.uri().path() != "/v1/credentials" {
            return AgentError::not_found().into();
        }
        self.check_agent_call(request, now)
            .and_then(|()| self.pod_session(header(request, "authorization").unwrap_or_default(), now))
            .map_or_else(Into::into, |(session, subject)| credentials_response(&session, subject))
    }

    /// Checks the rate of calls, and the address that the pod called.
    fn check_agent_call(&self, request: &Request, now: Timestamp) -> Result<(), AgentError> {
        let Some(agent) = self.pod_identity() else { return Ok(()) };
        if !agent.limit.allows(now) {
            return Err(AgentError::too_many_requests());
        }
        let host = header(request, "host").unwrap_or_default();
        let called = host.parse::<SocketAddr>().map(|address| address.ip());
        let called: Result<IpAddr, _> = called.or_else(|_| host.trim_matches(['[', ']']).parse());
        match called {
            Ok(address) if agent.config.addresses.contains(&address) => Ok(()),
            Ok(address) => Err(AgentError::invalid_address(&address.to_string())),
            Err(_) => Err(AgentError::invalid_address(host)),
        }
    }

    /// Returns the error response of an injected fault.
    pub(crate) fn pod_identity_error(kind: ErrorKind) -> Response {
        AgentError::simulated(kind).into()
    }

    fn pod_session(&self, token: &str, now: Timestamp) -> Result<(Arc<Session>, String), AgentError> {
        if token.is_empty() {
            return Err(AgentError::missing_token());
        }
        let jwt = Jwt::parse(token).ok_or_else(AgentError::malformed_token)?;
        let identity: WebIdentity = jwt.claims().ok_or_else(AgentError::malformed_token)?;
        if now.0 >= identity.exp {
            return Err(AgentError::expired());
        }
        let pod_identity = self.pod_identity().ok_or_else(AgentError::association_not_found)?;
        let mut cache = pod_identity.cache.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((session, _)) = cache.get(token).filter(|(_, renew_at)| now < *renew_at) {
            return Ok((Arc::clone(session), identity.sub));
        }
        let session = self.new_pod_session(&pod_identity.config, &jwt, &identity, now)?;
        // The agent renews a session after half of its lifetime.
        let renew_at = now.plus((session.expires.0 - now.0) / 2);
        cache.insert(token.to_owned(), (Arc::clone(&session), renew_at));
        Ok((session, identity.sub))
    }

    /// Creates a session as EKS does.
    fn new_pod_session(
        &self,
        config: &config::PodIdentity,
        jwt: &Jwt,
        identity: &WebIdentity,
        now: Timestamp,
    ) -> Result<Arc<Session>, AgentError> {
        let issuer = self.issuers.find(&config.issuer).filter(|issuer| issuer.url() == identity.iss);
        if issuer.is_none_or(|issuer| issuer.verify(jwt).is_err()) {
            return Err(AgentError::invalid_token("The token was not issued by the cluster."));
        }
        if !identity.aud.as_slice().iter().any(|audience| audience == AUDIENCE) {
            return Err(AgentError::invalid_token(
                "The audience of the token is not pods.eks.amazonaws.com.",
            ));
        }
        let claims: Claims =
            jwt.claims().ok_or_else(|| AgentError::invalid_token("The token does not belong to a pod."))?;
        let association = config.associations.iter().find(|association| {
            association.namespace == claims.kubernetes.namespace
                && association.service_account == claims.kubernetes.serviceaccount.name
        });
        let association = association.ok_or_else(AgentError::association_not_found)?;
        let role = self.role(&association.role_arn).map_err(|_| AgentError::not_assumable())?.1;
        let tags = tags(config, &role, &claims.kubernetes);
        if !trusts_eks(&role, &tags) {
            return Err(AgentError::not_assumable());
        }
        let pod = claims.kubernetes.pod.map_or(claims.kubernetes.serviceaccount.name, |pod| pod.name);
        let name = format!("eks-{}-{}-{}", truncate(&config.cluster), truncate(&pod), secret::uuid());
        let expires = now.plus(role.session_seconds.unwrap_or(SESSION_LIFETIME));
        Ok(self.sessions.add(Session::new(Arc::clone(&role), &name, None, expires).with_tags(tags)))
    }
}

/// Returns the session tags that EKS sets.
fn tags(config: &config::PodIdentity, role: &Role, kubernetes: &Kubernetes) -> Vec<(String, String)> {
    let cluster_arn = cluster_arn(config, role);
    let mut tags = vec![
        ("eks-cluster-arn", cluster_arn.as_str()),
        ("eks-cluster-name", &config.cluster),
        ("kubernetes-namespace", &kubernetes.namespace),
        ("kubernetes-service-account", &kubernetes.serviceaccount.name),
    ];
    if let Some(pod) = &kubernetes.pod {
        tags.extend([("kubernetes-pod-name", pod.name.as_str()), ("kubernetes-pod-uid", pod.uid.as_str())]);
    }
    tags.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}

/// The region of a cluster with an issuer that is not one of EKS.
const DEFAULT_REGION: &str = "eu-west-1";

/// Returns the ARN of the cluster. It is in the account of the associated role, and its issuer names the region.
fn cluster_arn(config: &config::PodIdentity, role: &Role) -> String {
    let partition = role.arn.split(':').nth(1).unwrap_or_default();
    let region = config.issuer.strip_prefix("https://oidc.eks.").and_then(|rest| rest.split('.').next());
    let region = region.unwrap_or(DEFAULT_REGION);
    format!("arn:{partition}:eks:{region}:{}:cluster/{}", role.account, config.cluster)
}

/// Returns true if the role allows EKS to assume it and to tag the session.
fn trusts_eks(role: &Role, tags: &[(String, String)]) -> bool {
    let values: Vec<_> =
        tags.iter().map(|(key, value)| (format!("aws:RequestTag/{key}"), [value.clone()])).collect();
    let keys: Vec<_> = values.iter().map(|(key, value)| (key.clone(), &value[..])).collect();
    ["sts:AssumeRole", "sts:TagSession"].into_iter().all(|action| {
        let context = RequestContext {
            action,
            resource: &role.arn,
            caller: Some(Caller::Service(SERVICE)),
            keys: &keys,
        };
        role.trust.evaluate(&context) == Decision::Allow
    })
}

fn credentials_response(session: &Session, subject: String) -> Response {
    let body = json!({
        "AccessKeyId": session.access_key,
        "SecretAccessKey": session.secret.expose(),
        "Token": session.token.expose(),
        "AccountId": session.role.account,
        "Expiration": session.expires,
    });
    Response::new(StatusCode::OK, "application/json", body.to_string()).with_detail(Detail::RoleAssumed(
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

fn truncate(name: &str) -> String {
    name.chars().take(MAX_NAME_CHARS).collect()
}

#[cfg(test)]
mod tests;
