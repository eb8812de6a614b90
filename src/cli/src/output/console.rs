//! The only way to a terminal: lines of escaped texts and of this program's own styles.

use std::fmt::Display;
use std::io::{self, Write};

use anstyle::{AnsiColor, Style};

use crate::error::CliError;
use crate::output::harmless;

/// The maximum number of characters of a text in a line. A denial with the longest value that is quoted fits, and a text of
/// megabytes from a cluster does not push everything else off the screen.
pub(crate) const MAX_TEXT_CHARS: usize = 8192;

/// The maximum number of lines of an error. The longest own message, about a trust policy, has 12.
const MAX_ERROR_LINES: usize = 40;

/// Standard output or standard error, or a buffer in tests.
///
/// No method accepts bytes, so nothing reaches a terminal without an escape. Styles are removed if it is not a terminal.
pub(crate) struct Console<'a>(Box<dyn Write + 'a>);

impl Console<'_> {
    pub(crate) fn stdout() -> Console<'static> {
        Console(Box::new(anstream::stdout()))
    }

    pub(crate) fn stderr() -> Console<'static> {
        Console(Box::new(anstream::stderr()))
    }

    #[cfg(test)]
    pub(crate) fn buffer(buffer: &mut Vec<u8>) -> Console<'_> {
        Console(Box::new(buffer))
    }

    /// Writes a line.
    pub(crate) fn line(&mut self, line: &Line) -> Result<(), CliError> {
        Ok(writeln!(self.0, "{}", line.0)?)
    }

    /// Writes an empty line.
    pub(crate) fn empty_line(&mut self) -> Result<(), CliError> {
        self.line(&Line::default())
    }

    /// Writes fields, separated by tabs, in a line.
    pub(crate) fn tab_separated(&mut self, fields: &[&str]) -> Result<(), CliError> {
        let escaped: Vec<_> = fields.iter().map(|field| harmless::escape(field)).collect();
        Ok(writeln!(self.0, "{}", escaped.join("\t"))?)
    }

    /// Writes a text of several lines that people copy or programs read. No line of it is shortened.
    pub(crate) fn block(&mut self, indent: &str, text: &str) -> Result<(), CliError> {
        for line in text.lines() {
            let indent = if line.is_empty() { "" } else { indent };
            writeln!(self.0, "{indent}{}", harmless::escape(line))?;
        }
        Ok(())
    }

    /// Writes the error that ends the command.
    ///
    /// Lines after the first are indented, so that none looks like an output of its own.
    pub(crate) fn error(&mut self, error: &CliError) -> Result<(), CliError> {
        let style = AnsiColor::Red.on_default().bold();
        let message = error.to_string();
        let mut lines = message.lines();
        let first = lines.next().unwrap_or_default();
        self.line(&Line::new().styled(style, "rolebridge:").text(" ").text(first))?;
        let (shown, total) = (lines.clone().take(MAX_ERROR_LINES - 1), lines.count());
        for line in shown {
            self.line(&if line.is_empty() { Line::new() } else { Line::new().text("  ").text(line) })?;
        }
        match total.saturating_sub(MAX_ERROR_LINES - 1) {
            0 => Ok(()),
            more => self.line(&Line::new().text(format!("  … ({more} more lines)"))),
        }
    }

    pub(crate) fn flush(&mut self) -> Result<(), CliError> {
        Ok(self.0.flush()?)
    }
}

/// A line of escaped texts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Line(String);

impl Line {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Appends a text, escaped and shortened.
    pub(crate) fn text(mut self, text: impl Display) -> Self {
        let text = text.to_string();
        let escaped = harmless::escape(&text);
        let end = escaped.char_indices().nth(MAX_TEXT_CHARS).map(|(end, _)| end);
        let (shown, rest) = escaped.split_at(end.unwrap_or(escaped.len()));
        self.0.push_str(shown);
        if !rest.is_empty() {
            let mark = format!("… ({} more characters)", rest.chars().count());
            self.0.push_str(&mark);
        }
        self
    }

    /// Appends a text in a style of this program.
    pub(crate) fn styled(mut self, style: Style, text: impl Display) -> Self {
        self.0.push_str(&style.render().to_string());
        self = self.text(text);
        self.0.push_str(&style.render_reset().to_string());
        self
    }
}

/// Writes the documents of `inject`, which may contain any characters: unchanged into a file or a pipe, escaped to a terminal.
pub(crate) fn write_documents(documents: &str) -> Result<(), CliError> {
    use std::io::IsTerminal;
    let stdout = io::stdout();
    if stdout.is_terminal() {
        return Console::stdout().block("", documents);
    }
    Ok(stdout.lock().write_all(documents.as_bytes())?)
}

/// Writes a script that this program generates from its own command line.
pub(crate) fn write_script(script: &[u8]) -> Result<(), CliError> {
    Ok(io::stdout().write_all(script)?)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::{Path, PathBuf};

    use super::*;

    fn source_files(folder: &Path) -> Vec<PathBuf> {
        let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        paths.flat_map(|path| if path.is_dir() { source_files(&path) } else { vec![path] }).collect()
    }

    #[test]
    fn no_other_file_writes_to_a_terminal() {
        let files = source_files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"));
        let others = files.iter().filter(|path| !path.ends_with("output/console.rs"));
        for path in others {
            let text = fs::read_to_string(path).unwrap();
            for way in ["io::stdout", "io::stderr", "anstream", "println!", "print!(", "/dev/tty"] {
                assert!(!text.contains(way), "{}: {way}", path.display());
            }
        }
    }

    fn written(write: impl FnOnce(&mut Console<'_>) -> Result<(), CliError>) -> String {
        let mut buffer = Vec::new();
        write(&mut Console::buffer(&mut buffer)).unwrap();
        String::from_utf8(buffer).unwrap()
    }

    #[test]
    fn line_has_no_harmful_character_but_own_styles() {
        let line = Line::new().styled(AnsiColor::Red.on_default(), "a\u{1b}[0m\u{202e}").text("b\nc");
        let text = written(|console| console.line(&line));
        assert_eq!(text, "\u{1b}[31ma\\u{1b}[0m\\u{202e}\u{1b}[0mb\\nc\n");
    }

    #[test]
    fn line_shortens_long_text() {
        let text =
            written(|console| console.line(&Line::new().text("ü".repeat(MAX_TEXT_CHARS + 3)).text(".")));
        assert!(text.ends_with("ü… (3 more characters).\n"), "{text}");
        assert_eq!(text.chars().filter(|c| *c == 'ü').count(), MAX_TEXT_CHARS);
        let longest = "ü".repeat(MAX_TEXT_CHARS);
        assert_eq!(written(|console| console.line(&Line::new().text(&longest))), longest + "\n");
    }

    #[test]
    fn error_indents_later_lines_and_limits_them() {
        let error = CliError::Cluster(format!("a\n✓ injected\u{1b}[0m{}", "\nb".repeat(100)));
        let text = written(|console| console.error(&error));
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines[1], "  ✓ injected\\u{1b}[0m");
        assert_eq!(lines[MAX_ERROR_LINES], "  … (62 more lines)");
        assert!(lines[1..].iter().all(|line| line.starts_with("  ")), "{text}");
    }

    #[test]
    fn block_escapes_each_line_and_shortens_none() {
        let long = "a".repeat(2 * MAX_TEXT_CHARS);
        let text = written(|console| console.block("  ", &format!("{long}\n\nb\u{9b}")));
        assert_eq!(text, format!("  {long}\n\n  b\\u{{9b}}\n"));
    }
}
