//! The opt-in to injection, by the pod itself or by its namespace.

use rolebridge_core::annotations::{INJECT, NAMESPACE_OPT_IN};
use rolebridge_core::redact::Quoted;

use crate::context::Context;
use crate::denial::Denial;
use crate::ineffective;
use crate::metadata_dependency::MetadataDependency;
use crate::reason::Reason;
use crate::view::Pod;

/// The object that opted the pod in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OptIn {
    /// The pod's own annotation. A pod that misses a prerequisite is denied.
    Pod,
    /// Only the namespace's label. A pod that misses a prerequisite is skipped.
    Namespace,
}

/// The reason why a pod is not opted in, and the warnings about it.
pub(crate) struct SkipReason {
    pub(crate) reason: Reason,
    pub(crate) warnings: Vec<String>,
    pub(crate) depends_on_metadata: MetadataDependency,
}

impl Pod<'_> {
    /// Returns the object that opted the pod in, or `None` if the pod is not opted in.
    ///
    /// # Errors
    ///
    /// Returns an error if the pod's annotation is neither `"true"` nor `"false"`.
    pub fn opted_in_by(&self, context: &Context<'_>) -> Result<Option<OptIn>, Denial> {
        match self.annotation(INJECT) {
            Some("true") => Ok(Some(OptIn::Pod)),
            Some("false") => Ok(None),
            Some(other) => Err(Denial::for_pod(
                Reason::BadValue,
                format!("{INJECT} on the pod: expected \"true\" or \"false\", found {}.", Quoted(other)),
            )),
            None => Ok((label(context) == Some(NAMESPACE_OPT_IN)).then_some(OptIn::Namespace)),
        }
    }

    /// Returns the reason why the pod is not opted in.
    pub(crate) fn skip_reason(&self, context: &Context<'_>) -> SkipReason {
        if self.annotation(INJECT).is_some() {
            let depends_on_metadata = MetadataDependency::NONE;
            return SkipReason { reason: Reason::OptedOut, warnings: Vec::new(), depends_on_metadata };
        }
        let invalid_label = label(context).filter(|value| *value != "disabled").map(|value| {
            format!(
                "Label {INJECT} on the namespace {}: expected {NAMESPACE_OPT_IN:?} to opt its pods in, found {value:?}.",
                context.namespace
            )
        });
        let warnings = invalid_label.into_iter().chain(ineffective::without_opt_in(self)).collect();
        // A service account cannot opt a pod in.
        let depends_on_metadata = MetadataDependency::NAMESPACE;
        SkipReason { reason: Reason::NotOptedIn, warnings, depends_on_metadata }
    }
}

fn label<'a>(context: &Context<'a>) -> Option<&'a str> {
    context.namespace_metadata?.inject_label()
}
