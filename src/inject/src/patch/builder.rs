//! PatchBuilder, written straight into the document as they come.

use std::fmt;
use std::io::Write;

use serde::Serialize;

use super::Patch;

/// A patch in the making.
#[derive(Debug)]
pub(super) struct PatchBuilder(Vec<u8>);

impl PatchBuilder {
    pub(super) fn new() -> Self {
        // The patch of a pod with a few containers; a longer one grows.
        Self(Vec::with_capacity(8 << 10))
    }

    /// Adds a value at a path, whose parts are names of ours and numbers, so that nothing in it needs an escape.
    #[expect(
        clippy::expect_used,
        reason = "a vector takes every write, and our values have string keys alone"
    )]
    pub(super) fn add(&mut self, path: fmt::Arguments<'_>, value: &(impl Serialize + ?Sized)) {
        let open = if self.0.is_empty() { '[' } else { ',' };
        write!(self.0, r#"{open}{{"op":"add","path":"{path}","value":"#).expect("a vector takes every write");
        serde_json::to_writer(&mut self.0, value).expect("our values are JSON");
        self.0.push(b'}');
    }

    /// Adds items at the end of a list, which is made if the pod has none.
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

    /// The patch, unless nothing was added.
    #[expect(clippy::expect_used, reason = "serde_json writes UTF-8")]
    pub(super) fn finish(mut self) -> Option<Patch> {
        if self.0.is_empty() {
            return None;
        }
        self.0.push(b']');
        Some(Patch(String::from_utf8(self.0).expect("JSON is UTF-8")))
    }
}
