//! Layers of the crate: a module imports only modules of lower layers.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Modules from the lowest layer to the highest. A module may import only modules before it.
const LAYERS: &[&str] = &[
    "object_kind",
    "api_error",
    "api_call",
    "deadlines",
    "value_parsers",
    "rate_limit",
    "file_watcher",
    "metrics",
    "webhook_config",
    "live_defaults",
    "events",
    "metadata::cache",
    "metadata::reflector",
    "metadata::reader",
    "metadata::lookup",
    "admission::review",
    "admission::response",
    "admission::object_ref",
    "admission::body",
    "state",
    "handlers::respond",
    "handlers::pods",
    "handlers::workloads",
    "http::drain",
    "http::cert_resolver",
    "http::tls",
    "http::connection",
    "http::server",
    "http::router",
    "cert_trust",
    "webhook_config_reader",
    // The managed certificate: the pure modules come before those that do IO.
    "managed_cert::policy",
    "managed_cert::settings",
    "managed_cert::args",
    "managed_cert::metrics",
    "managed_cert::state",
    "managed_cert::issue",
    "managed_cert::secret",
    "managed_cert::propagation",
    "managed_cert::select",
    "managed_cert::plan",
    "managed_cert::leader",
    "managed_cert::apply",
    "managed_cert::client",
    "managed_cert::lease_client",
    "managed_cert::election",
    "managed_cert::reconciler",
    "managed_cert",
    "args",
    "health",
    "run",
];

fn source_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// Returns the path of a module from its file, relative to the source folder.
fn module_path(file: &Path) -> String {
    let path = file.with_extension("");
    let parts: Vec<_> =
        path.iter().map(|part| part.to_str().unwrap()).filter(|part| *part != "mod").collect();
    parts.join("::")
}

fn source_files(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.ends_with("tests") {
            source_files(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

/// Returns the modules that a file imports. Each `use` names one module, or items of its children in braces.
fn imports(module: &str, text: &str) -> BTreeSet<String> {
    let parent = module.rsplit_once("::").map_or("", |(parent, _)| parent);
    let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    let uses = code.split("use ").skip(1).filter_map(|rest| rest.split(';').next());
    let mut found = BTreeSet::new();
    for path in uses {
        let absolute = match path.split_once("::") {
            Some(("crate", rest)) => rest.to_owned(),
            Some(("super", rest)) => format!("{parent}::{rest}"),
            Some(("self", rest)) => format!("{module}::{rest}"),
            _ => continue,
        };
        let (prefix, items) = absolute.split_once("::{").unwrap_or((&absolute, ""));
        let children =
            items.trim_end_matches('}').split(',').map(|item| format!("{prefix}::{}", item.trim()));
        let longest = |path: &str| {
            let prefixes = path.match_indices("::").map(|(end, _)| &path[..end]).chain([path]);
            prefixes.filter(|prefix| LAYERS.contains(prefix)).last().map(str::to_owned)
        };
        found.extend([prefix.to_owned()].into_iter().chain(children).filter_map(|path| longest(&path)));
    }
    found.remove(module);
    found
}

#[test]
fn module_imports_lower_layers_only() {
    let mut files = Vec::new();
    source_files(&source_folder(), &mut files);
    let mut checked = BTreeSet::new();
    for file in files {
        let module = module_path(file.strip_prefix(source_folder()).unwrap());
        // The crate's root and modules without code have no layer.
        let Some(layer) = LAYERS.iter().position(|known| *known == module) else {
            let text = fs::read_to_string(&file).unwrap();
            assert!(!text.contains("use crate::") || module == "lib", "{module} has no layer");
            continue;
        };
        for import in imports(&module, &fs::read_to_string(&file).unwrap()) {
            let imported = LAYERS.iter().position(|known| *known == import).unwrap();
            assert!(imported < layer, "{module} imports {import}, which is in a higher layer");
        }
        checked.insert(module);
    }
    assert_eq!(checked.len(), LAYERS.len(), "every layer exists: {checked:?}");
}
