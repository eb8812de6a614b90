//! What was measured, beside its budget.

use std::fmt::{self, Display, Formatter};

/// One measurement.
pub(crate) struct Row {
    /// What was measured, and in which state.
    pub(crate) what: &'static str,
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
    fn kept(&self) -> bool {
        match self.budget {
            Budget::AtMost(most) => self.measured <= most,
            Budget::AtLeast(least) => self.measured >= least,
        }
    }
}

impl Display for Budget {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtMost(most) => write!(f, "≤ {most}"),
            Self::AtLeast(least) => write!(f, "≥ {least}"),
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
            let kept = if row.kept() { "yes" } else { "NO" };
            writeln!(
                f,
                "| {:<72} | {:>12} | {:>12} | {kept:<6} |",
                row.what,
                measured.trim_end(),
                budget.trim_end()
            )?;
        }
        Ok(())
    }
}
