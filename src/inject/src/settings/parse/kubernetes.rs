//! Kubernetes's values: containers, config maps, quantities.

use rolebridge_core::parse::{InvalidValue, is_host};

use crate::quantity::Quantity;

/// A quantity, as it was written and as it compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ParsedQuantity<'a> {
    /// As it was written.
    pub text: &'a str,
    /// As it compares.
    pub quantity: Quantity,
}

const MIB: u64 = 1024 * 1024;

/// Kubernetes keeps no less than a thousandth of a core.
pub(crate) const LEAST_CPU: ParsedQuantity<'_> = ParsedQuantity { text: "1m", quantity: Quantity::millis(1) };

/// The startup probe and the container runtime's own start are counted too.
pub(crate) const LEAST_MEMORY_LIMIT: ParsedQuantity<'_> =
    ParsedQuantity { text: "16Mi", quantity: Quantity::units(16 * MIB) };

/// Cores.
pub(crate) fn cpu(text: &str) -> Result<ParsedQuantity<'_>, InvalidValue> {
    amount(text, LEAST_CPU.quantity).ok_or_else(|| InvalidValue::expected("an amount of CPU, such as 100m"))
}

/// Bytes.
pub(crate) fn memory(text: &str) -> Result<ParsedQuantity<'_>, InvalidValue> {
    amount(text, Quantity::units(MIB))
        .ok_or_else(|| InvalidValue::expected("an amount of memory of 1Mi or more, such as 24Mi"))
}

/// Bytes that are enough.
pub(crate) fn memory_limit(text: &str) -> Result<ParsedQuantity<'_>, InvalidValue> {
    amount(text, LEAST_MEMORY_LIMIT.quantity).ok_or_else(|| {
        InvalidValue::expected(
            "an amount of memory of 16Mi or more, which the sidecar and its startup probe need",
        )
    })
}

fn amount(text: &str, least: Quantity) -> Option<ParsedQuantity<'_>> {
    let quantity = Quantity::parse(text)?;
    (quantity >= least).then_some(ParsedQuantity { text, quantity })
}

/// A key of a config map.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CaBundle<'a> {
    /// The config map's name.
    pub config_map: &'a str,
    /// The key that holds the PEM.
    pub key: &'a str,
}

/// `CONFIGMAP/KEY`.
pub(crate) fn ca_bundle(text: &str) -> Result<CaBundle<'_>, InvalidValue> {
    let key_is_good = |key: &str| {
        (1..=253).contains(&key.len())
            && ![".", ".."].contains(&key)
            && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte))
    };
    text.split_once('/')
        .filter(|(config_map, key)| is_object_name(config_map) && key_is_good(key))
        .map(|(config_map, key)| CaBundle { config_map, key })
        .ok_or_else(|| {
            InvalidValue::expected("CONFIGMAP/KEY, a config map of the pod's namespace and a key in it")
        })
}

/// A name of most objects: a domain name in lower case.
pub(crate) fn is_object_name(text: &str) -> bool {
    is_host(text) && !text.bytes().any(|byte| byte.is_ascii_uppercase())
}

/// Names of containers with commas between them.
pub(crate) fn container_names(text: &str) -> Result<Vec<&str>, InvalidValue> {
    let names: Vec<_> = text.split(',').map(str::trim).collect();
    if names.iter().all(|name| is_container_name(name)) {
        return Ok(names);
    }
    Err(InvalidValue::expected("a list of containers with commas between them"))
}

/// A label in lower case.
pub(crate) fn is_container_name(text: &str) -> bool {
    is_object_name(text) && !text.contains('.')
}
