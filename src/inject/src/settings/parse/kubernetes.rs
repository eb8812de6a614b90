//! Kubernetes values: container names, ConfigMap keys, quantities.

use rolebridge_core::parse::{InvalidValue, is_container_name, is_object_name};

use crate::quantity::Quantity;
use crate::settings::names::Names;

/// A quantity as text and as a comparable number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ParsedQuantity<'a> {
    /// The original text.
    pub text: &'a str,
    /// The comparable number.
    pub quantity: Quantity,
}

const MIB: u64 = 1024 * 1024;

/// Minimum CPU: the smallest amount in Kubernetes, one thousandth of a core.
pub(crate) const MIN_CPU: ParsedQuantity<'_> = ParsedQuantity { text: "1m", quantity: Quantity::millis(1) };

/// Minimum memory limit, which includes the startup probe and the container runtime's init process.
pub(crate) const MIN_MEMORY_LIMIT: ParsedQuantity<'_> =
    ParsedQuantity { text: "16Mi", quantity: Quantity::units(16 * MIB) };

/// Parses an amount of CPU in cores.
pub(crate) fn cpu(text: &str) -> Result<ParsedQuantity<'_>, InvalidValue> {
    quantity(text, MIN_CPU.quantity).ok_or_else(|| InvalidValue::expected("an amount of CPU, such as 100m"))
}

/// Parses an amount of memory in bytes.
pub(crate) fn memory(text: &str) -> Result<ParsedQuantity<'_>, InvalidValue> {
    quantity(text, Quantity::units(MIB))
        .ok_or_else(|| InvalidValue::expected("an amount of memory of 1Mi or more, such as 24Mi"))
}

/// Parses a memory limit that is enough for the sidecar.
pub(crate) fn memory_limit(text: &str) -> Result<ParsedQuantity<'_>, InvalidValue> {
    quantity(text, MIN_MEMORY_LIMIT.quantity).ok_or_else(|| {
        InvalidValue::expected(
            "an amount of memory of 16Mi or more, which the sidecar and its startup probe need",
        )
    })
}

fn quantity(text: &str, min: Quantity) -> Option<ParsedQuantity<'_>> {
    let quantity = Quantity::parse(text)?;
    (quantity >= min).then_some(ParsedQuantity { text, quantity })
}

/// A key of a ConfigMap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConfigMapKey<'a> {
    /// The ConfigMap's name.
    pub config_map: &'a str,
    /// The key of the PEM file.
    pub key: &'a str,
}

/// Parses `CONFIGMAP/KEY`.
pub(crate) fn ca_bundle(text: &str) -> Result<ConfigMapKey<'_>, InvalidValue> {
    let is_valid_key = |key: &str| {
        (1..=253).contains(&key.len())
            && ![".", ".."].contains(&key)
            && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte))
    };
    text.split_once('/')
        .filter(|(config_map, key)| is_object_name(config_map) && is_valid_key(key))
        .map(|(config_map, key)| ConfigMapKey { config_map, key })
        .ok_or_else(|| {
            InvalidValue::expected("CONFIGMAP/KEY, a ConfigMap of the pod's namespace and a key in it")
        })
}

/// Parses container names separated by commas.
pub(crate) fn container_names(text: &str) -> Result<Names<'_>, InvalidValue> {
    let names: Names<'_> = text.split(',').map(str::trim).collect();
    if names.iter().all(is_container_name) {
        return Ok(names);
    }
    Err(InvalidValue::expected("container names separated by commas"))
}
