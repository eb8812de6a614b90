//! Warns about regions of the app containers for which Google's libraries cannot sign.
//!
//! With the source `loopback`, a library signs the request itself, for the host of the region in its environment. It asks the
//! sidecar for the region only if there is none.

use rolebridge_core::annotations as key;
use rolebridge_core::aws::Partition;
use rolebridge_core::redact::Quoted;
use rolebridge_core::token_source::TokenSource;

use crate::message::{MAX_NAMES_IN_WARNING, join_names};
use crate::settings::app_env;
use crate::settings::parse::is_region_name;
use crate::settings::{Aws, Settings};
use crate::view::{Container, Env, Pod};

/// Returns a warning about containers with a region that is not one of the role's partition.
pub(super) fn unusable(pod: &Pod<'_>, settings: &Settings<'_>) -> Option<String> {
    let aws = settings.aws.as_ref()?;
    let partition = aws.role()?.value.partition();
    let is_affected = |container: &&Container<'_>| {
        settings.containers.includes(container)
            && settings.sources.value.of(&container.name) == TokenSource::Loopback
    };
    let containers = pod.containers().map(|(_, _, container)| container).filter(is_affected);
    let mut unusable = containers.filter_map(|container| {
        let variable = app_env::REGION.iter().find_map(|name| container.variable(name))?;
        let region = Env::literal(variable).filter(|region| !is_usable(region, partition))?;
        Some((&*container.name, &*variable.name, region))
    });
    let (first, variable, region) = unusable.next()?;
    let others = unusable.map(|(container, ..)| container);
    let containers = join_names(MAX_NAMES_IN_WARNING, std::iter::once(first).chain(others))?;
    Some(message(aws, partition, variable, &containers, region))
}

fn is_usable(region: &str, partition: Partition) -> bool {
    is_region_name(region) && Partition::of_region(region) == partition
}

fn message(aws: &Aws<'_>, partition: Partition, variable: &str, containers: &str, region: &str) -> String {
    // A longer value would not be shown anyway.
    let region: String = region.chars().take(40).collect();
    format!(
        "{variable} in {containers}: expected a region of the partition {}, for which Google's libraries sign, found {}. \
         Fix: set it to {}, or set {} to \"metadata\".",
        partition.as_str(),
        Quoted(&region),
        aws.region.value,
        key::SOURCE
    )
}
