//! What `check` says: of which check, how bad it is, about what, and where the book has more.

use serde::{Serialize, Serializer};

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Severity {
    /// As it should be.
    Ok,
    /// It works, or it could not be looked at.
    Warning,
    /// Pods do not get what they args for, or soon will not.
    Error,
}

macro_rules! checks {
    ($($(#[doc = $doc:literal])+ $name:ident = $id:literal, $group:ident;)+) => {
        /// What is looked at.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub(crate) enum Check {
            $($(#[doc = $doc])+ $name,)+
        }

        impl Check {
            /// As people and programs read it: also the heading in the book.
            pub(crate) const fn name(self) -> &'static str {
                match self {
                    $(Self::$name => $id,)+
                }
            }

            /// What it belongs to.
            pub(crate) const fn group(self) -> Group {
                match self {
                    $(Self::$name => Group::$group,)+
                }
            }

            /// Every one, in the order in which they are told.
            #[cfg(test)]
            pub(crate) const ALL: &[Self] = &[$(Self::$name,)+];
        }
    };
}

checks! {
    /// Which pods API servers ask the webhook about, and how.
    Configuration = "configuration", Installation;
    /// OwnerRef certificate they take.
    CaBundle = "ca-bundle", Installation;
    /// The platform team's document.
    Defaults = "defaults", Installation;
    /// The webhook's pods.
    Replicas = "replicas", Installation;
    /// What they run.
    Version = "version", Installation;
    /// What they serve.
    Certificate = "certificate", Installation;
    /// Whether an API server can call them.
    ApiServer = "api-server", Installation;
    /// The namespaces that opt their pods in.
    Namespaces = "namespaces", Pods;
    /// Pods that opted in, and what became of them.
    Injection = "injection", Pods;
    /// Which sidecar they have.
    SidecarVersion = "sidecar-version", Pods;
    /// Whether it has a token.
    SidecarReady = "sidecar-ready", Pods;
    /// Their service accounts' roles.
    RoleArn = "role-arn", Pods;
}

/// What a check belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Group {
    Installation,
    Pods,
}

impl Group {
    /// The heading.
    pub(crate) const fn title(self) -> &'static str {
        match self {
            Self::Installation => "The installation",
            Self::Pods => "The pods that opted in",
        }
    }
}

/// Where the book is read.
const BOOK: &str = "https://github.com/rolebridge/rolebridge/blob/main/docs/src/";
/// The page with a heading for each check.
const PAGE: &str = "check.md";

/// One thing that was found.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Finding {
    #[serde(serialize_with = "name")]
    pub(crate) check: Check,
    pub(crate) severity: Severity,
    /// `Deployment/shop/batch`: the kind, the namespace if it has one, the name.
    pub(crate) object: String,
    /// What was found and what would be right.
    pub(crate) message: String,
    /// Where the book has more.
    pub(crate) link: String,
}

impl Finding {
    pub(crate) fn new(
        check: Check,
        severity: Severity,
        object: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        let link = format!("{BOOK}{PAGE}#{}", check.name());
        Self { check, severity, object: object.into(), message: message.into(), link }
    }

    /// That something could not be looked at, in the API server's words.
    pub(crate) fn unseen(check: Check, object: impl Into<String>, why: &str) -> Self {
        Self::new(
            check,
            Severity::Warning,
            object,
            format!("Could not be looked at: {}.", why.trim_end_matches('.')),
        )
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn name<S: Serializer>(check: &Check, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(check.name())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;

    #[test]
    fn every_link_leads_to_a_heading_of_the_book() {
        let book = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/src");
        for check in Check::ALL {
            let link = Finding::new(*check, Severity::Ok, "", "").link;
            let (page, anchor) = link.strip_prefix(BOOK).unwrap().split_once('#').unwrap();
            let text = fs::read_to_string(book.join(page)).unwrap();
            assert!(text.lines().any(|line| line == format!("## {anchor}")), "{link}");
        }
    }
}
