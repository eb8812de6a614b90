//! Everything around a pod, put together: the fake clouds, the Kubernetes lists, the real webhook, a node. The story is
//! that of a shop whose nightly batch reads sales from BigQuery with its IAM role.

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

use crate::app::environment;
use crate::deployment;
use crate::error::{Context, Failure, Result};
use crate::fake_apiserver::Kubernetes;
use crate::fake_kubelet::{Node, Pod};
use crate::ports::free_address;
use crate::programs::Programs;
use crate::review::{self, Answer};
use crate::webhook::Webhook;

/// What the app's team writes.
pub const DEPLOYMENT: &str = include_str!("deployment.yaml");
const DEFAULTS: &str = include_str!("defaults.yaml");
const CLOUDS: &str = include_str!("clouds.yaml");

/// The cluster's OIDC issuer.
pub const ISSUER: &str = "https://oidc.eks.eu-west-1.amazonaws.com/id/5F2A9C1B7D3E4F60A1B2C3D4E5F60718";
/// The pod's namespace.
pub const NAMESPACE: &str = "shop";
/// The pod's service account in Kubernetes, and the role that it has.
pub const ACCOUNT: &str = "nightly-report";
/// The role that Google trusts.
pub const ROLE: &str = "arn:aws:iam::123456789012:role/nightly-report";
/// A role that AWS gives the pod as well, and that Google does not trust.
pub const OTHER_ROLE: &str = "arn:aws:iam::123456789012:role/web-frontend";
/// The provider at Google that trusts the AWS account.
pub const PROVIDER: &str = "projects/987654321098/locations/global/workloadIdentityPools/aws/providers/eks";
/// Whom the service account at Google lets act as itself.
pub const TRUSTED: &str = "principalSet://iam.googleapis.com/projects/987654321098/locations/global/\
    workloadIdentityPools/aws/attribute.aws_role/arn:aws:sts::123456789012:assumed-role/nightly-report";
/// The service account at Google.
pub const GOOGLE_ACCOUNT: &str = "nightly-report@shop-analytics.iam.gserviceaccount.com";
/// The project at Google.
pub const GOOGLE_PROJECT: &str = "shop-analytics";
/// The app's container.
pub const APP: &str = "report";
/// The app in its image.
pub const APP_PROGRAM: &str = "/nightly-report";

/// What exists in the clouds, to be changed before [`World::start`].
///
/// # Errors
/// Never, as long as `clouds.yaml` is what the fakes take.
pub fn clouds_config() -> Result<Config> {
    serde_saphyr::from_str(CLOUDS).context("read clouds.yaml")
}

/// The running whole. Everything ends when it is dropped.
#[derive(Debug)]
pub struct World {
    /// AWS and Google.
    pub clouds: Arc<Clouds>,
    /// The lists that the webhook watches.
    pub kubernetes: Kubernetes,
    /// The real webhook.
    pub webhook: Webhook,
    /// Where pods run.
    pub node: Node,
    defaults: String,
}

/// How the pod at hand differs from `deployment.yaml`.
#[derive(Debug, Clone, Default)]
pub struct Variant {
    /// The source, where it is not the default one.
    pub source: Option<ConfigKind>,
    /// Further annotations.
    pub annotations: Vec<(&'static str, String)>,
    /// Further environment variables of the app.
    pub env: Vec<(&'static str, &'static str)>,
    /// The app runs again and again instead of once.
    pub every: Option<Duration>,
}

impl World {
    /// Starts everything. `app` is the program and its first arguments that stand for the app's image.
    ///
    /// # Errors
    /// Something does not start: which and why.
    pub async fn start(programs: &Programs, app: Vec<OsString>, config: Config) -> Result<Self> {
        let clouds = Arc::new(Clouds::start(config).await.context("start the fake clouds")?);
        let kubernetes = Kubernetes::start().await?;
        kubernetes.put_namespace(NAMESPACE, &json!({"kubernetes.io/metadata.name": NAMESPACE}), &json!({}));
        kubernetes.put_service_account(
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
        let webhook = Webhook::start(&programs.webhook, &kubernetes, &defaults).await?;
        let node = node::new(programs, app, &clouds);
        Ok(Self { clouds, kubernetes, webhook, node, defaults })
    }

    /// The webhook's `defaults.yaml`.
    #[must_use]
    pub fn defaults(&self) -> &str {
        &self.defaults
    }

    /// The pod of [`DEPLOYMENT`] as it comes to the webhook.
    ///
    /// # Errors
    /// `deployment.yaml` is no Deployment.
    pub fn pod(&self, variant: &Variant) -> Result<Value> {
        let mut deployment = deployment::read(DEPLOYMENT)?;
        let template = &mut deployment["spec"]["template"];
        let annotations = &mut template["metadata"]["annotations"];
        if let Some(source) = variant.source {
            annotations[SOURCE] = json!(source.source().as_str());
        }
        for (key, value) in &variant.annotations {
            annotations[*key] = json!(value);
        }
        let env = template["spec"]["containers"][0]["env"].as_array_mut().context("the app has no env")?;
        for variable in env.iter_mut().filter(|variable| variable["name"] == environment::BIGQUERY) {
            variable["value"] = json!(self.clouds.bigquery());
        }
        if let Some(every) = variant.every {
            env.push(json!({"name": environment::EVERY, "value": every.as_millis().to_string()}));
        }
        env.extend(variant.env.iter().map(|(name, value)| json!({"name": name, "value": value})));
        deployment::pod(&deployment)
    }

    /// Asks the real webhook about a pod.
    ///
    /// # Errors
    /// The call fails.
    pub async fn admit(&self, pod: &Value) -> Result<Answer> {
        self.webhook.mutate(&review::of_pod(pod)).await
    }

    /// Admits a pod and places it on the node.
    ///
    /// # Errors
    /// It is refused, or not injected, or cannot be placed.
    pub async fn place(&self, variant: &Variant) -> Result<Pod> {
        let pod = self.pod(variant)?;
        let answer = self.admit(&pod).await?;
        if answer.allowed && answer.patch.is_none() {
            return Err(Failure::new("the webhook let the pod pass without a patch"));
        }
        Pod::place(&self.node, &answer.apply(&pod)?)
    }
}

impl Variant {
    /// With another role, and beside another pod on the same machine, whose loopback they share: at another port.
    ///
    /// # Errors
    /// No port is free.
    pub fn with_role(mut self, role: &str) -> Result<Self> {
        self.annotations.push((ROLE_ARN, role.to_owned()));
        self.annotations.push((PORT, free_address()?.port().to_string()));
        Ok(self)
    }
}

/// The next event that `wanted` takes; `what` names it in a sentence.
///
/// # Errors
/// None comes in time.
pub async fn event(
    events: &mut Receiver<Event>,
    patience: Duration,
    what: &str,
    wanted: impl Fn(&Event) -> bool,
) -> Result<Event> {
    let found = async {
        loop {
            let event = events.recv().await.context("the clouds are gone, or told too much at once")?;
            if wanted(&event) {
                return Ok(event);
            }
        }
    };
    let in_vain = format!("{patience:?} went by without {what}");
    tokio::time::timeout(patience, found).await.map_err(|_| Failure::new(in_vain))?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_demo_says_is_what_the_documents_hold() {
        let config = clouds_config().unwrap();
        assert_eq!(config.issuers[0].url, ISSUER);
        assert_eq!(config.google.providers[0].name, PROVIDER);
        assert!(DEFAULTS.contains(&format!("provider: {PROVIDER}\n")));
        let account = &config.google.service_accounts[0];
        assert_eq!(
            (account.email.as_str(), account.bindings[0].members[0].as_str()),
            (GOOGLE_ACCOUNT, TRUSTED)
        );
        assert_eq!(config.google.projects[0].id, GOOGLE_PROJECT);
        for (role, arn) in config.aws.accounts[0].roles.iter().zip([ROLE, OTHER_ROLE]) {
            assert!(arn.ends_with(&format!(":role/{}", role.name)));
        }
    }
}
