//! Builds a JSON Patch: operations are written directly into the document.

use std::fmt;
use std::io::Write;

use serde::Serialize;

/// An RFC 6902 document of `add`, `replace`, `remove` and `move` operations. Never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Patch(String);

impl Patch {
    /// Returns the document, as in the response to an AdmissionReview.
    #[must_use]
    pub fn as_json(&self) -> &str {
        &self.0
    }

    /// Parses the document's operations, for programs that apply it themselves.
    ///
    /// # Errors
    ///
    /// Never fails for a patch of [`admit`](crate::admit), which is a valid document.
    pub fn operations(&self) -> Result<json_patch::Patch, serde_json::Error> {
        serde_json::from_str(&self.0)
    }
}

/// A builder of a patch.
#[derive(Debug)]
pub(super) struct PatchBuilder(Vec<u8>);

impl PatchBuilder {
    pub(super) fn new() -> Self {
        // Enough for a pod with a few containers; it grows for others.
        Self(Vec::with_capacity(8 << 10))
    }

    /// Adds a value at a path. The path consists of known names and numbers, so it needs no escaping.
    pub(super) fn add(&mut self, path: fmt::Arguments<'_>, value: &(impl Serialize + ?Sized)) {
        self.write("add", path, value);
    }

    /// Replaces the value at a path.
    pub(super) fn replace(&mut self, path: fmt::Arguments<'_>, value: &(impl Serialize + ?Sized)) {
        self.write("replace", path, value);
    }

    /// Removes the value at a path.
    #[expect(clippy::expect_used, reason = "writing to a vector cannot fail")]
    pub(super) fn remove(&mut self, path: fmt::Arguments<'_>) {
        let open = self.separator();
        write!(self.0, r#"{open}{{"op":"remove","path":"{path}"}}"#)
            .expect("writing to a vector cannot fail");
    }

    /// Moves a value to a path, which is that after the value was removed.
    #[expect(clippy::expect_used, reason = "writing to a vector cannot fail")]
    pub(super) fn relocate(&mut self, from: fmt::Arguments<'_>, path: fmt::Arguments<'_>) {
        let open = self.separator();
        write!(self.0, r#"{open}{{"op":"move","from":"{from}","path":"{path}"}}"#)
            .expect("writing to a vector cannot fail");
    }

    const fn separator(&self) -> char {
        if self.0.is_empty() { '[' } else { ',' }
    }

    #[expect(
        clippy::expect_used,
        reason = "writing to a vector cannot fail, and the values have only string keys"
    )]
    fn write(&mut self, op: &str, path: fmt::Arguments<'_>, value: &(impl Serialize + ?Sized)) {
        let open = self.separator();
        write!(self.0, r#"{open}{{"op":"{op}","path":"{path}","value":"#)
            .expect("writing to a vector cannot fail");
        serde_json::to_writer(&mut self.0, value).expect("the values are JSON");
        self.0.push(b'}');
    }

    /// Appends items to a list, which is created if it does not exist.
    pub(super) fn append<T: Serialize>(&mut self, list: fmt::Arguments<'_>, exists: bool, items: &[T]) {
        if items.is_empty() {
            return;
        }
        if !exists {
            return self.add(list, items);
        }
        for item in items {
            self.add(format_args!("{list}/-"), item);
        }
    }

    /// Inserts items at the beginning of a list, which is created if it does not exist.
    pub(super) fn prepend<T: Serialize>(&mut self, list: fmt::Arguments<'_>, exists: bool, items: &[T]) {
        if !exists {
            return self.append(list, exists, items);
        }
        for (index, item) in items.iter().enumerate() {
            self.add(format_args!("{list}/{index}"), item);
        }
    }

    /// Returns the patch, or `None` if it has no operation.
    #[expect(clippy::expect_used, reason = "serde_json writes UTF-8")]
    pub(super) fn finish(mut self) -> Option<Patch> {
        if self.0.is_empty() {
            return None;
        }
        self.0.push(b']');
        Some(Patch(String::from_utf8(self.0).expect("JSON is UTF-8")))
    }
}
