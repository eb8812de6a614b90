//! What is decided of what was args: by the webhook's own engine, and by Google's limits.

use rolebridge_core::annotations as key;
use rolebridge_core::aws::RoleArn;
use rolebridge_core::google::{DEFAULT_UNIVERSE, MAX_SUBJECT_LEN};
use rolebridge_core::identity::Identity;
use rolebridge_inject::defaults::{Defaults, LOCKED};

use super::import::ImportedConfig;
use super::{SetupArgs, kubernetes};
use crate::commands::explain;
use crate::error::CliError;
use crate::input::document::Document;
use crate::input::manifests::Manifests;

/// Everything that is decided.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) identity: Identity,
    pub(super) role: Option<Role>,
    /// `projects/NUMBER/…`
    pub(super) provider_name: String,
    pub(super) project_number: String,
    pub(super) pool: String,
    pub(super) provider: String,
    pub(super) google_service_account: Option<String>,
    pub(super) namespace: String,
    pub(super) service_account: String,
    pub(super) cluster: String,
    /// `https://…`, if it was args.
    pub(super) issuer: Option<String>,
    /// Further annotations of the service account.
    pub(super) annotations: Vec<(&'static str, String)>,
}

/// An IAM role.
#[derive(Debug, Clone)]
pub(crate) struct Role {
    pub(crate) arn: String,
    pub(crate) partition: &'static str,
    pub(crate) account: String,
    /// `/`, or `/team/`.
    pub(crate) path: String,
    pub(crate) name: String,
}

impl Plan {
    pub(super) fn new(args: SetupArgs, found: ImportedConfig) -> Result<Self, CliError> {
        let identity = identity(args.identity.as_deref(), &found)?;
        let [project_number, pool, provider] = [
            args.project_number.or(found.project_number),
            args.pool.or(found.pool),
            args.provider.or(found.provider),
        ]
        .map(Option::unwrap_or_default);
        Ok(Self {
            identity,
            role: role(identity, args.role_arn)?,
            provider_name: format!(
                "projects/{project_number}/locations/global/workloadIdentityPools/{pool}/providers/{provider}"
            ),
            project_number,
            pool,
            provider,
            google_service_account: args.google_service_account.or(found.service_account),
            namespace: args.namespace,
            service_account: args.service_account,
            cluster: args.cluster,
            issuer: args.issuer,
            annotations: found.annotations,
        })
    }

    /// Asks the webhook's own engine about a pod of this service account, and Google's limit about its subject. What is
    /// worth a note is answered.
    pub(super) fn check(&self) -> Result<Vec<String>, CliError> {
        let documents = Document::read_all("setup", &kubernetes::write(self)?)?;
        // The platform team's locks are its own affair.
        let defaults =
            Defaults::from_yaml("locked: []").map_err(|error| CliError::Setup(error.to_string()))?;
        let manifests = Manifests::new(documents, defaults, self.namespace.clone());
        let explanation = explain::all(&manifests, None)?.remove(0);
        if explanation.outcome != "injected" {
            return Err(CliError::Setup(explanation.message.unwrap_or_default()));
        }
        let of = |annotation| explanation.settings.iter().find(|row| row.annotation == annotation);
        let session = of(key::SESSION_NAME).map(|row| row.value.as_str()).unwrap_or_default();
        let subject = self.subject(session);
        if subject.len() > MAX_SUBJECT_LEN {
            return Err(CliError::Setup(format!(
                "google.subject would be {subject:?}, {} bytes; Google takes {MAX_SUBJECT_LEN}. A shorter name, or a \
                 provider that maps google.subject to something shorter, would be right.",
                subject.len()
            )));
        }
        let mut notes = explanation.warnings;
        notes.push(format!("google.subject is {subject}, {} of {MAX_SUBJECT_LEN} bytes.", subject.len()));
        if self.annotations.iter().any(|(annotation, _)| LOCKED.contains(annotation)) {
            let note = "The endpoints and the universe are locked unless the platform team says otherwise: they then \
                        belong on the namespace or into the chart's defaults.";
            notes.push(note.to_owned());
        }
        Ok(notes)
    }

    /// What Google takes for the pod's name, by the mappings that are set up here.
    fn subject(&self, session: &str) -> String {
        match (&self.role, self.identity) {
            (Some(role), Identity::AwsRole) => format!("{}/{session}", role.assumed()),
            (Some(role), _) => role.arn.clone(),
            (None, _) => self.subject_of_the_pod(),
        }
    }

    /// Whom the cluster's tokens name.
    pub(super) fn subject_of_the_pod(&self) -> String {
        format!("system:serviceaccount:{}:{}", self.namespace, self.service_account)
    }

    /// The issuer as AWS names its provider and the condition keys, if it was args.
    pub(super) fn issuer_host(&self) -> Option<&str> {
        self.issuer.as_deref()?.strip_prefix("https://")
    }

    /// Whom Google's policies name.
    pub(super) fn member(&self) -> String {
        let universe = self.annotation(key::UNIVERSE_DOMAIN).unwrap_or(DEFAULT_UNIVERSE);
        let pool = format!(
            "iam.{universe}/projects/{}/locations/global/workloadIdentityPools/{}",
            self.project_number, self.pool
        );
        match (&self.role, self.identity) {
            (Some(role), Identity::AwsRole) => {
                format!("principalSet://{pool}/attribute.aws_role/{}", role.assumed())
            }
            _ => format!("principal://{pool}/subject/{}", self.subject("")),
        }
    }

    fn annotation(&self, key: &str) -> Option<&str> {
        self.annotations.iter().find(|(known, _)| *known == key).map(|(_, value)| value.as_str())
    }
}

impl Role {
    /// The role of an ARN.
    pub(crate) fn parse(arn: &str) -> Option<Self> {
        let role = RoleArn::parse(arn).ok()?;
        let (account, path, name) =
            (role.account().to_owned(), role.path().to_owned(), role.name().to_owned());
        Some(Self { partition: role.partition().as_str(), account, path, name, arn: arn.to_owned() })
    }

    /// The ARN of its sessions, without a session's name. It leaves out the path.
    pub(crate) fn assumed(&self) -> String {
        format!("arn:{}:sts::{}:assumed-role/{}", self.partition, self.account, self.name)
    }
}

/// What the pod proves: as the flag says, unless the configuration of Google's tools is for something else.
fn identity(flag: Option<&str>, found: &ImportedConfig) -> Result<Identity, CliError> {
    let failed = |what: &str| Err(CliError::Setup(format!("--identity: {what}")));
    match (flag.and_then(|name| name.parse().ok()), found.is_aws_request) {
        (Some(identity), Some(is)) if is != (identity == Identity::AwsRole) => {
            failed("the configuration of --from has another subject_token_type.")
        }
        (Some(identity), _) => Ok(identity),
        (None, Some(false)) => {
            failed("the configuration takes a JSON web token; say whose: aws-jwt or kubernetes.")
        }
        (None, _) => Ok(Identity::AwsRole),
    }
}

/// The role that an identity needs, if it needs one.
fn role(identity: Identity, flag: Option<Role>) -> Result<Option<Role>, CliError> {
    let failed = |what: &str| Err(CliError::Setup(format!("--role-arn: {what}")));
    match (identity, flag) {
        (Identity::Kubernetes, Some(_)) => failed("the identity kubernetes has no IAM role."),
        (Identity::AwsRole | Identity::AwsJwt, None) => {
            failed("the identity proves an IAM role; arn:aws:iam::ACCOUNT:role/NAME would be right.")
        }
        (_, role) => Ok(role),
    }
}
