//! Checks the imports of the source: modules import lower layers only, and no two files import each other.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use crate::program::crate_path;

/// The layers from the bottom up. Modules of one layer may import one another, except for commands.
const LAYERS: [&[&str]; 6] = [
    &["error", "iam", "image_ref", "options", "output"],
    &["input"],
    &["admission", "cluster"],
    &["commands"],
    &["args"],
    &["run"],
];

/// The modules that each module imports, by their paths, for example `commands::check::release`.
type Imports = BTreeMap<String, BTreeSet<String>>;

fn read_imports() -> Imports {
    let mut sources = BTreeMap::new();
    read_sources(&crate_path("src"), "", &mut sources);
    let import = |text: &String| -> BTreeSet<String> {
        let statements = text.split("use crate::").skip(1).filter_map(|rest| rest.split_once(';'));
        let paths =
            statements.flat_map(|(statement, _)| expand(&statement.split_whitespace().collect::<String>()));
        paths.filter_map(|path| module_of(&path, &sources)).collect()
    };
    sources.iter().map(|(module, text)| (module.clone(), import(text))).collect()
}

fn read_sources(folder: &Path, parent: &str, sources: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap();
        let module = if parent.is_empty() { name.to_owned() } else { format!("{parent}::{name}") };
        if path.is_dir() {
            read_sources(&path, &module, sources);
        } else {
            let module = if name == "mod" { parent.to_owned() } else { module };
            sources.insert(module, fs::read_to_string(&path).unwrap());
        }
    }
}

/// Expands `a::{b, c::D}` to `a::b` and `a::c::D`.
fn expand(path: &str) -> Vec<String> {
    let Some((prefix, items)) = path.split_once('{') else { return vec![path.to_owned()] };
    let items = items.trim_end_matches('}').split(',').filter(|item| !item.is_empty());
    items.map(|item| format!("{prefix}{item}")).collect()
}

/// Returns the longest prefix of a path that is a module.
fn module_of(path: &str, sources: &BTreeMap<String, String>) -> Option<String> {
    let parts: Vec<_> = path.split("::").collect();
    let mut prefixes = (1..=parts.len()).rev().map(|length| parts[..length].join("::"));
    prefixes.find(|prefix| sources.contains_key(prefix))
}

fn layer(module: &str) -> usize {
    let top = module.split("::").next().unwrap();
    LAYERS.iter().position(|modules| modules.contains(&top)).unwrap_or_else(|| panic!("{top} has no layer"))
}

fn command(module: &str) -> Option<&str> {
    module.strip_prefix("commands::")?.split("::").next()
}

#[test]
fn modules_import_lower_layers_only() {
    let imports = read_imports();
    assert!(imports["commands::check::release"].contains("cluster::chart_names"), "{imports:?}");
    for (module, imported) in imports.iter().filter(|(module, _)| *module != "main") {
        for import in imported {
            assert!(layer(module) >= layer(import), "{module} imports {import}");
            let commands = (command(module), command(import));
            assert!(
                commands.0.is_none() || commands.1.is_none() || commands.0 == commands.1,
                "{module}: {import}"
            );
        }
    }
}

#[test]
fn no_two_files_import_each_other() {
    let imports = read_imports();
    for (module, imported) in &imports {
        for import in imported.iter().filter(|import| *import != module) {
            assert!(!imports[import].contains(module), "{module} and {import} import each other");
        }
    }
}
