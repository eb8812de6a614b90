//! What was measured, beside its budget.

use std::fmt::{self, Display, Formatter};

/// One measurement.
pub(crate) struct Row {
    /// What was measured, and in which state.
    pub(crate) name: &'static str,
    /// The number, in the budget's unit.
    pub(crate) measured: f64,
    /// The number that it should keep.
    pub(crate) budget: Budget,
    /// What follows the number.
    pub(crate) unit: &'static str,
}

/// Which side of a number is good.
#[derive(Clone, Copy)]
pub(crate) enum Budget {
    /// It may be this much.
    AtMost(f64),
    /// It must be this much.
    AtLeast(f64),
}

impl Row {
    fn is_within_budget(&self) -> bool {
        match self.budget {
            Budget::AtMost(max) => self.measured <= max,
            Budget::AtLeast(min) => self.measured >= min,
        }
    }
}

impl Display for Budget {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtMost(max) => write!(f, "≤ {max}"),
            Self::AtLeast(min) => write!(f, "≥ {min}"),
        }
    }
}

/// All of it, in the order in which it was measured.
pub(crate) struct Table(pub(crate) Vec<Row>);

impl Display for Table {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "| {:<72} | {:>12} | {:>12} | {:<6} |", "what", "measured", "budget", "kept")?;
        writeln!(f, "| {:-<72} | {:->11}: | {:->11}: | {:-<6} |", "", "", "", "")?;
        for row in &self.0 {
            let measured = format!("{:.2} {}", row.measured, row.unit);
            let budget = format!("{} {}", row.budget, row.unit);
            let within = if row.is_within_budget() { "yes" } else { "NO" };
            writeln!(
                f,
                "| {:<72} | {:>12} | {:>12} | {within:<6} |",
                row.name,
                measured.trim_end(),
                budget.trim_end()
            )?;
        }
        Ok(())
    }
}
