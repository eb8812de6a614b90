//! `inject`: writes documents with the webhook's additions.

use std::path::PathBuf;

use anstyle::{AnsiColor, Style};
use rolebridge_inject::Decision;
use similar::{ChangeTag, TextDiff};

use crate::admission::{admit_pod, apply_patch};
use crate::error::CliError;
use crate::input::document::Document;
use crate::input::manifests::Manifests;
use crate::input::object_pod::ObjectPod;
use crate::input::ordered_value::OrderedValue;
use crate::input::split;
use crate::options::{InputOptions, KubectlOptions};
use crate::output::{Console, Line, write_documents};

/// Reads manifests and writes them injected, or a diff, to standard output.
///
/// # Errors
///
/// Returns an error if the input is invalid or a pod would be denied.
pub(crate) fn run(
    files: &[PathBuf],
    input: &InputOptions,
    kubectl: &KubectlOptions,
    diff: bool,
) -> Result<(), CliError> {
    let manifests = Manifests::read(files, input, kubectl.namespace.as_deref())?;
    let mut output = InjectionOutput::default();
    let mut denied = 0;
    for document in &manifests.documents {
        let result = inject(&manifests, document, &mut Console::stderr())?;
        denied += result.denied;
        match (diff, result.root) {
            (false, None) => output.documents.push(document.text.as_str()),
            (false, Some(root)) => output.documents.push(document.with(&root)?),
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
            write_documents(&self.documents.join())?;
        }
        if denied == 0 { Ok(()) } else { Err(CliError::Denied(denied)) }
    }
}

/// The documents of all files, to be joined into one stream.
#[derive(Debug, Default)]
struct DocumentStream(Vec<String>);

impl DocumentStream {
    fn push(&mut self, document: impl Into<String>) {
        self.0.push(document.into());
    }

    /// Joins the documents into a stream that kubectl reads: JSON objects one after the other, otherwise YAML documents with
    /// the separators that are missing between files.
    ///
    /// kubectl takes a stream that begins with `{` for JSON, and then accepts no separator.
    fn join(&self) -> String {
        let is_json = self.0.iter().all(|document| {
            let (separator, body) = split::separator(document);
            separator.is_empty() && split::is_json(body)
        });
        let mut text = String::new();
        for document in &self.0 {
            if !text.is_empty() && !text.ends_with('\n') {
                text.push('\n');
            }
            let begins_like_json = document.trim_start().starts_with('{');
            let needs_separator = !is_json && (!text.is_empty() || begins_like_json);
            if needs_separator && split::separator(document).0.is_empty() {
                text.push_str("---\n");
            }
            text.push_str(document);
        }
        text
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
    let mut result = InjectionResult::default();
    for object in document.objects() {
        let mut messages = Messages { err, prefix: Line::new().text(&object.location).text(", ") };
        let found = ObjectPod::all(&object)?;
        for pod in &found.pods {
            let admission = admit_pod(manifests, pod)?;
            for warning in &admission.warnings {
                messages.warn(&pod.title(), warning)?;
            }
            match admission.decision {
                Decision::Patch(_) if !pod.is_whole => messages.warn(&pod.title(), PARTIAL_TEMPLATE)?,
                Decision::Patch(patch) => {
                    let root = result.root.get_or_insert_with(|| document.root.clone());
                    apply_patch(&patch, &pod.document_pointer(), root)?;
                }
                Decision::Skip(_) => {}
                Decision::Deny(denial) => {
                    messages.deny(&pod.title(), &denial.message)?;
                    result.denied += 1;
                }
            }
        }
        for warning in found.object_warnings()? {
            messages.warn(&object.title(), &warning)?;
        }
    }
    Ok(result)
}

/// The warning about an opted-in pod template that is left as it is.
const PARTIAL_TEMPLATE: &str = "nothing was added, because this kind accepts only a part of a pod in its template. The \
                                webhook injects the pods when they are created.";

/// Messages about the objects of one document, on standard error.
struct Messages<'a, 'c> {
    err: &'a mut Console<'c>,
    prefix: Line,
}

impl Messages<'_, '_> {
    fn warn(&mut self, title: &str, message: &str) -> Result<(), CliError> {
        self.write(title, AnsiColor::Yellow, "warning:", message)
    }

    fn deny(&mut self, title: &str, message: &str) -> Result<(), CliError> {
        self.write(title, AnsiColor::Red, "denied:", message)
    }

    fn write(&mut self, title: &str, color: AnsiColor, label: &str, message: &str) -> Result<(), CliError> {
        let line = self.prefix.clone().text(title).text(": ").styled(color.on_default(), label);
        self.err.line(&line.text(" ").text(message))
    }
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

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::json(&["{}", "{}\n", "{}"], "{}\n{}\n{}")]
    #[case::yaml(&["a: 1", "---\nb: 2\n", "c: 3\n"], "a: 1\n---\nb: 2\n---\nc: 3\n")]
    #[case::json_and_yaml(&["{}\n", "a: 1\n"], "---\n{}\n---\na: 1\n")]
    #[case::yaml_and_json(&["a: 1\n", "{}\n"], "a: 1\n---\n{}\n")]
    #[case::json_as_yaml_documents(&["{}\n", "---\n{}\n"], "---\n{}\n---\n{}\n")]
    #[case::flow_style(&["{a: 1}\n"], "---\n{a: 1}\n")]
    fn join_writes_a_stream_that_kubectl_reads(#[case] documents: &[&str], #[case] text: &str) {
        let stream = DocumentStream(documents.iter().map(|&document| document.to_owned()).collect());
        assert_eq!(stream.join(), text);
    }
}
