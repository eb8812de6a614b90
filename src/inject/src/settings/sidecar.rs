//! The sidecar's own settings: ports, proxy, roots, resources, logs.

use std::borrow::Cow;

use rolebridge_core::annotations as key;
use rolebridge_core::pod_names::DEFAULT_PORT;

use super::parse::{self, CaBundle, ParsedQuantity};
use super::precedence::Precedence;
use super::{Origin, Setting, app_env};
use crate::quantity::Quantity;
use crate::{Denial, Reason};

/// The sidecar's side of the settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sidecar<'a> {
    /// The loopback server's port.
    pub port: Setting<u16>,
    /// The metrics' port; `None`: not served.
    pub metrics_port: Option<Setting<u16>>,
    /// Further TLS roots.
    pub ca_bundle: Option<Setting<CaBundle<'a>>>,
    /// The proxy.
    pub https_proxy: Option<Setting<Cow<'a, str>>>,
    /// What is reached without it.
    pub no_proxy: Option<Setting<&'a str>>,
    /// Seconds until the first token; `None`: it waits for ever.
    pub startup_timeout: Option<Setting<u32>>,
    /// How much it logs.
    pub log_level: Setting<&'a str>,
    /// Its CPU.
    pub cpu: ResourceBounds<'a>,
    /// Its memory.
    pub memory: ResourceBounds<'a>,
}

/// A resource's request and limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ResourceBounds<'a> {
    /// What the scheduler sets aside.
    pub request: Setting<ParsedQuantity<'a>>,
    /// What it may use at most, where a limit is set.
    pub limit: Setting<ParsedQuantity<'a>>,
    /// The least limit that it can live with.
    pub min_limit: ParsedQuantity<'a>,
}

/// A sidecar rests at a millisecond of CPU a minute and under 8 MiB; its start takes some 20 ms.
const CPU_REQUEST: ParsedQuantity<'_> = ParsedQuantity { text: "5m", quantity: Quantity::millis(5) };
const CPU_LIMIT: ParsedQuantity<'_> = ParsedQuantity { text: "50m", quantity: Quantity::millis(50) };
const MEMORY_REQUEST: ParsedQuantity<'_> =
    ParsedQuantity { text: "16Mi", quantity: Quantity::units(16 << 20) };
const MEMORY_LIMIT: ParsedQuantity<'_> = ParsedQuantity { text: "32Mi", quantity: Quantity::units(32 << 20) };

impl<'a> Sidecar<'a> {
    pub(super) fn resolve(precedence: &Precedence<'a>) -> Result<Self, Denial> {
        Ok(Self {
            port: precedence.or(key::PORT, parse::port, DEFAULT_PORT)?,
            metrics_port: precedence.optional(key::METRICS_PORT, parse::port)?,
            ca_bundle: precedence.optional(key::CA_BUNDLE, parse::ca_bundle)?,
            https_proxy: https_proxy(precedence)?,
            no_proxy: no_proxy(precedence)?,
            startup_timeout: precedence.optional(key::STARTUP_TIMEOUT, parse::startup_timeout)?,
            log_level: precedence.or(key::LOG_LEVEL, parse::log_level, "info")?,
            cpu: bounds(
                precedence,
                precedence.or(key::CPU_REQUEST, parse::cpu, CPU_REQUEST)?,
                precedence.or(key::CPU_LIMIT, parse::cpu, CPU_LIMIT)?,
                (key::CPU_REQUEST, key::CPU_LIMIT),
                parse::LEAST_CPU,
            )?,
            memory: bounds(
                precedence,
                precedence.or(key::MEMORY_REQUEST, parse::memory, MEMORY_REQUEST)?,
                precedence.or(key::MEMORY_LIMIT, parse::memory_limit, MEMORY_LIMIT)?,
                (key::MEMORY_REQUEST, key::MEMORY_LIMIT),
                parse::LEAST_MEMORY_LIMIT,
            )?,
        })
    }
}

/// Kubernetes refuses a request above its limit, with a message that names neither annotation.
fn bounds<'a>(
    precedence: &Precedence<'a>,
    request: Setting<ParsedQuantity<'a>>,
    limit: Setting<ParsedQuantity<'a>>,
    (request_key, limit_key): (&'static str, &'static str),
    min_limit: ParsedQuantity<'a>,
) -> Result<ResourceBounds<'a>, Denial> {
    // A default gives way to what somebody said for the pod.
    let both_annotated = request.origin.is_annotated() && limit.origin.is_annotated();
    if both_annotated && request.value.quantity > limit.value.quantity {
        let end = format!(
            "is more than {limit_key}: {:?} ({})",
            limit.value.text,
            precedence.describe_origin(limit.origin)
        );
        if let Some(found) = precedence.find(request_key) {
            return Err(Denial {
                depends_on_metadata: true,
                ..precedence.deny(found, Reason::BadValue, end)
            });
        }
    }
    Ok(ResourceBounds { request, limit, min_limit })
}

fn https_proxy<'a>(precedence: &Precedence<'a>) -> Result<Option<Setting<Cow<'a, str>>>, Denial> {
    let owned = |Setting { value, origin }| Setting { value: Cow::Borrowed(value), origin };
    if let Some(found) = precedence.annotated(key::HTTPS_PROXY) {
        return precedence.read(found, parse::proxy).map(owned).map(Some);
    }
    if let Some(proxy) = of_app(precedence) {
        return Ok(Some(Setting { value: proxy, origin: Origin::Pod }));
    }
    let default = precedence.default(key::HTTPS_PROXY).map(|found| precedence.read(found, parse::proxy));
    Ok(default.transpose()?.map(owned))
}

/// The proxy that the app's containers use, if the sidecar can use it too.
fn of_app<'a>(precedence: &Precedence<'a>) -> Option<Cow<'a, str>> {
    parse::proxy_variable(app_env::value(precedence.pod, app_env::HTTPS_PROXY)?).ok()
}

fn no_proxy<'a>(precedence: &Precedence<'a>) -> Result<Option<Setting<&'a str>>, Denial> {
    if let Some(found) = precedence.annotated(key::NO_PROXY) {
        return precedence.read(found, parse::no_proxy).map(Some);
    }
    let of_app =
        app_env::value(precedence.pod, app_env::NO_PROXY).filter(|text| parse::no_proxy(text).is_ok());
    if let Some(value) = of_app {
        return Ok(Some(Setting { value, origin: Origin::Pod }));
    }
    precedence.default(key::NO_PROXY).map(|found| precedence.read(found, parse::no_proxy)).transpose()
}
