//! The sidecar's own settings: ports, proxy, roots, resources, logs.

use std::borrow::Cow;

use rolebridge_core::annotations as key;
use rolebridge_core::pod_names::DEFAULT_PORT;

use super::places::Places;
use super::value::{self, Amount, CaBundle};
use super::{Origin, Setting, agreed};
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
    pub cpu: Bounds<'a>,
    /// Its memory.
    pub memory: Bounds<'a>,
}

/// A resource's request and limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds<'a> {
    /// What the scheduler sets aside.
    pub request: Setting<Amount<'a>>,
    /// What it may use at most, where a limit is set.
    pub limit: Setting<Amount<'a>>,
    /// The least limit that it can live with.
    pub least_limit: Amount<'a>,
}

/// A sidecar rests at a millisecond of CPU a minute and under 8 MiB; its start takes some 20 ms.
const CPU_REQUEST: Amount<'_> = Amount { text: "5m", quantity: Quantity::millis(5) };
const CPU_LIMIT: Amount<'_> = Amount { text: "50m", quantity: Quantity::millis(50) };
const MEMORY_REQUEST: Amount<'_> = Amount { text: "16Mi", quantity: Quantity::units(16 << 20) };
const MEMORY_LIMIT: Amount<'_> = Amount { text: "32Mi", quantity: Quantity::units(32 << 20) };

impl<'a> Sidecar<'a> {
    pub(super) fn resolve(places: &Places<'a>) -> Result<Self, Denial> {
        Ok(Self {
            port: places.or(key::PORT, value::port, DEFAULT_PORT)?,
            metrics_port: places.optional(key::METRICS_PORT, value::port)?,
            ca_bundle: places.optional(key::CA_BUNDLE, value::ca_bundle)?,
            https_proxy: https_proxy(places)?,
            no_proxy: no_proxy(places)?,
            startup_timeout: places.optional(key::STARTUP_TIMEOUT, value::startup_timeout)?,
            log_level: places.or(key::LOG_LEVEL, value::log_level, "info")?,
            cpu: bounds(
                places,
                places.or(key::CPU_REQUEST, value::cpu, CPU_REQUEST)?,
                places.or(key::CPU_LIMIT, value::cpu, CPU_LIMIT)?,
                (key::CPU_REQUEST, key::CPU_LIMIT),
                value::LEAST_CPU,
            )?,
            memory: bounds(
                places,
                places.or(key::MEMORY_REQUEST, value::memory, MEMORY_REQUEST)?,
                places.or(key::MEMORY_LIMIT, value::memory_limit, MEMORY_LIMIT)?,
                (key::MEMORY_REQUEST, key::MEMORY_LIMIT),
                value::LEAST_MEMORY_LIMIT,
            )?,
        })
    }
}

/// Kubernetes refuses a request above its limit, with a message that names neither annotation.
fn bounds<'a>(
    places: &Places<'a>,
    request: Setting<Amount<'a>>,
    limit: Setting<Amount<'a>>,
    (request_key, limit_key): (&'static str, &'static str),
    least_limit: Amount<'a>,
) -> Result<Bounds<'a>, Denial> {
    // A default gives way to what somebody said for the pod.
    let both_annotated = request.origin.is_annotated() && limit.origin.is_annotated();
    if both_annotated && request.value.quantity > limit.value.quantity {
        let end =
            format!("is more than {limit_key}: {:?} ({})", limit.value.text, places.place(limit.origin));
        if let Some(found) = places.find(request_key) {
            return Err(Denial { depends_on_metadata: true, ..places.refuse(found, Reason::BadValue, end) });
        }
    }
    Ok(Bounds { request, limit, least_limit })
}

fn https_proxy<'a>(places: &Places<'a>) -> Result<Option<Setting<Cow<'a, str>>>, Denial> {
    let owned = |Setting { value, origin }| Setting { value: Cow::Borrowed(value), origin };
    if let Some(found) = places.annotated(key::HTTPS_PROXY) {
        return places.read(found, value::proxy).map(owned).map(Some);
    }
    if let Some(proxy) = of_app(places) {
        return Ok(Some(Setting { value: proxy, origin: Origin::Pod }));
    }
    let default = places.default(key::HTTPS_PROXY).map(|found| places.read(found, value::proxy));
    Ok(default.transpose()?.map(owned))
}

/// The proxy that the app's containers use, if the sidecar can use it too.
fn of_app<'a>(places: &Places<'a>) -> Option<Cow<'a, str>> {
    value::proxy_variable(agreed::value(places.pod, agreed::HTTPS_PROXY)?).ok()
}

fn no_proxy<'a>(places: &Places<'a>) -> Result<Option<Setting<&'a str>>, Denial> {
    if let Some(found) = places.annotated(key::NO_PROXY) {
        return places.read(found, value::no_proxy).map(Some);
    }
    let of_app = agreed::value(places.pod, agreed::NO_PROXY).filter(|text| value::no_proxy(text).is_ok());
    if let Some(value) = of_app {
        return Ok(Some(Setting { value, origin: Origin::Pod }));
    }
    places.default(key::NO_PROXY).map(|found| places.read(found, value::no_proxy)).transpose()
}
