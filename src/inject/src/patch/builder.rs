//! Builds a JSON Patch: operations are written directly into the document.

use std::io::Write;

use serde::Serialize;

use super::json;
use crate::view::MAX_CONTAINERS;

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

/// A path in the pod, written in its parts: known names, which need no escaping, and numbers.
pub(super) trait Path: Copy {
    /// Appends the path.
    fn write(self, out: &mut Vec<u8>);
}

impl Path for &str {
    fn write(self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.as_bytes());
    }
}

impl Path for usize {
    #[expect(clippy::expect_used, reason = "writing to a vector cannot fail")]
    fn write(self, out: &mut Vec<u8>) {
        match u8::try_from(self) {
            Ok(digit @ 0..10) => out.push(b'0' + digit),
            _ => write!(out, "{self}").expect("writing to a vector cannot fail"),
        }
    }
}

macro_rules! impl_path_for_tuples {
    ($(($($part:ident)*))*) => {
        $(impl<$($part: Path),*> Path for ($($part,)*) {
            #[expect(non_snake_case, reason = "a variable has the name of its type")]
            fn write(self, out: &mut Vec<u8>) {
                let ($($part,)*) = self;
                $($part.write(out);)*
            }
        })*
    };
}

impl_path_for_tuples! { (A B) (A B C) (A B C D) }

/// A builder of a patch.
#[derive(Debug)]
pub(super) struct PatchBuilder(Vec<u8>);

impl PatchBuilder {
    /// Creates the builder of a pod with some containers.
    pub(super) fn new(containers: usize) -> Self {
        // Enough for most pods; it grows for others.
        Self(Vec::with_capacity((4 << 10) + containers.min(MAX_CONTAINERS) * (1 << 10)))
    }

    /// Adds a value at a path.
    pub(super) fn add(&mut self, path: impl Path, value: &(impl Serialize + ?Sized)) {
        self.begin(r#"{"op":"add","path":""#, path);
        self.write_value(value);
    }

    /// Replaces the value at a path.
    pub(super) fn replace(&mut self, path: impl Path, value: &(impl Serialize + ?Sized)) {
        self.begin(r#"{"op":"replace","path":""#, path);
        self.write_value(value);
    }

    /// Removes the value at a path.
    pub(super) fn remove(&mut self, path: impl Path) {
        self.begin(r#"{"op":"remove","path":""#, path);
        self.0.extend_from_slice(b"\"}");
    }

    /// Moves a value to a path, which is that after the value was removed.
    pub(super) fn relocate(&mut self, from: impl Path, path: impl Path) {
        self.begin(r#"{"op":"move","from":""#, from);
        self.0.extend_from_slice(br#"","path":""#);
        path.write(&mut self.0);
        self.0.extend_from_slice(b"\"}");
    }

    /// Begins an operation with text up to a path, and writes the path.
    fn begin(&mut self, text: &str, path: impl Path) {
        self.0.push(if self.0.is_empty() { b'[' } else { b',' });
        self.0.extend_from_slice(text.as_bytes());
        path.write(&mut self.0);
    }

    #[expect(
        clippy::expect_used,
        reason = "the values are types of this crate, without an error of their own"
    )]
    fn write_value(&mut self, value: &(impl Serialize + ?Sized)) {
        self.0.extend_from_slice(br#"","value":"#);
        json::write(&mut self.0, value).expect("the values are JSON");
        self.0.push(b'}');
    }

    /// Appends items to a list, which is created if it does not exist.
    pub(super) fn append<T: Serialize>(&mut self, list: impl Path, exists: bool, items: &[T]) {
        if items.is_empty() {
            return;
        }
        if !exists {
            return self.add(list, items);
        }
        for item in items {
            self.add((list, "/-"), item);
        }
    }

    /// Inserts items at the beginning of a list, which is created if it does not exist.
    pub(super) fn prepend<T: Serialize>(&mut self, list: impl Path, exists: bool, items: &[T]) {
        if !exists {
            return self.append(list, exists, items);
        }
        for (index, item) in items.iter().enumerate() {
            self.add((list, "/", index), item);
        }
    }

    /// Returns the patch, or `None` if it has no operation.
    #[expect(clippy::expect_used, reason = "texts are UTF-8, and so is all that is between them")]
    pub(super) fn finish(mut self) -> Option<Patch> {
        if self.0.is_empty() {
            return None;
        }
        self.0.push(b']');
        Some(Patch(String::from_utf8(self.0).expect("JSON is UTF-8")))
    }
}
