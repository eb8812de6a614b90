//! Checks the layers of the crate: a module imports only modules of its own layer or of lower ones.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::fs;
use std::path::{Path, PathBuf};

/// The layers from the lowest to the highest, as in the documentation of the crate.
const LAYERS: &[&[&str]] = &[
    &["reason", "denial", "message", "quantity", "pattern", "object_metadata", "view"],
    &["mesh", "reinvocation", "unknown_keys", "ineffective"],
    &["settings/parse", "settings/token_source", "defaults", "context", "opt_in"],
    &["settings"],
    &["patch"],
    &["warnings"],
    &["admission"],
    &["workload"],
];

fn source_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// Returns all source files without tests, relative to the source folder and without an extension.
fn modules(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let is_code = |path: &PathBuf| {
        !["tests", "tests.rs", "lib.rs", "snapshots"].iter().any(|name| path.ends_with(name))
    };
    let mut modules = Vec::new();
    for path in entries.filter(is_code) {
        if path.is_dir() {
            modules.extend(self::modules(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let path = path.strip_prefix(source_folder()).unwrap().with_extension("");
            modules.push(path.to_str().unwrap().to_owned());
        }
    }
    modules
}

/// Returns the layer of the longest listed module that contains `path`.
fn layer(path: &str) -> Option<usize> {
    let contains =
        |module: &str| path.strip_prefix(module).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    let listed =
        LAYERS.iter().enumerate().flat_map(|(layer, modules)| modules.iter().map(move |name| (layer, name)));
    listed
        .filter(|(_, module)| contains(module))
        .max_by_key(|(_, module)| module.len())
        .map(|(layer, _)| layer)
}

/// Returns the paths after `use crate::`, with one path for each item in braces.
fn imports(text: &str) -> Vec<String> {
    let code = text.split("#[cfg(test)]").next().unwrap();
    let mut imports = Vec::new();
    for path in code.split("use crate::").skip(1).map(|rest| rest.split(';').next().unwrap()) {
        let (prefix, items) = path.split_once('{').unwrap_or(("", path));
        let items = items.trim_end_matches('}').split(',').map(str::trim).filter(|item| !item.is_empty());
        imports.extend(items.map(|item| format!("{prefix}{item}").replace("::", "/")));
    }
    imports
}

#[test]
fn module_imports_no_higher_layer() {
    for module in modules(&source_folder()) {
        let text = fs::read_to_string(source_folder().join(format!("{module}.rs"))).unwrap();
        let own = layer(&module).unwrap_or_else(|| panic!("{module} has no layer"));
        for import in imports(&text) {
            let imported =
                layer(&import).unwrap_or_else(|| panic!("{module} imports {import}, which has no layer"));
            assert!(imported <= own, "{module} imports {import} of a higher layer");
        }
    }
}
