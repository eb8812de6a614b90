//! Output of the demo: numbered steps with the time since the start and aligned facts below them, in color on a terminal.

use std::io::{IsTerminal, Write, stdout};
use std::time::{Duration, Instant};

use similar::{ChangeTag, TextDiff};

/// Indentation of a step's facts below its title.
const INDENT: &str = "            ";

/// Writer of the demo's output.
#[derive(Debug)]
pub(crate) struct Console {
    start: Instant,
    steps: u32,
    color: bool,
}

#[derive(Debug, Clone, Copy)]
enum Style {
    Bold,
    Dim,
    Green,
    Red,
    Cyan,
}

impl Console {
    /// Starts the clock.
    pub(crate) fn new() -> Self {
        let color =
            stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        Self { start: Instant::now(), steps: 0, color }
    }

    /// Returns the time since the start.
    pub(crate) fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }

    /// Prints the title of the next step, with its number.
    pub(crate) fn step(&mut self, title: &str) {
        self.steps += 1;
        let time = format!("{:6.2} s", self.elapsed().as_secs_f64());
        let line = format!("{} {:>2}", self.paint(Style::Dim, &time), self.steps);
        write(&format!("\n{line}  {}\n", self.paint(Style::Bold, title)));
    }

    /// Prints a named fact of the step.
    pub(crate) fn fact(&self, name: &str, value: &str) {
        write(&format!("{INDENT} {}{value}\n", self.paint(Style::Cyan, &format!("{name:<15} "))));
    }

    /// Prints a remark about the step.
    pub(crate) fn note(&self, text: &str) {
        write(&format!("{INDENT} {}\n", self.paint(Style::Dim, text)));
    }

    /// Prints a table, aligned by column.
    pub(crate) fn table(&self, rows: &[Vec<String>]) {
        let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
        let width = |column: usize| {
            rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max()
        };
        let widths: Vec<_> = (0..columns).map(|column| width(column).unwrap_or(0)).collect();
        for row in rows {
            let cells: Vec<_> =
                row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
            write(&format!("{INDENT} {}\n", self.paint(Style::Green, cells.join("  ").trim_end())));
        }
    }

    /// Prints the difference of two texts, with one line of context.
    pub(crate) fn diff(&self, before: &str, after: &str) {
        let diff = TextDiff::from_lines(before, after);
        let mut first = true;
        for group in diff.grouped_ops(1) {
            if !std::mem::take(&mut first) {
                write(&format!("{INDENT} {}\n", self.paint(Style::Dim, "  ⋮")));
            }
            for change in group.iter().flat_map(|op| diff.iter_changes(op)) {
                let (sign, style) = match change.tag() {
                    ChangeTag::Delete => ('-', Style::Red),
                    ChangeTag::Insert => ('+', Style::Green),
                    ChangeTag::Equal => (' ', Style::Dim),
                };
                let line = format!("{sign} {}", change.value().trim_end());
                write(&format!("{INDENT} {}\n", self.paint(style, &line)));
            }
        }
    }

    /// Prints a heading.
    pub(crate) fn heading(&self, text: &str) {
        write(&format!("\n{}\n", self.paint(Style::Bold, text)));
    }

    /// Prints a command to copy, with a description of its output.
    pub(crate) fn command(&self, description: &str, command: &str) {
        write(&format!("\n  {}\n", self.paint(Style::Dim, &format!("# {description}"))));
        for line in command.lines() {
            write(&format!("  {line}\n"));
        }
    }

    /// Prints an error on standard error.
    #[expect(clippy::print_stderr, reason = "the demo is a program for a person at a terminal")]
    pub(crate) fn error(message: &str) {
        eprintln!("\ndemo: {message}");
    }

    /// Prints a message about success.
    pub(crate) fn success(&self, text: &str) {
        write(&format!("\n{}\n", self.paint(Style::Green, text)));
    }

    fn paint(&self, style: Style, text: &str) -> String {
        if !self.color || text.is_empty() {
            return text.to_owned();
        }
        let code = match style {
            Style::Bold => 1,
            Style::Dim => 2,
            Style::Red => 31,
            Style::Green => 32,
            Style::Cyan => 36,
        };
        format!("\x1b[{code}m{text}\x1b[0m")
    }
}

fn write(text: &str) {
    // A closed pipe (`| head`) is not an error.
    let _ = stdout().write_all(text.as_bytes()).and_then(|()| stdout().flush());
}
