//! The table of measurements and budgets.

use std::fmt::{self, Display, Formatter};

/// The unit of a measurement relative to another.
pub(crate) const FACTOR: &str = "x";

/// A measurement.
pub(crate) struct Row {
    /// The quantity, and the state in which it was measured.
    pub(crate) name: &'static str,
    /// The measured number, in the budget's unit.
    pub(crate) measured: f64,
    /// The budget. A measurement beyond it fails the run.
    pub(crate) budget: Budget,
    /// The goal, where it is not the budget.
    pub(crate) goal: Option<Budget>,
    /// The unit.
    pub(crate) unit: &'static str,
}

/// A limit in one direction.
#[derive(Clone, Copy)]
pub(crate) enum Budget {
    /// A maximum.
    AtMost(f64),
    /// A minimum.
    AtLeast(f64),
}

impl Row {
    fn is_within_budget(&self) -> bool {
        self.budget.is_kept_by(self.measured)
    }

    /// Returns the goal and whether it is reached; empty without a goal.
    fn describe_goal(&self) -> String {
        self.goal.map_or_else(String::new, |goal| {
            let reached = if goal.is_kept_by(self.measured) { "reached" } else { "missed" };
            format!("{goal} {}: {reached}", self.unit)
        })
    }
}

impl Budget {
    fn is_kept_by(self, measured: f64) -> bool {
        match self {
            Self::AtMost(max) => measured <= max,
            Self::AtLeast(min) => measured >= min,
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

/// The measurements, in their order.
pub(crate) struct Table(pub(crate) Vec<Row>);

impl Table {
    /// Returns the number of measurements that are not within their budgets.
    pub(crate) fn count_exceeded(&self) -> usize {
        self.0.iter().filter(|row| !row.is_within_budget()).count()
    }
}

impl Display for Table {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "| {:<72} | {:>12} | {:>12} | {:<6} | {:<17} |",
            "measurement", "measured", "budget", "within", "goal"
        )?;
        writeln!(f, "| {:-<72} | {:->11}: | {:->11}: | {:-<6} | {:-<17} |", "", "", "", "", "")?;
        for row in &self.0 {
            let measured = format!("{:.2} {}", row.measured, row.unit);
            let budget = format!("{} {}", row.budget, row.unit);
            let within = if row.is_within_budget() { "yes" } else { "NO" };
            writeln!(
                f,
                "| {:<72} | {:>12} | {:>12} | {within:<6} | {:<17} |",
                row.name,
                measured.trim_end(),
                budget.trim_end(),
                row.describe_goal()
            )?;
        }
        Ok(())
    }
}
