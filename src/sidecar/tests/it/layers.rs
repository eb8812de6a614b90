//! The layers of the crate: a module uses only modules of lower layers.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The layers from the lowest to the highest. Modules of one layer do not use one another.
const LAYERS: &[&[&str]] = &[
    &["clock", "error", "jwt", "schedule", "scopes", "secret"],
    &["projected_token", "status_file", "subject_token", "token_kind"],
    &["publish", "settings", "sign"],
    &["http"],
    &["aws", "google"],
    &["credential", "shared_state"],
    &["metrics"],
    &["refresh", "token_cache"],
    &["server", "token_files"],
    &["run", "startup_probe"],
    &["doctor"],
    &["command"],
];

fn layer(module: &str) -> usize {
    LAYERS
        .iter()
        .position(|modules| modules.contains(&module))
        .unwrap_or_else(|| panic!("{module} has no layer"))
}

/// Returns the files of the crate's modules without tests and fakes.
fn source_files(folder: &Path) -> Vec<PathBuf> {
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let is_test = |path: &PathBuf| path.ends_with("tests.rs") || path.ends_with("fake.rs");
    let files = paths.filter(|path| !is_test(path));
    files.flat_map(|path| if path.is_dir() { source_files(&path) } else { vec![path] }).collect()
}

/// Returns the top-level modules that a file uses.
fn used_modules(text: &str) -> BTreeSet<&str> {
    let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
    let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
    let paths =
        lines.flat_map(|line| line.split("crate::").skip(1)).flat_map(|path| match path.strip_prefix('{') {
            Some(list) => list.split(", ").collect(),
            None => vec![path],
        });
    paths.filter_map(|path| path.split(|c: char| !c.is_alphanumeric() && c != '_').next()).collect()
}

#[test]
fn module_uses_lower_layers_only() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut checked = BTreeSet::new();
    for file in source_files(&source) {
        let path = file.strip_prefix(&source).unwrap().with_extension("");
        let module = path.iter().next().unwrap().to_str().unwrap().to_owned();
        if ["lib", "main"].contains(&module.as_str()) {
            continue;
        }
        for used in used_modules(&fs::read_to_string(&file).unwrap()) {
            assert!(used == module || layer(used) < layer(&module), "{} uses {used}", file.display());
        }
        checked.insert(module);
    }
    assert_eq!(checked.len(), LAYERS.concat().len(), "{checked:?}");
}
