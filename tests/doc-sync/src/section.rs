//! Sections of a page that are rendered from the code, between two marks:
//! `<!-- NAME: SOURCE; COMMAND -->` and `<!-- end of NAME -->`. Whole files, too.

use std::fs;
use std::sync::{Mutex, PoisonError};

use crate::pages::root;

/// The maximum number of lines of a difference in a panic message.
const MAX_LINES: usize = 20;

/// Held while a page is read and written, because tests run in parallel.
static PAGES: Mutex<()> = Mutex::new(());

/// Checks that the section `name` of a page is up to date. With `UPDATE=1`, writes the section instead.
///
/// `page` is a path from the repository's root. `rendered` ends with a line break.
///
/// # Panics
/// Panics if the page or a mark of the section is missing, or if the section is out of date. The message contains the
/// command that updates the section.
#[track_caller]
pub fn check(page: &str, name: &str, rendered: &str) {
    let _guard = PAGES.lock().unwrap_or_else(PoisonError::into_inner);
    let path = root().join(page);
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("failed to read {page}: {error}"));
    let Some((before, current, after)) = split(&text, name) else {
        panic!("{page}: expected the marks `<!-- {name}: … -->` and `<!-- end of {name} -->`, found none")
    };
    if current == rendered {
        return;
    }
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&path, [before, rendered, after].concat()).expect("the page is writable");
        return;
    }
    out_of_date(&format!("{page}: the section `{name}`"), current, rendered);
}

/// Checks that a file is up to date. With `UPDATE=1`, writes the file instead.
///
/// # Panics
/// Panics if the file is missing or out of date. The message contains the command that updates the file.
#[track_caller]
pub fn check_file(path: &str, rendered: &str) {
    let current = fs::read_to_string(root().join(path)).unwrap_or_default();
    if current == rendered {
        return;
    }
    if std::env::var_os("UPDATE").is_some() {
        fs::write(root().join(path), rendered).expect("the file is writable");
        return;
    }
    out_of_date(path, &current, rendered);
}

#[track_caller]
fn out_of_date(subject: &str, current: &str, rendered: &str) -> ! {
    let package = std::env::var("CARGO_PKG_NAME").unwrap_or_else(|_| "PACKAGE".to_owned());
    panic!(
        "{subject} is out of date. Fix: run `UPDATE=1 cargo test -p {package}`.\n{}",
        difference(current, rendered)
    );
}

/// Splits a page into the text up to the section, the section, and the text after it.
fn split<'a>(text: &'a str, name: &str) -> Option<(&'a str, &'a str, &'a str)> {
    let mark = text.find(&format!("<!-- {name}: "))?;
    let start = mark + text[mark..].find(" -->\n")? + " -->\n".len();
    let end = start + text[start..].find(&format!("<!-- end of {name} -->"))?;
    Some((&text[..start], &text[start..end], &text[end..]))
}

/// Lists the lines that only one of the two texts contains.
fn difference(current: &str, rendered: &str) -> String {
    let only = |sign: char, lines: &str, others: &str| -> Vec<String> {
        let missing = lines.lines().filter(|line| !others.lines().any(|other| other == *line));
        missing.map(|line| format!("{sign} {line}")).collect()
    };
    let mut lines = [only('-', current, rendered), only('+', rendered, current)].concat();
    if lines.is_empty() {
        return "only the order of lines differs".to_owned();
    }
    lines.truncate(MAX_LINES);
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn split_returns_the_text_between_the_marks() {
        let text = "a\n<!-- x: from y; `command` -->\n| 1 |\n<!-- end of x -->\nb\n";
        let parts = split(text, "x");
        assert_eq!(parts, Some(("a\n<!-- x: from y; `command` -->\n", "| 1 |\n", "<!-- end of x -->\nb\n")));
        assert_eq!(split(text, "y"), None);
    }

    #[test]
    fn difference_lists_removed_and_added_lines() {
        assert_eq!(difference("a\nb\n", "a\nc\n"), "- b\n+ c");
        assert_eq!(difference("a\nb\n", "b\na\n"), "only the order of lines differs");
    }
}
