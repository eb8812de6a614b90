//! What the app's containers say literally and agree on: a region, a proxy.

use rolebridge_contract::pod::CONTAINER;

use crate::{Pod, mesh};

/// The one value that the app's containers give to any of these variables; `None` if they differ or say nothing.
/// Later names are asked only where a container lacks the earlier ones.
pub(crate) fn value<'a>(pod: &'a Pod<'_>, names: &[&str]) -> Option<&'a str> {
    let of_app = pod.app_containers().iter().filter(|one| !mesh::owns(one) && *one.name != *CONTAINER);
    let mut values = of_app.filter_map(|one| names.iter().find_map(|name| one.variable(name)));
    let first = values.next()?.literal()?;
    let agree = !first.is_empty() && values.all(|other| other.literal() == Some(first));
    agree.then_some(first)
}

/// Whether EKS Pod Identity's webhook has been here.
pub(crate) fn carries_pod_identity(pod: &Pod<'_>) -> bool {
    pod.containers().any(|(_, _, one)| one.variable("AWS_CONTAINER_CREDENTIALS_FULL_URI").is_some())
}
