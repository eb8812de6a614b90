//! `inject`: the documents with what the webhook would add.

use std::io::Write;

use anstyle::{AnsiColor, Style};
use rolebridge_inject::{Decision, Patch};
use serde::Deserialize;
use similar::{ChangeTag, TextDiff};

use crate::admission::admit_object;
use crate::error::CliError;
use crate::input::document::Document;
use crate::input::manifests::Manifests;
use crate::input::ordered_value::OrderedValue;
use crate::input::split;

/// An operation of a patch. There is no other kind.
#[derive(Debug, Deserialize)]
#[serde(tag = "op", rename_all = "lowercase")]
enum Operation {
    Add { path: String, value: OrderedValue },
}

/// Writes the documents to `out`, warnings and refusals to `err`. Documents go out all or not at all: half of what was
/// meant is nothing to hand on to kubectl.
pub(crate) fn run(
    manifests: &Manifests,
    diff: bool,
    out: &mut impl Write,
    err: &mut impl Write,
) -> Result<(), CliError> {
    let mut refused = 0;
    let mut text = Vec::new();
    let mut written = RenderedDocument::default();
    for document in &manifests.documents {
        let injected = injected(manifests, document, err)?;
        refused += injected.refused;
        match (diff, injected.root) {
            (false, None) => written.write(&document.text, &mut text)?,
            (false, Some(root)) => written.write(&document.with(&root)?, &mut text)?,
            (true, None) => {}
            (true, Some(root)) => show(document, &root, &mut text)?,
        }
    }
    if diff || refused == 0 {
        out.write_all(&text)?;
    }
    if refused == 0 { Ok(()) } else { Err(CliError::Denied(refused)) }
}

/// What has been written: documents of several files need separators between them.
#[derive(Debug, Default)]
struct RenderedDocument {
    any: bool,
    ends_in_a_line: bool,
}

impl RenderedDocument {
    fn write(&mut self, text: &str, out: &mut impl Write) -> Result<(), CliError> {
        if self.any && !self.ends_in_a_line {
            writeln!(out)?;
        }
        if self.any && split::separator(text).0.is_empty() {
            writeln!(out, "---")?;
        }
        out.write_all(text.as_bytes())?;
        *self = Self { any: true, ends_in_a_line: text.ends_with('\n') };
        Ok(())
    }
}

/// A document after its pods were judged.
#[derive(Debug, Default)]
struct InjectionResult {
    /// What it says now, if anything was added.
    root: Option<OrderedValue>,
    /// How many of its pods would be refused.
    refused: usize,
}

fn injected(
    manifests: &Manifests,
    document: &Document,
    err: &mut impl Write,
) -> Result<InjectionResult, CliError> {
    let (yellow, red) = (AnsiColor::Yellow.on_default(), AnsiColor::Red.on_default());
    let mut all = InjectionResult::default();
    for object in document.objects() {
        let Some(admission) = admit_object(manifests, &object)? else { continue };
        let said = format!("{}, {}", object.place, object.title());
        for sentence in &admission.warnings {
            writeln!(err, "{said}: {yellow}warning:{yellow:#} {sentence}")?;
        }
        match admission.decision {
            Decision::Patch(patch) => {
                let root = all.root.get_or_insert_with(|| document.root.clone());
                apply(&patch, &object.pointer_of_pod(), root)?;
            }
            Decision::Skip(_) => {}
            Decision::Deny(refusal) => {
                writeln!(err, "{said}: {red}refused:{red:#} {}", refusal.message)?;
                all.refused += 1;
            }
        }
    }
    Ok(all)
}

/// Applies a patch to the pod at a pointer.
pub(crate) fn apply(patch: &Patch, pod: &str, root: &mut OrderedValue) -> Result<(), CliError> {
    let operations: Vec<Operation> =
        serde_json::from_str(patch.as_json()).map_err(|error| CliError::Format(error.to_string()))?;
    for Operation::Add { path, value } in operations {
        root.add(&format!("{pod}{path}"), value)
            .ok_or_else(|| CliError::Format(format!("the patch does not fit: there is no {pod}{path}")))?;
    }
    Ok(())
}

/// What was added, with a little of what stands around it. Both sides are written by the same hand, so that nothing but
/// the patch differs.
fn show(document: &Document, root: &OrderedValue, out: &mut impl Write) -> Result<(), CliError> {
    let (before, after) = (document.with(&document.root)?, document.with(root)?);
    let place = AnsiColor::Cyan.on_default();
    writeln!(out, "{place}{}{place:#}", document.place)?;
    let diff = TextDiff::from_lines(&before, &after);
    for hunk in diff.unified_diff().context_radius(3).iter_hunks() {
        writeln!(out, "{place}{}{place:#}", hunk.header())?;
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
