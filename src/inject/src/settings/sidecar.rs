//! The sidecar's settings: ports, proxy, TLS roots, resources and logs.

use std::borrow::Cow;

use rolebridge_core::annotations as key;
use rolebridge_core::parse::InvalidValue;
use rolebridge_core::pod_names::DEFAULT_PORT;

use super::app_env;
use super::origin::Setting;
use super::parse::{self, ConfigMapKey, ParsedQuantity};
use super::precedence::Precedence;
use crate::denial::Denial;
use crate::metadata_dependency::MetadataDependency;
use crate::quantity::Quantity;
use crate::reason::Reason;

/// The sidecar's settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sidecar<'a> {
    /// The port of the server on 127.0.0.1.
    pub port: Setting<u16>,
    /// The metrics port. `None`: metrics are not served.
    pub metrics_port: Option<Setting<u16>>,
    /// Additional TLS roots.
    pub ca_bundle: Option<Setting<ConfigMapKey<'a>>>,
    /// The HTTPS proxy.
    pub https_proxy: Option<Setting<Cow<'a, str>>>,
    /// The hosts that bypass the proxy.
    pub no_proxy: Option<Setting<&'a str>>,
    /// The timeout of the first token in seconds. `None`: no timeout.
    pub startup_timeout: Option<Setting<u32>>,
    /// The log level.
    pub log_level: Setting<&'a str>,
    /// The CPU request and limit.
    pub cpu: ResourceBounds<'a>,
    /// The memory request and limit.
    pub memory: ResourceBounds<'a>,
}

/// A resource's request and limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ResourceBounds<'a> {
    /// The request.
    pub request: Setting<ParsedQuantity<'a>>,
    /// The limit, for pods that have limits.
    pub limit: Setting<ParsedQuantity<'a>>,
    /// The minimum limit that the sidecar needs.
    pub min_limit: ParsedQuantity<'a>,
}

/// An idle sidecar needs one millisecond of CPU per minute and less than 8 MiB; its start takes about 20 ms.
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
                parse::MIN_CPU,
            )?,
            memory: bounds(
                precedence,
                precedence.or(key::MEMORY_REQUEST, parse::memory, MEMORY_REQUEST)?,
                precedence.or(key::MEMORY_LIMIT, parse::memory_limit, MEMORY_LIMIT)?,
                (key::MEMORY_REQUEST, key::MEMORY_LIMIT),
                parse::MIN_MEMORY_LIMIT,
            )?,
        })
    }
}

/// Checks a request against its limit. Kubernetes itself denies a request above the limit, but names neither annotation.
fn bounds<'a>(
    precedence: &Precedence<'a>,
    request: Setting<ParsedQuantity<'a>>,
    limit: Setting<ParsedQuantity<'a>>,
    (request_key, limit_key): (&'static str, &'static str),
    min_limit: ParsedQuantity<'a>,
) -> Result<ResourceBounds<'a>, Denial> {
    // A default is adjusted to an annotation.
    let both_annotated = request.origin.is_annotated() && limit.origin.is_annotated();
    if both_annotated && request.value.quantity > limit.value.quantity {
        let expected = format!(
            "at most {limit_key}: {:?} ({})",
            limit.value.text,
            precedence.describe_origin(limit.origin)
        );
        if let Some(raw) = precedence.find(request_key) {
            let denial = precedence.deny(raw, Reason::BadValue, expected, "");
            return Err(Denial { depends_on_metadata: MetadataDependency::BOTH, ..denial });
        }
    }
    Ok(ResourceBounds { request, limit, min_limit })
}

fn https_proxy<'a>(precedence: &Precedence<'a>) -> Result<Option<Setting<Cow<'a, str>>>, Denial> {
    let into_cow = |Setting { value, origin }| Setting { value: Cow::Borrowed(value), origin };
    if let Some(raw) = precedence.annotated(key::HTTPS_PROXY) {
        return precedence.read(raw, parse::proxy).map(into_cow).map(Some);
    }
    let from_app = precedence.of_app(key::HTTPS_PROXY, app_env::HTTPS_PROXY);
    if let Some(proxy) = from_app.and_then(|raw| Precedence::read_variable(raw, app_proxy)) {
        return Ok(Some(proxy));
    }
    let default = precedence.default(key::HTTPS_PROXY).map(|raw| precedence.read(raw, parse::proxy));
    Ok(default.transpose()?.map(into_cow))
}

/// Parses the proxy of the app containers.
fn app_proxy(value: &str) -> Result<Cow<'_, str>, InvalidValue> {
    if value.contains("$$") {
        // The kubelet replaces it.
        return parse::proxy_variable(&value.replace("$$", "$")).map(|proxy| Cow::Owned(proxy.into_owned()));
    }
    parse::proxy_variable(value)
}

fn no_proxy<'a>(precedence: &Precedence<'a>) -> Result<Option<Setting<&'a str>>, Denial> {
    if let Some(raw) = precedence.annotated(key::NO_PROXY) {
        return precedence.read(raw, parse::no_proxy).map(Some);
    }
    let from_app = precedence.of_app(key::NO_PROXY, app_env::NO_PROXY);
    if let Some(hosts) = from_app.and_then(|raw| Precedence::read_variable(raw, parse::no_proxy)) {
        return Ok(Some(hosts));
    }
    precedence.default(key::NO_PROXY).map(|raw| precedence.read(raw, parse::no_proxy)).transpose()
}
