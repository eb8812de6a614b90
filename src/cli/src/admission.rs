//! What becomes of the pod of an object: decided by the very code that the webhook runs.

use rolebridge_inject::{Admission, Decision, Reason, admit};

use crate::error::CliError;
use crate::input::manifests::Manifests;
use crate::input::object::Object;

/// A decision about the pod of an object, with what the user should hear about it and the object. `None` where the
/// object has no pod.
pub(crate) fn admit_object(
    manifests: &Manifests,
    object: &Object<'_>,
) -> Result<Option<Admission<'static>>, CliError> {
    let Some(json) = object.pod_as_json()? else { return Ok(None) };
    let pod = object.pod(&json)?;
    let (namespace, service_account) = (manifests.namespace(object), pod.service_account());
    let context = manifests.context(namespace, service_account);
    let mut admission = admit(&pod, &context).without_settings();
    admission.warnings.extend(object.advice()?);
    let is_unknown = context.service_account.is_none();
    if let Decision::Deny(refusal) = &mut admission.decision
        && matches!(refusal.reason, Reason::NoProvider | Reason::NoAwsIdentity)
        && is_unknown
    {
        let hint = format!(
            " (There is no service account {namespace}/{service_account} {}.)",
            object.place_of_others()
        );
        refusal.message.push_str(&hint);
    }
    Ok(Some(admission))
}
