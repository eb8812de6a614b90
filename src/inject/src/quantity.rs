//! Kubernetes quantities, such as `100m` and `32Mi`: parsed for comparison, never printed.
//!
//! Source: <https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/>.

use std::borrow::Cow;
use std::fmt;

use serde::de::{self, Deserialize, Deserializer, Visitor};

const NANOS: u128 = 1_000_000_000;

/// An amount of a resource in billionths of its unit, rounded up like in Kubernetes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Quantity(u128);

impl Quantity {
    /// Creates a quantity of whole units: cores or bytes.
    #[must_use]
    pub const fn units(units: u64) -> Self {
        Self(units as u128 * NANOS)
    }

    /// Creates a quantity of thousandths of a unit.
    #[must_use]
    pub const fn millis(millis: u64) -> Self {
        Self(millis as u128 * (NANOS / 1000))
    }

    /// Returns the sum, or the maximum if that is too large.
    #[must_use]
    pub const fn saturating_add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// Returns the quantity times a number without a unit, or the maximum if that is too large.
    #[must_use]
    pub const fn saturating_mul(self, factor: Self) -> Self {
        Self(self.0.saturating_mul(factor.0).div_ceil(NANOS))
    }

    /// Returns the quantity divided by a number without a unit, rounded up. Returns `None` for a zero divisor.
    #[must_use]
    pub fn checked_div_ceil(self, divisor: Self) -> Option<Self> {
        let nanos = self.0.checked_mul(NANOS)?;
        (divisor.0 > 0).then(|| Self(nanos.div_ceil(divisor.0)))
    }

    /// Returns the quantity in thousandths of a unit, rounded up.
    #[must_use]
    pub const fn to_millis(self) -> u128 {
        self.0.div_ceil(NANOS / 1000)
    }

    /// Parses `1`, `0.5`, `100m`, `32Mi` or `1e3`. Returns `None` for negative amounts, which are invalid for resources.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.strip_prefix('+').unwrap_or(text);
        let is_part_of_number = |byte: u8| byte.is_ascii_digit() || byte == b'.';
        let end = text.bytes().position(|byte| !is_part_of_number(byte)).unwrap_or(text.len());
        let (number, suffix) = text.split_at(end);
        let (integer, fraction) = number.split_once('.').unwrap_or((number, ""));
        if (integer.is_empty() && fraction.is_empty()) || fraction.contains('.') {
            return None;
        }
        let (factor, divisor) = scale(suffix)?;
        let digits = if fraction.is_empty() {
            Cow::Borrowed(integer)
        } else {
            Cow::Owned([integer, fraction].concat())
        };
        let divisor = divisor.checked_mul(power(10, u32::try_from(fraction.len()).ok()?)?)?;
        let nanos = digits.parse::<u128>().ok()?.checked_mul(factor)?.checked_mul(NANOS)?;
        Some(Self(nanos.div_ceil(divisor)))
    }
}

/// Returns the factor and the divisor of a suffix.
fn scale(suffix: &str) -> Option<(u128, u128)> {
    let decimal = |exponent| Some((power(10, exponent)?, 1));
    let binary = |exponent| Some((power(1024, exponent)?, 1));
    match suffix {
        "" => Some((1, 1)),
        "n" => Some((1, power(10, 9)?)),
        "u" => Some((1, power(10, 6)?)),
        "m" => Some((1, power(10, 3)?)),
        "k" => decimal(3),
        "M" => decimal(6),
        "G" => decimal(9),
        "T" => decimal(12),
        "P" => decimal(15),
        "E" => decimal(18),
        "Ki" => binary(1),
        "Mi" => binary(2),
        "Gi" => binary(3),
        "Ti" => binary(4),
        "Pi" => binary(5),
        "Ei" => binary(6),
        _ => match suffix.strip_prefix(['e', 'E'])?.parse::<i32>().ok()? {
            exponent @ 0.. => decimal(exponent.unsigned_abs()),
            exponent => Some((1, power(10, exponent.unsigned_abs())?)),
        },
    }
}

fn power(base: u128, exponent: u32) -> Option<u128> {
    base.checked_pow(exponent)
}

impl<'de> Deserialize<'de> for Quantity {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(QuantityVisitor)
    }
}

/// A visitor for strings, which the API server sends, and for plain numbers in a manifest.
struct QuantityVisitor;

impl Visitor<'_> for QuantityVisitor {
    type Value = Quantity;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a quantity such as \"100m\" or \"32Mi\"")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Quantity, E> {
        Quantity::parse(text).ok_or_else(|| E::invalid_value(de::Unexpected::Str(text), &self))
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Quantity, E> {
        Ok(Quantity::units(number))
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<Quantity, E> {
        Quantity::parse(&number.to_string())
            .ok_or_else(|| E::invalid_value(de::Unexpected::Float(number), &self))
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("1", "1000m")]
    #[case("0.5", "500m")]
    #[case(".5", "500m")]
    #[case("1.", "1")]
    #[case("1e3", "1k")]
    #[case("1E3", "1000")]
    #[case("1E", "1000P")]
    #[case("5e-1", "500m")]
    #[case("1Ki", "1024")]
    #[case("32Mi", "33554432")]
    #[case("1.5Gi", "1536Mi")]
    #[case("+2", "2")]
    #[case("1e-10", "1n")]
    fn equal_quantities_with_different_suffixes_are_equal(#[case] first: &str, #[case] second: &str) {
        assert_eq!(Quantity::parse(first).unwrap(), Quantity::parse(second).unwrap());
    }

    #[test]
    fn arithmetic_rounds_up_and_saturates() {
        let quantity = |text| Quantity::parse(text).unwrap();
        assert_eq!(quantity("5m").saturating_add(quantity("1")), quantity("1005m"));
        assert_eq!(quantity("5m").saturating_mul(quantity("1.5")), quantity("7500u"));
        assert_eq!(quantity("50m").checked_div_ceil(quantity("4")), Some(quantity("12500u")));
        assert_eq!(quantity("50m").checked_div_ceil(quantity("0")), None);
        assert_eq!(quantity("12500u").to_millis(), 13);
        let max = Quantity(u128::MAX);
        assert_eq!(max.saturating_add(quantity("1")), max);
        assert_eq!(max.checked_div_ceil(quantity("1")), None);
    }

    #[test]
    fn quantities_are_ordered_by_amount() {
        assert!(Quantity::parse("16Mi") > Quantity::parse("16M"));
        assert!(Quantity::parse("100m") < Quantity::parse("1"));
    }

    #[test]
    fn parse_of_an_invalid_quantity_fails() {
        for text in ["", ".", "Mi", "1.2.3", "-1", "1 Mi", "1mi", "1KiB", "ten", "1e", "1e99", "0x10"] {
            assert_eq!(Quantity::parse(text), None, "{text}");
        }
    }

    #[test]
    fn deserialize_accepts_plain_numbers() {
        assert_eq!(serde_json::from_str::<Quantity>("2").unwrap(), Quantity::units(2));
        assert_eq!(Some(serde_json::from_str::<Quantity>("0.5").unwrap()), Quantity::parse("500m"));
        assert!(serde_json::from_str::<Quantity>("\"much\"").is_err());
    }
}
