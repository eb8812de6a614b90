//! Tests that a page names, by the file and the test's name.

use std::fs;
use std::path::Path;

use crate::pages::root;

/// A test that a page names.
#[derive(Debug, PartialEq, Eq)]
pub struct NamedTest<'a> {
    /// The name: of a function, of a case, or of a test of the chart.
    pub name: &'a str,
    /// The path of the file, relative to the folder that the page's links are relative to.
    pub file: &'a str,
}

impl NamedTest<'_> {
    /// Returns true if the file below `folder`, a path from the repository's root, defines the test.
    #[must_use]
    pub fn exists(&self, folder: &str) -> bool {
        let file = root().join(folder).join(self.file);
        let Ok(content) = fs::read_to_string(&file) else { return false };
        // A case is a file of its own.
        let is_case = file.file_stem().is_some_and(|stem| stem == self.name);
        is_case || self.definition().is_some_and(|definition| content.contains(&definition))
    }

    /// Returns the text that defines a test of this name in a file of this kind.
    fn definition(&self) -> Option<String> {
        let name = self.name;
        match Path::new(self.file).extension()?.to_str()? {
            "rs" => Some(format!("fn {name}(")),
            "sh" => Some(format!("{name}() {{")),
            "py" => Some(format!("def {name}(")),
            "yaml" => Some(format!("- it: {name}\n")), // a test of the chart
            _ => None,
        }
    }
}
