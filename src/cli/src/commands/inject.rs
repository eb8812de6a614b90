//! `inject`: writes documents with the webhook's additions.

use std::io::Write;
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

/// Reads manifests and writes them injected, or a diff, to standard output.
///
/// # Errors
///
/// Returns an error if the input is invalid or a pod would be denied.
pub(crate) fn run(files: &[PathBuf], input: InputOptions, diff: bool) -> Result<(), CliError> {
    let manifests = Manifests::read(files, input)?;
    let err = &mut anstream::stderr();
    if diff {
        write(&manifests, true, &mut anstream::stdout().lock(), err)
    } else {
        // Documents may contain any bytes, so escape sequences are not stripped from them.
        write(&manifests, false, &mut std::io::stdout().lock(), err)
    }
}

/// Writes documents to `out`, and warnings and denials to `err`.
///
/// Writes all documents or none: partial output must not be piped into kubectl.
fn write(
    manifests: &Manifests,
    diff: bool,
    out: &mut impl Write,
    err: &mut impl Write,
) -> Result<(), CliError> {
    let mut denied = 0;
    let mut text = Vec::new();
    let mut stream = DocumentStream::default();
    for document in &manifests.documents {
        let result = inject(manifests, document, err)?;
        denied += result.denied;
        match (diff, result.root) {
            (false, None) => stream.write(&document.text, &mut text)?,
            (false, Some(root)) => stream.write(&document.with(&root)?, &mut text)?,
            (true, None) => {}
            (true, Some(root)) => write_diff(document, &root, &mut text)?,
        }
    }
    if diff || denied == 0 {
        out.write_all(&text)?;
    }
    if denied == 0 { Ok(()) } else { Err(CliError::Denied(denied)) }
}

/// A stream of documents that adds the separators missing between documents of different files.
#[derive(Debug, Default)]
struct DocumentStream {
    has_documents: bool,
    ends_with_newline: bool,
}

impl DocumentStream {
    fn write(&mut self, text: &str, out: &mut impl Write) -> Result<(), CliError> {
        if self.has_documents && !self.ends_with_newline {
            writeln!(out)?;
        }
        if self.has_documents && split::separator(text).0.is_empty() {
            writeln!(out, "---")?;
        }
        out.write_all(text.as_bytes())?;
        *self = Self { has_documents: true, ends_with_newline: text.ends_with('\n') };
        Ok(())
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
    err: &mut impl Write,
) -> Result<InjectionResult, CliError> {
    let (yellow, red) = (AnsiColor::Yellow.on_default(), AnsiColor::Red.on_default());
    let mut result = InjectionResult::default();
    for object in document.objects() {
        let Some(admission) = admit_object(manifests, &object)? else { continue };
        let prefix = format!("{}, {}", object.location, object.title());
        for warning in &admission.warnings {
            writeln!(err, "{prefix}: {yellow}warning:{yellow:#} {warning}")?;
        }
        match admission.decision {
            Decision::Patch(patch) => {
                let root = result.root.get_or_insert_with(|| document.root.clone());
                apply_patch(&patch, &object.pod_pointer(), root)?;
            }
            Decision::Skip(_) => {}
            Decision::Deny(denial) => {
                writeln!(err, "{prefix}: {red}denied:{red:#} {}", denial.message)?;
                result.denied += 1;
            }
        }
    }
    Ok(result)
}

/// Writes the additions with three lines of context.
///
/// Both versions are serialized in the same way, so that they differ by the patch alone.
fn write_diff(document: &Document, root: &OrderedValue, out: &mut impl Write) -> Result<(), CliError> {
    let (before, after) = (document.with(&document.root)?, document.with(root)?);
    let cyan = AnsiColor::Cyan.on_default();
    writeln!(out, "{cyan}{}{cyan:#}", document.location)?;
    let diff = TextDiff::from_lines(&before, &after);
    for hunk in diff.unified_diff().context_radius(3).iter_hunks() {
        writeln!(out, "{cyan}{}{cyan:#}", hunk.header())?;
        for change in hunk.iter_changes() {
            let (sign, style) = match change.tag() {
                ChangeTag::Equal => (' ', Style::new()),
                ChangeTag::Insert => ('+', AnsiColor::Green.on_default()),
                ChangeTag::Delete => ('-', AnsiColor::Red.on_default()),
            };
            writeln!(out, "{style}{sign}{}{style:#}", change.value().trim_end_matches('\n'))?;
        }
    }
    Ok(())
}
