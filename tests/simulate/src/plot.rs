//! The figure: for each scenario, the calls of Google STS by the minute, and its quota.

use std::fmt::Write;

use crate::quota::Quota;
use crate::record::{Call, Record};
use crate::report::{Results, grouped};
use crate::scenario::Scenario;

const WIDTH: f64 = 880.0;
/// The width and the height of a panel's plot.
const PLOT: (f64, f64) = (380.0, 110.0);
/// The distance between panels, with room for titles and axes.
const STEP: (f64, f64) = (440.0, 180.0);
const MARGIN: (f64, f64) = (50.0, 34.0);

const STYLE: &str = "text{font:12px sans-serif;fill:#444}.title{font-weight:bold;fill:#222}.axis{stroke:#bbb}\
    .calls{fill:#4a7fb5}.rejected{fill:#d9534f}.quota{stroke:#222;stroke-dasharray:4 3}";

/// Returns the figure as SVG.
pub(crate) fn figure(results: &Results) -> String {
    let rows = results.len().div_ceil(2);
    #[expect(clippy::cast_precision_loss, reason = "a few panels")]
    let height = STEP.1 * rows as f64;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" \
         height=\"{height}\" role=\"img\"><title>Exchanges at Google STS in each minute</title>\
         <style>{STYLE}</style><rect width=\"{WIDTH}\" height=\"{height}\" fill=\"#fff\"/>\n"
    );
    for (index, (scenario, record)) in results.iter().enumerate() {
        #[expect(clippy::cast_precision_loss, reason = "a few panels")]
        let (column, row) = ((index % 2) as f64, (index / 2) as f64);
        let (x, y) = (MARGIN.0 + column * STEP.0, MARGIN.1 + row * STEP.1);
        let _ = writeln!(svg, "<g transform=\"translate({x},{y})\">{}</g>", panel(scenario, record));
    }
    svg + "</svg>\n"
}

fn panel(scenario: &Scenario, record: &Record) -> String {
    let (calls, rejected) = (record.per_minute(Call::Exchange), record.rejected_per_minute(Call::Exchange));
    let quota = match scenario.exchange_quota {
        Quota::PerMinute(limit) => limit,
        Quota::PerSecond(limit) => 60 * limit,
    };
    let top = calls.iter().copied().max().unwrap_or_default().max(quota) * 11 / 10;
    let (width, height) = PLOT;
    let minutes = u32::try_from(calls.len()).unwrap_or(u32::MAX).max(1);
    let x = |minute: u32| f64::from(minute) * width / f64::from(minutes);
    let y = |value: u32| height - f64::from(value) * height / f64::from(top.max(1));
    let mut svg = format!("<text class=\"title\" x=\"0\" y=\"-14\">{}</text>", scenario.name);
    for (class, numbers) in [("calls", &calls), ("rejected", &rejected)] {
        let mut path = format!("M0 {height}");
        for (minute, number) in (0_u32..).zip(numbers) {
            let _ =
                write!(path, "L{:.1} {:.1}L{:.1} {:.1}", x(minute), y(*number), x(minute + 1), y(*number));
        }
        let _ = write!(svg, "<path class=\"{class}\" d=\"{path}L{width} {height}Z\"/>");
    }
    let _ = write!(
        svg,
        "<path class=\"quota\" d=\"M0 {0:.1}H{width}\"/><text x=\"-6\" y=\"{0:.1}\" dy=\"4\" \
         text-anchor=\"end\">{1}</text><path class=\"axis\" d=\"M0 {height}H{width}\"/>",
        y(quota),
        grouped(quota.into())
    );
    for hour in 0..=scenario.hours {
        let minute = u32::try_from(60 * hour).unwrap_or(u32::MAX);
        let _ = write!(
            svg,
            "<text x=\"{:.1}\" y=\"{}\" text-anchor=\"middle\">{hour} h</text>",
            x(minute),
            height + 16.0
        );
    }
    svg
}
