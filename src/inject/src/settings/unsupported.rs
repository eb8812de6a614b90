//! What the sidecar of this version cannot do yet: refused by name rather than half done.

use rolebridge_contract::annotations::{self as key, eks};
use rolebridge_contract::identity::Identity;

use super::places::Places;
use super::{Credentials, Settings};
use crate::{Reason, Refusal};

/// Refuses it.
pub(super) fn check(places: &Places<'_>, settings: &Settings<'_>) -> Result<(), Refusal> {
    let refuse = |key, instead: &str| {
        let end = format!("is not supported yet; {instead}");
        places.find(key).map_or(Ok(()), |found| Err(places.refuse(found, Reason::NotSupported, end)))
    };
    match settings.identity.value {
        Identity::AwsJwt => refuse(key::IDENTITY, "\"aws-role\" and \"kubernetes\" are")?,
        Identity::Kubernetes if settings.has_sidecar() => {
            refuse(key::IDENTITY, "it is with the source \"file\" and no outputs")?;
        }
        Identity::AwsRole | Identity::Kubernetes => {}
    }
    if settings
        .aws
        .as_ref()
        .is_some_and(|aws| matches!(aws.credentials.value, Credentials::PodIdentity { .. }))
    {
        let role =
            format!("\"irsa\" is, with the role in the service account's annotation {}", eks::ROLE_ARN);
        refuse(key::AWS_CREDENTIALS, &role)?;
        let message = format!(
            "The pod carries EKS Pod Identity, which is not supported yet; {role}, or the pod's {}.",
            key::ROLE_ARN
        );
        return Err(Refusal::of_settings(Reason::NoAwsIdentity, message));
    }
    if settings.outputs.is_some() {
        refuse(key::OUTPUTS, "let the app's Google library make the tokens that it needs")?;
    }
    Ok(())
}
