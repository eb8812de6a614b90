//! The complete environment of a pod: fake clouds, fake API server, the real webhook and a node. The scenario: a shop's
//! nightly batch job reads sales from BigQuery with its IAM role.

mod node;

use std::ffi::OsString;
use std::sync::Arc;
use std::time::Duration;

use rolebridge_core::annotations::{PORT, PROJECT, ROLE_ARN, SERVICE_ACCOUNT, SOURCE, eks};
use rolebridge_core::external_account::ConfigKind;
use rolebridge_fake_clouds::config::Config;
use rolebridge_fake_clouds::{Clouds, Event};
use serde_json::{Value, json};
use tokio::sync::broadcast::Receiver;

use crate::app::env_vars;
use crate::deployment;
use crate::error::{Context, Error, Result};
use crate::fake_apiserver::FakeApiServer;
use crate::fake_kubelet::{Node, Pod};
use crate::ports::free_address;
use crate::programs::Programs;
use crate::review::{self, AdmissionResponse};
use crate::webhook::Webhook;

/// Deployment that the app team writes.
pub const DEPLOYMENT: &str = include_str!("deployment.yaml");
const DEFAULTS: &str = include_str!("defaults.yaml");
const CLOUDS: &str = include_str!("clouds.yaml");

/// OIDC issuer of the cluster.
pub const ISSUER: &str = "https://oidc.eks.eu-west-1.amazonaws.com/id/5F2A9C1B7D3E4F60A1B2C3D4E5F60718";
/// Namespace of the pod.
pub const NAMESPACE: &str = "shop";
/// Name of the pod's Kubernetes service account and of its IAM role.
pub const ACCOUNT: &str = "nightly-report";
/// IAM role that the Google service account trusts.
pub const ROLE: &str = "arn:aws:iam::123456789012:role/nightly-report";
/// IAM role that the pod may assume too, but that the Google service account does not trust.
pub const UNTRUSTED_ROLE: &str = "arn:aws:iam::123456789012:role/web-frontend";
/// Workload identity pool provider that trusts the AWS account.
pub const PROVIDER: &str =
    "projects/987654321098/locations/global/workloadIdentityPools/aws-pool/providers/eks-prod";
/// Principal that may impersonate the Google service account.
pub const TRUSTED_PRINCIPAL: &str = "principalSet://iam.googleapis.com/projects/987654321098/locations/global/\
    workloadIdentityPools/aws-pool/attribute.aws_role/arn:aws:sts::123456789012:assumed-role/nightly-report";
/// Google service account.
pub const GOOGLE_ACCOUNT: &str = "nightly-report@shop-analytics.iam.gserviceaccount.com";
/// Google Cloud project.
pub const GOOGLE_PROJECT: &str = "shop-analytics";
/// Name of the app's container.
pub const APP: &str = "report";
/// Path of the app in its image.
pub const APP_PROGRAM: &str = "/nightly-report";

/// Returns the configuration of the fake clouds. A caller may change it before [`World::start`].
///
/// # Errors
/// Returns an error if `clouds.yaml` is not a valid configuration.
pub fn clouds_config() -> Result<Config> {
    serde_saphyr::from_str(CLOUDS).context("read clouds.yaml")
}

/// The running environment. Dropping it stops every part.
#[derive(Debug)]
pub struct World {
    /// Fakes of AWS and Google.
    pub clouds: Arc<Clouds>,
    /// Fake API server, which has the objects that the webhook watches.
    pub api_server: FakeApiServer,
    /// The real webhook.
    pub webhook: Webhook,
    /// Node that runs the pods.
    pub node: Node,
    defaults: String,
}

/// Differences of a pod from `deployment.yaml`.
#[derive(Debug, Clone, Default)]
pub struct Variant {
    /// Source annotation, or `None` for the default source.
    pub source: Option<ConfigKind>,
    /// Additional annotations.
    pub annotations: Vec<(&'static str, String)>,
    /// Additional environment variables of the app.
    pub env: Vec<(&'static str, &'static str)>,
    /// Interval between runs of the app, or `None` for a single run.
    pub interval: Option<Duration>,
}

impl World {
    /// Starts every part. `app` is the program, with its first arguments, that replaces the app's image.
    ///
    /// # Errors
    /// Returns an error that names the part that failed to start.
    pub async fn start(programs: &Programs, app: Vec<OsString>, config: Config) -> Result<Self> {
        let clouds = Arc::new(Clouds::start(config).await.context("start the fake clouds")?);
        let api_server = FakeApiServer::start().await?;
        api_server.put_namespace(NAMESPACE, &json!({"kubernetes.io/metadata.name": NAMESPACE}), &json!({}));
        api_server.put_service_account(
            NAMESPACE,
            ACCOUNT,
            &json!({eks::ROLE_ARN: ROLE, SERVICE_ACCOUNT: GOOGLE_ACCOUNT, PROJECT: GOOGLE_PROJECT}),
        );
        let port = free_address()?.port();
        let defaults = DEFAULTS
            .replace("$AWS_STS", clouds.aws_sts())
            .replace("$GOOGLE_STS", clouds.google_sts())
            .replace("$IAM_CREDENTIALS", clouds.iam_credentials())
            .replace("$PORT", &port.to_string());
        let webhook = Webhook::start(&programs.webhook, &api_server, &defaults).await?;
        let node = node::new(programs, app, &clouds);
        Ok(Self { clouds, api_server, webhook, node, defaults })
    }

    /// Returns the webhook's `defaults.yaml`.
    #[must_use]
    pub fn defaults(&self) -> &str {
        &self.defaults
    }

    /// Returns the pod of [`DEPLOYMENT`] as the webhook receives it.
    ///
    /// # Errors
    /// Returns an error if `deployment.yaml` is not a Deployment.
    pub fn pod(&self, variant: &Variant) -> Result<Value> {
        let mut deployment = deployment::parse(DEPLOYMENT)?;
        let template = &mut deployment["spec"]["template"];
        let annotations = &mut template["metadata"]["annotations"];
        if let Some(source) = variant.source {
            annotations[SOURCE] = json!(source.source().as_str());
        }
        for (key, value) in &variant.annotations {
            annotations[*key] = json!(value);
        }
        let env = template["spec"]["containers"][0]["env"].as_array_mut().context("the app has no env")?;
        for variable in env.iter_mut().filter(|variable| variable["name"] == env_vars::BIGQUERY) {
            variable["value"] = json!(self.clouds.bigquery());
        }
        if let Some(interval) = variant.interval {
            env.push(json!({"name": env_vars::INTERVAL_MS, "value": interval.as_millis().to_string()}));
        }
        env.extend(variant.env.iter().map(|(name, value)| json!({"name": name, "value": value})));
        deployment::to_pod(&deployment)
    }

    /// Sends a pod to the real webhook.
    ///
    /// # Errors
    /// Returns an error if the call fails.
    pub async fn admit(&self, pod: &Value) -> Result<AdmissionResponse> {
        self.webhook.mutate(&review::for_pod(pod)).await
    }

    /// Admits a pod and creates it on the node.
    ///
    /// # Errors
    /// Returns an error if the pod is denied or skipped, or if it cannot be created.
    pub async fn create_pod(&self, variant: &Variant) -> Result<Pod> {
        let pod = self.pod(variant)?;
        let response = self.admit(&pod).await?;
        if response.allowed && response.patch.is_none() {
            return Err(Error::new("the webhook skipped the pod"));
        }
        Pod::create(&self.node, &response.apply(&pod)?)
    }
}

impl Variant {
    /// Sets another role, and another port, because pods on this machine share one loopback interface.
    ///
    /// # Errors
    /// Returns an error if no port is free.
    pub fn with_role(mut self, role: &str) -> Result<Self> {
        self.annotations.push((ROLE_ARN, role.to_owned()));
        self.annotations.push((PORT, free_address()?.port().to_string()));
        Ok(self)
    }
}

/// Waits for the next event that matches. `description` names it in the error.
///
/// # Errors
/// Returns an error after `timeout`.
pub async fn wait_for_event(
    events: &mut Receiver<Event>,
    timeout: Duration,
    description: &str,
    matches: impl Fn(&Event) -> bool,
) -> Result<Event> {
    let found = async {
        loop {
            let event = events.recv().await.context("the fake clouds stopped, or sent events too fast")?;
            if matches(&event) {
                return Ok(event);
            }
        }
    };
    let timed_out = format!("{description}: not observed within {timeout:?}");
    tokio::time::timeout(timeout, found).await.map_err(|_| Error::new(timed_out))?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constants_match_the_documents() {
        let config = clouds_config().unwrap();
        assert_eq!(config.issuers[0].url, ISSUER);
        assert_eq!(config.google.providers[0].name, PROVIDER);
        assert!(DEFAULTS.contains(&format!("provider: {PROVIDER}\n")));
        let account = &config.google.service_accounts[0];
        assert_eq!(
            (account.email.as_str(), account.bindings[0].members[0].as_str()),
            (GOOGLE_ACCOUNT, TRUSTED_PRINCIPAL)
        );
        assert_eq!(config.google.projects[0].id, GOOGLE_PROJECT);
        for (role, arn) in config.aws.accounts[0].roles.iter().zip([ROLE, UNTRUSTED_ROLE]) {
            assert!(arn.ends_with(&format!(":role/{}", role.name)));
        }
    }
}
