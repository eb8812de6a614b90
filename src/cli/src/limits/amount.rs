//! Amounts of CPU and memory, and their text.

use std::collections::BTreeMap;

use rolebridge_inject::quantity::Quantity;

/// Amounts by resource. Only CPU and memory are compared, because the sidecar has no others.
pub(super) type Amounts = BTreeMap<String, Quantity>;

/// A resource of the sidecar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Resource {
    Cpu,
    Memory,
}

impl Resource {
    pub(super) const ALL: [Self; 2] = [Self::Cpu, Self::Memory];

    /// Returns the name, as in specifications and in Rolebridge's annotations.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Memory => "memory",
        }
    }

    /// Formats an amount, rounded up: `13m`, `32Mi`.
    pub(super) fn format(self, amount: Quantity) -> String {
        let millis = amount.to_millis();
        match self {
            Self::Cpu if millis.is_multiple_of(1000) => (millis / 1000).to_string(),
            Self::Cpu => format!("{millis}m"),
            Self::Memory => {
                let bytes = millis.div_ceil(1000);
                let units = [(30, "Gi"), (20, "Mi"), (10, "Ki")];
                let unit = units.into_iter().find(|(shift, _)| bytes > 0 && bytes.is_multiple_of(1 << shift));
                unit.map_or_else(|| bytes.to_string(), |(shift, unit)| format!("{}{unit}", bytes >> shift))
            }
        }
    }
}

/// Adds amounts of each resource.
pub(super) fn add(total: &mut Amounts, amounts: &Amounts) {
    for (name, amount) in amounts {
        let sum = total.get(name).copied().unwrap_or_default().saturating_add(*amount);
        total.insert(name.clone(), sum);
    }
}

/// Raises amounts to those of another list.
pub(super) fn raise(total: &mut Amounts, amounts: &Amounts) {
    for (name, amount) in amounts {
        let maximum = total.get(name).copied().unwrap_or_default().max(*amount);
        total.insert(name.clone(), maximum);
    }
}
