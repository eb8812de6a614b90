//! Findings: the check, the severity, the object, the message, and a link to the documentation.

use serde::{Serialize, Serializer};

use crate::docs::DOCS_URL;

/// The severity of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Severity {
    /// No problem.
    Ok,
    /// A problem that does not affect pods now, or a check that could not be made.
    Warning,
    /// A problem because of which pods do not get credentials, or soon will not.
    Error,
}

macro_rules! checks {
    ($($(#[doc = $doc:literal])+ $name:ident = $id:literal, $group:ident;)+) => {
        /// A check.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub(crate) enum Check {
            $($(#[doc = $doc])+ $name,)+
        }

        impl Check {
            /// Returns the check's name in the output, which is also its heading in the documentation.
            pub(crate) const fn name(self) -> &'static str {
                match self {
                    $(Self::$name => $id,)+
                }
            }

            /// Returns the group of the check.
            pub(crate) const fn group(self) -> Group {
                match self {
                    $(Self::$name => Group::$group,)+
                }
            }

            /// Every check, in the order of the output.
            #[cfg(test)]
            pub(crate) const ALL: &[Self] = &[$(Self::$name,)+];
        }
    };
}

checks! {
    /// The webhook configurations and the Service.
    Configuration = "configuration", Installation;
    /// The `caBundle` of each webhook configuration.
    CaBundle = "ca-bundle", Installation;
    /// The platform team's document.
    Defaults = "defaults", Installation;
    /// The number and state of the webhook's pods.
    Replicas = "replicas", Installation;
    /// The versions of the webhook's pods and of the chart.
    Version = "version", Installation;
    /// The serving certificate of each webhook pod.
    Certificate = "certificate", Installation;
    /// The connection from API servers to the webhook.
    ApiServer = "api-server", Installation;
    /// The namespaces that opt their pods in.
    Namespaces = "namespaces", Pods;
    /// Pods that opted in and were not injected.
    Injection = "injection", Pods;
    /// The version of the sidecars.
    SidecarVersion = "sidecar-version", Pods;
    /// The images of the sidecars.
    SidecarImage = "sidecar-image", Pods;
    /// The proxies of the sidecars.
    SidecarProxy = "sidecar-proxy", Pods;
    /// The readiness of the sidecars.
    SidecarReady = "sidecar-ready", Pods;
    /// The role annotations of the service accounts.
    RoleArn = "role-arn", Pods;
    /// The exchanges of all pods, against Google's quota.
    Quotas = "quotas", Pods;
}

/// A group of checks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Group {
    Installation,
    Pods,
}

impl Group {
    /// Returns the heading in the text output.
    pub(crate) const fn title(self) -> &'static str {
        match self {
            Self::Installation => "The installation",
            Self::Pods => "The pods that opted in",
        }
    }
}

/// The page with a heading for each check.
const PAGE: &str = "check.html";

/// The result of a check for one object.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Finding {
    #[serde(serialize_with = "serialize_name")]
    pub(crate) check: Check,
    pub(crate) severity: Severity,
    /// `Deployment/shop/batch`: the kind, the namespace if it has one, the name.
    pub(crate) object: String,
    /// The problem and its fix, or the fact that was checked.
    pub(crate) message: String,
    /// The section of the documentation about the check.
    pub(crate) link: String,
    /// The number of pods that the finding is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) pods: Option<usize>,
}

impl Finding {
    pub(crate) fn new(
        check: Check,
        severity: Severity,
        object: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        let link = format!("{DOCS_URL}{PAGE}#{}", check.name());
        Self { check, severity, object: object.into(), message: message.into(), link, pods: None }
    }

    /// Sets the number of pods that the finding is about.
    pub(crate) fn about_pods(self, count: usize) -> Self {
        Self { pods: Some(count), ..self }
    }

    /// Reports an object that could not be read, with the API server's message.
    pub(crate) fn unreadable(check: Check, object: impl Into<String>, message: &str) -> Self {
        Self::new(
            check,
            Severity::Warning,
            object,
            format!("Could not be checked: {}.", message.trim_end_matches('.')),
        )
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn serialize_name<S: Serializer>(check: &Check, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(check.name())
}

/// Formats a message of another program as a sentence.
pub(crate) fn as_sentence(message: &str) -> String {
    let message = message.trim();
    if message.ends_with(['.', '?', '!']) { message.to_owned() } else { format!("{message}.") }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;

    #[test]
    fn links_lead_to_headings_of_the_docs() {
        let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/src");
        for check in Check::ALL {
            let link = Finding::new(*check, Severity::Ok, "", "").link;
            let (page, anchor) = link.strip_prefix(DOCS_URL).unwrap().split_once('#').unwrap();
            let text = fs::read_to_string(docs.join(page).with_extension("md")).unwrap();
            assert!(text.lines().any(|line| line == format!("## {anchor}")), "{link}");
        }
    }
}
