//! Warnings about proxies of the app containers that the sidecar does not use.

use rolebridge_core::annotations as key;

use crate::context::Context;
use crate::message::{MAX_NAMES_IN_WARNING, join_names};
use crate::settings::app_env::{self, CommonValue};
use crate::settings::parse::check;
use crate::settings::{Settings, Sidecar};
use crate::view::Pod;

/// Returns a warning if the app containers have a proxy and the sidecar does not use it.
pub(super) fn ambiguous_proxy(
    pod: &Pod<'_>,
    context: &Context<'_>,
    settings: &Settings<'_>,
) -> Option<String> {
    if settings.sidecar.https_proxy.is_some() || context.defaults.locks(key::HTTPS_PROXY) {
        return None;
    }
    let problem = match app_env::common_value(pod, app_env::HTTPS_PROXY) {
        CommonValue::None => return None,
        CommonValue::One(_) => {
            "in the app containers: expected http://HOST:PORT, found another form".to_owned()
        }
        CommonValue::Conflict => "in the app containers: expected one value, found several".to_owned(),
        CommonValue::Unknown(containers) => {
            let containers = join_names(MAX_NAMES_IN_WARNING, containers)?;
            format!("in {containers}: expected a literal value, found valueFrom or a reference")
        }
    };
    Some(format!(
        "HTTPS_PROXY or https_proxy {problem}, so the sidecar uses no proxy. Fix: set {}.",
        key::HTTPS_PROXY
    ))
}

/// Returns a warning if the app containers have a `NO_PROXY` that the sidecar cannot use, so it calls everything through
/// its proxy.
pub(super) fn ambiguous_no_proxy(
    pod: &Pod<'_>,
    context: &Context<'_>,
    settings: &Settings<'_>,
) -> Option<String> {
    let Sidecar { https_proxy, no_proxy, .. } = &settings.sidecar;
    if https_proxy.is_none() || no_proxy.is_some() || context.defaults.locks(key::NO_PROXY) {
        return None;
    }
    let unusable = app_env::variables(pod, app_env::NO_PROXY).filter(|(_, variable)| {
        variable.literal().is_some_and(|list| !list.is_empty() && check(key::NO_PROXY, list).is_err())
    });
    let containers = join_names(MAX_NAMES_IN_WARNING, unusable.map(|(container, _)| &*container.name))?;
    Some(format!(
        "NO_PROXY in {containers}: expected hosts separated by commas, found another form, so the sidecar does not use \
         it. Fix: set {}.",
        key::NO_PROXY
    ))
}
