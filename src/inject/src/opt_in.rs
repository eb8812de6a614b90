//! Who asked for the injection: the pod itself, or only its namespace.

use rolebridge_core::annotations::{INJECT, NAMESPACE_OPT_IN};
use rolebridge_core::redact::Quoted;

use crate::{Context, Denial, Pod, Reason, ineffective};

/// Who opted the pod in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OptIn {
    /// Its own annotation: whatever is missing is refused.
    Pod,
    /// Its namespace's label alone: what lacks something passes unchanged.
    Namespace,
}

/// Why a pod is none of ours, and what to say about it.
pub(crate) struct SkipReason {
    pub(crate) reason: Reason,
    pub(crate) warnings: Vec<String>,
    pub(crate) depends_on_metadata: bool,
}

impl Pod<'_> {
    /// Who opted the pod in, in a namespace whose label has this value. `None`: nobody.
    ///
    /// # Errors
    ///
    /// The pod's annotation is neither `"true"` nor `"false"`.
    pub fn opted_in_by(&self, context: &Context<'_>) -> Result<Option<OptIn>, Denial> {
        match self.annotation(INJECT) {
            Some("true") => Ok(Some(OptIn::Pod)),
            Some("false") => Ok(None),
            Some(other) => Err(Denial::of_pod(
                Reason::BadValue,
                format!("{INJECT}: {} (on the pod) is neither \"true\" nor \"false\".", Quoted(other)),
            )),
            None => Ok((label(context) == Some(NAMESPACE_OPT_IN)).then_some(OptIn::Namespace)),
        }
    }

    /// Why nobody opted the pod in.
    pub(crate) fn skip_reason(&self, context: &Context<'_>) -> SkipReason {
        if self.annotation(INJECT).is_some() {
            return SkipReason { reason: Reason::OptedOut, warnings: Vec::new(), depends_on_metadata: false };
        }
        let of_namespace = label(context).filter(|value| *value != "disabled").map(|value| {
            format!(
                "{INJECT}: {value:?} (the label of the namespace {}) opts nothing in; \"{NAMESPACE_OPT_IN}\" does.",
                context.namespace
            )
        });
        let warnings = of_namespace.into_iter().chain(ineffective::without_opt_in(self)).collect();
        SkipReason { reason: Reason::NotOptedIn, warnings, depends_on_metadata: true }
    }
}

fn label<'a>(context: &Context<'a>) -> Option<&'a str> {
    context.namespace_metadata?.inject_label()
}
