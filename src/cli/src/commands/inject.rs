//! `inject`: writes documents with the webhook's additions.

use std::path::PathBuf;

use anstyle::{AnsiColor, Style};
use rolebridge_inject::Decision;
use similar::{ChangeTag, TextDiff};

use crate::admission::{admit_object, apply_patch};
use crate::error::CliError;
use crate::input::document::Document;
use crate::input::manifests::Manifests;
use crate::input::ordered_value::OrderedValue;
use crate::input::split;
use crate::options::InputOptions;
use crate::output::{Console, Line, write_documents};

/// Reads manifests and writes them injected, or a diff, to standard output.
///
/// # Errors
///
/// Returns an error if the input is invalid or a pod would be denied.
pub(crate) fn run(files: &[PathBuf], input: InputOptions, diff: bool) -> Result<(), CliError> {
    let manifests = Manifests::read(files, input)?;
    let mut output = InjectionOutput::default();
    let mut denied = 0;
    for document in &manifests.documents {
        let result = inject(&manifests, document, &mut Console::stderr())?;
        denied += result.denied;
        match (diff, result.root) {
            (false, None) => output.documents.push(&document.text),
            (false, Some(root)) => output.documents.push(&document.with(&root)?),
            (true, None) => {}
            (true, Some(root)) => output.diff.extend(render_diff(document, &root)?),
        }
    }
    output.write(diff, denied)
}

/// The output of the command, which is written at the end: all documents or none, because partial output must not be piped
/// into kubectl.
#[derive(Debug, Default)]
struct InjectionOutput {
    documents: DocumentStream,
    diff: Vec<Line>,
}

impl InjectionOutput {
    fn write(self, diff: bool, denied: usize) -> Result<(), CliError> {
        if diff {
            let mut out = Console::stdout();
            self.diff.iter().try_for_each(|line| out.line(line))?;
        } else if denied == 0 {
            write_documents(&self.documents.text)?;
        }
        if denied == 0 { Ok(()) } else { Err(CliError::Denied(denied)) }
    }
}

/// A stream of documents that adds the separators missing between documents of different files.
#[derive(Debug, Default)]
struct DocumentStream {
    text: String,
    has_documents: bool,
}

impl DocumentStream {
    fn push(&mut self, document: &str) {
        if self.has_documents && !self.text.ends_with('\n') {
            self.text.push('\n');
        }
        if self.has_documents && split::separator(document).0.is_empty() {
            self.text.push_str("---\n");
        }
        self.text.push_str(document);
        self.has_documents = true;
    }
}

/// The result of injecting the pods of a document.
#[derive(Debug, Default)]
struct InjectionResult {
    /// The injected document, or `None` if nothing was added.
    root: Option<OrderedValue>,
    /// The number of pods that would be denied.
    denied: usize,
}

fn inject(
    manifests: &Manifests,
    document: &Document,
    err: &mut Console<'_>,
) -> Result<InjectionResult, CliError> {
    let (yellow, red) = (AnsiColor::Yellow.on_default(), AnsiColor::Red.on_default());
    let mut result = InjectionResult::default();
    for object in document.objects() {
        let Some(admission) = admit_object(manifests, &object)? else { continue };
        let prefix = || Line::new().text(&object.location).text(", ").text(object.title()).text(": ");
        for warning in &admission.warnings {
            err.line(&prefix().styled(yellow, "warning:").text(" ").text(warning))?;
        }
        match admission.decision {
            Decision::Patch(patch) => {
                let root = result.root.get_or_insert_with(|| document.root.clone());
                apply_patch(&patch, &object.pod_pointer(), root)?;
            }
            Decision::Skip(_) => {}
            Decision::Deny(denial) => {
                err.line(&prefix().styled(red, "denied:").text(" ").text(denial.message))?;
                result.denied += 1;
            }
        }
    }
    Ok(result)
}

/// Renders the additions with three lines of context.
///
/// Both versions are serialized in the same way, so that they differ by the patch alone.
fn render_diff(document: &Document, root: &OrderedValue) -> Result<Vec<Line>, CliError> {
    let (before, after) = (document.with(&document.root)?, document.with(root)?);
    let cyan = AnsiColor::Cyan.on_default();
    let mut lines = vec![Line::new().styled(cyan, &document.location)];
    let diff = TextDiff::from_lines(&before, &after);
    for hunk in diff.unified_diff().context_radius(3).iter_hunks() {
        lines.push(Line::new().styled(cyan, hunk.header()));
        for change in hunk.iter_changes() {
            let (sign, style) = match change.tag() {
                ChangeTag::Equal => (' ', Style::new()),
                ChangeTag::Insert => ('+', AnsiColor::Green.on_default()),
                ChangeTag::Delete => ('-', AnsiColor::Red.on_default()),
            };
            lines.push(Line::new().styled(style, format!("{sign}{}", change.value().trim_end_matches('\n'))));
        }
    }
    Ok(lines)
}
