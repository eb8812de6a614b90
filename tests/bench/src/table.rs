//! The tables of measurements: the budgets, and the goals apart.

use std::fmt::{self, Display, Formatter};

/// The unit of a measurement relative to another.
pub(crate) const FACTOR: &str = "x";

/// A measurement.
pub(crate) struct Row {
    /// The quantity, and the state in which it was measured.
    name: String,
    /// The measured number.
    measured: f64,
    unit: &'static str,
    /// The budget. A measurement beyond it fails the run.
    budget: Option<Limit>,
    /// The goal, which may lie beyond the budget.
    goal: Option<Limit>,
    /// The figures of other projects' programs, for a comparison.
    peers: String,
}

/// A limit in one direction.
#[derive(Clone, Copy)]
pub(crate) enum Limit {
    /// A maximum.
    AtMost(f64),
    /// A minimum.
    AtLeast(f64),
}

impl Row {
    pub(crate) fn new(name: impl Into<String>, measured: f64, unit: &'static str) -> Self {
        Self { name: name.into(), measured, unit, budget: None, goal: None, peers: String::new() }
    }

    pub(crate) fn budget(self, budget: Limit) -> Self {
        Self { budget: Some(budget), ..self }
    }

    pub(crate) fn goal(self, goal: Limit) -> Self {
        Self { goal: Some(goal), ..self }
    }

    pub(crate) fn peers(self, peers: impl Into<String>) -> Self {
        Self { peers: peers.into(), ..self }
    }

    fn is_within_budget(&self) -> bool {
        self.budget.is_none_or(|budget| budget.is_kept_by(self.measured))
    }

    fn is_goal_reached(&self) -> Option<bool> {
        Some(self.goal?.is_kept_by(self.measured))
    }

    fn describe_measured(&self) -> String {
        format!("{:.2} {}", self.measured, self.unit).trim_end().to_owned()
    }

    fn describe(&self, limit: Option<Limit>) -> String {
        limit.map_or_else(String::new, |limit| format!("{limit} {}", self.unit).trim_end().to_owned())
    }
}

impl Limit {
    fn is_kept_by(self, measured: f64) -> bool {
        match self {
            Self::AtMost(max) => measured <= max,
            Self::AtLeast(min) => measured >= min,
        }
    }
}

impl Display for Limit {
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

    fn write_goals(&self, f: &mut Formatter<'_>, title: &str, are_reached: bool) -> fmt::Result {
        let rows: Vec<_> = self.0.iter().filter(|row| row.is_goal_reached() == Some(are_reached)).collect();
        if rows.is_empty() {
            return Ok(());
        }
        writeln!(f, "\n{title}: {}\n", rows.len())?;
        writeln!(f, "| {:<75} | {:>12} | {:>12} | peers", "measurement", "measured", "goal")?;
        writeln!(f, "| {:-<75} | {:->11}: | {:->11}: | -----", "", "", "")?;
        for row in rows {
            let (measured, goal) = (row.describe_measured(), row.describe(row.goal));
            writeln!(f, "| {:<75} | {measured:>12} | {goal:>12} | {}", row.name, row.peers)?;
        }
        Ok(())
    }
}

impl Display for Table {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "| {:<75} | {:>12} | {:>12} | {:<6} |", "measurement", "measured", "budget", "within")?;
        writeln!(f, "| {:-<75} | {:->11}: | {:->11}: | {:-<6} |", "", "", "", "")?;
        for row in &self.0 {
            let within = match (row.budget, row.is_within_budget()) {
                (None, _) => "",
                (_, true) => "yes",
                (_, false) => "NO",
            };
            let (measured, budget) = (row.describe_measured(), row.describe(row.budget));
            writeln!(f, "| {:<75} | {measured:>12} | {budget:>12} | {within:<6} |", row.name)?;
        }
        self.write_goals(f, "Goals that were reached", true)?;
        self.write_goals(f, "Goals that were missed", false)
    }
}
