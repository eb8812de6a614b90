//! The calls of 100,000 pods that start within 20 minutes, from `make simulate`.

use std::process::Command;

use crate::error::Error;
use crate::table::{Limit, Row};

const SCENARIO: &str = "metadata, started within 20 minutes";

/// Simulates the rollout.
///
/// # Errors
/// Returns an error if the simulation fails.
pub(crate) fn measure() -> Result<Vec<Row>, Error> {
    let program = std::env::current_exe()?.with_file_name("rolebridge-simulate");
    let output = Command::new(program).args(["--only", SCENARIO]).output()?;
    if !output.status.success() {
        return Err(format!("the simulation failed: {}", String::from_utf8_lossy(&output.stderr)).into());
    }
    let (rejected, slowest) = parse(&String::from_utf8(output.stdout)?)?;
    Ok(vec![
        Row::new("rollout of 100,000 pods in 20 minutes: calls over a quota of a cloud", rejected, "")
            .goal(Limit::AtMost(0.0)),
        Row::new("rollout of 100,000 pods in 20 minutes: slowest first token", slowest, "s")
            .goal(Limit::AtMost(2.0)),
    ])
}

/// Returns the calls over a quota and the slowest first token in seconds.
fn parse(table: &str) -> Result<(f64, f64), Error> {
    let line = table.lines().find(|line| line.contains(SCENARIO)).ok_or("no such scenario")?;
    let [_, _, _, _, _, rejected, first_token, ..] = line.split('|').collect::<Vec<_>>()[..] else {
        return Err(format!("expected a row of scenarios, found {line:?}").into());
    };
    let slowest = first_token.rsplit(", ").next().unwrap_or_default().trim();
    let slowest = match slowest.split_once(' ') {
        Some((seconds, "s")) => seconds.parse()?,
        Some((minutes, "min")) => minutes.parse::<f64>()? * 60.0,
        _ => return Err(format!("expected a time, found {slowest:?}").into()),
    };
    Ok((rejected.trim().replace(',', "").parse()?, slowest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parse_finds_refusals_and_the_slowest_token() {
        let row = |rejected: &str, last: &str| {
            format!(
                "| scenario |\n| {SCENARIO} | 129 | 5,320 | 5,294 | {rejected} | 0.3 s, 0.4 s, {last} | 0 |\n"
            )
        };
        assert_eq!(parse(&row("0", "0.4 s")).unwrap(), (0.0, 0.4));
        assert_eq!(parse(&row("1,139,202", "16 min")).unwrap(), (1_139_202.0, 960.0));
        assert!(parse("").is_err());
        assert!(parse(&row("0", "?")).is_err());
    }
}
