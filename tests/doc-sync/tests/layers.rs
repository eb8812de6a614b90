//! Checks the layers of each crate in `src`. A file imports only files of its own or a lower layer. No two files import
//! each other, directly or through other files. Tests are ignored.
//!
//! An import is a path that begins with `crate`, `super`, `self` or a child module. It counts for the innermost module of
//! the path that is a file.
#![expect(clippy::unwrap_used, reason = "test helpers may panic")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use regex::Regex;
use rolebridge_doc_sync::pages::root;

/// The layers of a crate.
struct Layers {
    name: &'static str,
    /// Modules with their child modules, lowest layer first. The longest matching module decides.
    order: &'static [&'static [&'static str]],
    /// Modules of which none imports another.
    independent: &'static [&'static str],
}

/// Crates, and the crates of the workspace that they may depend on.
const DEPENDENCIES: &[(&str, &[&str])] = &[
    ("core", &[]),
    ("certs", &[]),
    ("telemetry", &[]),
    ("inject", &["rolebridge-core"]),
    ("webhook", &["rolebridge-core", "rolebridge-certs", "rolebridge-inject", "rolebridge-telemetry"]),
    ("sidecar", &["rolebridge-core", "rolebridge-telemetry"]),
    ("cli", &["rolebridge-core", "rolebridge-certs", "rolebridge-inject"]),
];

/// Crates, and the dependencies that they must not have.
const FORBIDDEN: &[(&str, &[&str])] = &[("sidecar", &["kube", "kube-runtime", "k8s-openapi"])];

const CRATES: &[Layers] = &[
    Layers {
        name: "core",
        order: &[
            &[
                "annotations",
                "env",
                "error_chain",
                "imds",
                "invalid_value",
                "metadata_host",
                "pod_names",
                "redact",
            ],
            &["aws", "google", "identity", "token_source"],
            &["parse"],
            &["service_accounts", "token_outputs"],
            &["client_versions", "diagnostics", "external_account"],
        ],
        independent: &[],
    },
    Layers {
        name: "certs",
        order: &[&["validity"], &["certificate"], &["names", "signature"], &["verify"], &["ca_bundle"]],
        independent: &[],
    },
    Layers { name: "telemetry", order: &[&["exposition", "json"], &["log"]], independent: &[] },
    Layers {
        name: "inject",
        order: &[
            &[
                "message",
                "metadata_dependency",
                "mount_path",
                "object_metadata",
                "pattern",
                "quantity",
                "reason",
                "steps",
            ],
            &["denial", "view"],
            &["context", "defaults::model", "ineffective", "mesh", "opt_in", "reinvocation", "unknown_keys"],
            &["settings"],
            &["defaults", "patch"],
            &["env_from", "warnings"],
            &["admission"],
            &["workload"],
        ],
        independent: &[],
    },
    Layers {
        name: "webhook",
        order: &[
            &[
                "api_error",
                "background",
                "deadlines",
                "file_watcher",
                "heartbeat",
                "object_kind",
                "rate_limit",
                "value_parsers",
                "webhook_config",
            ],
            &[
                "admission",
                "api_call",
                "bounded_body",
                "http::cert_resolver",
                "http::drain",
                "list_watch",
                "metadata",
                "metrics",
            ],
            &[
                "answers",
                "api_client",
                "cert_trust",
                "events",
                "live_defaults",
                // Without IO.
                "managed_cert::apply",
                "managed_cert::args",
                "managed_cert::issue",
                "managed_cert::leader",
                "managed_cert::metrics",
                "managed_cert::plan",
                "managed_cert::policy",
                "managed_cert::propagation",
                "managed_cert::secret",
                "managed_cert::select",
                "managed_cert::settings",
                "managed_cert::state",
            ],
            &["webhook_config_watch"],
            &["managed_cert", "webhook_config_reader"],
            &["state"],
            &["handlers"],
            &["health", "http"],
            &["args", "run"],
        ],
        independent: &[],
    },
    Layers {
        name: "sidecar",
        order: &[
            &[
                "backoff",
                "clock",
                "error",
                "fuzzing",
                "regular_file",
                "scopes",
                "secret",
                "spread",
                "subject_token",
                "token_kind",
            ],
            &["settings"],
            &["http"],
            &["aws", "google", "jwt", "projected_token", "schedule", "sign"],
            &["credential", "metrics", "shared_state", "status_file", "token_cache"],
            &["config_files", "publish", "refresh", "server", "startup_probe", "token_files"],
            &["doctor", "run"],
            &["command"],
        ],
        independent: &[],
    },
    Layers {
        name: "cli",
        order: &[
            &["docs", "error", "gcloud", "iam", "image_ref", "options", "output"],
            &["input", "limits"],
            &["admission", "cluster"],
            &["commands"],
            &["args"],
            &["program", "run"],
        ],
        independent: &[
            "commands::check",
            "commands::complete",
            "commands::doctor",
            "commands::explain",
            "commands::inject",
            "commands::man",
            "commands::setup",
            "commands::version",
        ],
    },
];

/// Returns the text of each module of a crate, without comments and tests. `lib.rs` and `main.rs` are the module "".
fn modules(name: &str) -> BTreeMap<String, String> {
    let mut files = Vec::new();
    read_folder(&root().join("src").join(name).join("src"), "", &mut files);
    let test_module =
        Regex::new(r"#\[cfg\(test\)\]\s*(?:#\[[^\]]*\]\s*)*(?:pub(?:\(\w+\))? )?mod (\w+);").unwrap();
    let inline_tests = Regex::new(r"(?s)#\[cfg\(test\)\]\s*(?:#\[[^\]]*\]\s*)*mod \w+ \{.*").unwrap();
    let comment_or_visibility = Regex::new(r"//.*|pub\(in [^)]*\)").unwrap();
    let test_modules: Vec<_> = files
        .iter()
        .flat_map(|(module, text)| {
            test_module.captures_iter(text).map(move |found| join(module, &found[1])).collect::<Vec<_>>()
        })
        .collect();
    let mut modules: BTreeMap<String, String> = BTreeMap::new();
    for (module, text) in files {
        if !test_modules.iter().any(|test| is_within(&module, test)) {
            let text = comment_or_visibility.replace_all(&text, "");
            modules.entry(module).or_default().push_str(&inline_tests.replace(&text, ""));
        }
    }
    modules
}

fn read_folder(folder: &Path, parent: &str, files: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let stem = path.file_stem().unwrap().to_str().unwrap();
        if path.is_dir() {
            read_folder(&path, &join(parent, stem), files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let is_root = ["lib", "main", "mod"].contains(&stem);
            let module = if is_root { parent.to_owned() } else { join(parent, stem) };
            files.push((module, fs::read_to_string(&path).unwrap()));
        }
    }
}

fn join(module: &str, child: &str) -> String {
    if module.is_empty() { child.to_owned() } else { format!("{module}::{child}") }
}

fn is_within(module: &str, ancestor: &str) -> bool {
    module.strip_prefix(ancestor).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

/// Returns the paths in a module: of `use` declarations with their braces expanded, and of expressions and types.
fn paths(text: &str) -> BTreeSet<String> {
    static DECLARATION: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"(?m)^\s*(?:pub(?:\(\w+\))? )?use ([\w:{},\s*]+);").unwrap());
    static PATH: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\b[a-z_]\w*(?:::\w+)+").unwrap());
    let mut paths = BTreeSet::new();
    for found in DECLARATION.captures_iter(text) {
        expand("", &found[1].split_whitespace().collect::<Vec<_>>().join(" "), &mut paths);
    }
    let rest = DECLARATION.replace_all(text, "");
    paths.extend(PATH.find_iter(&rest).map(|found| found.as_str().to_owned()));
    paths
}

fn expand(prefix: &str, tree: &str, paths: &mut BTreeSet<String>) {
    let Some((head, tail)) = tree.split_once('{') else {
        let path = format!("{prefix}{}", tree.trim());
        let path = path.split(" as ").next().unwrap_or_default().to_owned();
        paths.extend(Some(path).filter(|path| !path.ends_with("::")));
        return;
    };
    let prefix = format!("{prefix}{}", head.trim());
    let (mut depth, mut start) = (0, 0);
    let tail = &tail[..tail.rfind('}').unwrap()];
    for (end, c) in tail.char_indices().chain([(tail.len(), ',')]) {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                expand(&prefix, &tail[start..end], paths);
                start = end + 1;
            }
            _ => {}
        }
    }
}

/// Returns the module that a path of `module` imports, if the path is in this crate and in another module.
fn imported(module: &str, path: &str, modules: &BTreeMap<String, String>) -> Option<String> {
    let mut segments = path.split("::").peekable();
    let mut target: Vec<&str> = match *segments.peek()? {
        "crate" => Vec::new(),
        first if first == "self" || first == "super" || modules.contains_key(&join(module, first)) => {
            module.split("::").filter(|segment| !segment.is_empty()).collect()
        }
        _ => return None,
    };
    for segment in segments {
        match segment {
            "crate" | "self" => {}
            "super" => drop(target.pop()),
            _ => target.push(segment),
        }
    }
    while !target.is_empty() && !modules.contains_key(&target.join("::")) {
        target.pop();
    }
    Some(target.join("::")).filter(|target| target != module)
}

fn layer(layers: &Layers, module: &str) -> Option<usize> {
    let matches = layers.order.iter().enumerate().flat_map(|(layer, modules)| {
        modules.iter().filter(|listed| is_within(module, listed)).map(move |listed| (listed.len(), layer))
    });
    matches.max().map(|(_, layer)| layer)
}

fn violations(layers: &Layers, modules: &BTreeMap<String, String>) -> Vec<String> {
    let mut violations = BTreeSet::new();
    let mut imports: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for (module, text) in modules.iter().filter(|(module, _)| !module.is_empty()) {
        let paths = paths(text);
        let targets: BTreeSet<_> = paths.iter().filter_map(|path| imported(module, path, modules)).collect();
        let Some(own) = layer(layers, module) else {
            violations.insert(format!("{module} is in no layer"));
            continue;
        };
        for target in &targets {
            let unrelated = |other: &&&str| is_within(target, other) && !is_within(module, other);
            if target.is_empty() {
                violations
                    .insert(format!("{module} imports the crate's root instead of the defining module"));
            } else if layer(layers, target).is_some_and(|other| other > own) {
                violations.insert(format!("{module} imports {target} of a higher layer"));
            } else if layers.independent.iter().any(|one| is_within(module, one))
                && layers.independent.iter().any(|other| unrelated(&other))
            {
                violations.insert(format!("{module} imports {target}, but they must be independent"));
            }
        }
        imports.insert(module, targets);
    }
    violations.extend(cycles(&imports));
    violations.into_iter().map(|violation| format!("src/{}: {violation}", layers.name)).collect()
}

/// Returns the imports that are part of a cycle.
fn cycles(imports: &BTreeMap<&str, BTreeSet<String>>) -> Vec<String> {
    let reaches = |from: &str, to: &str| {
        let (mut seen, mut next) = (BTreeSet::new(), vec![from]);
        while let Some(module) = next.pop() {
            if module == to {
                return true;
            }
            if seen.insert(module) {
                next.extend(imports.get(module).into_iter().flatten().map(String::as_str));
            }
        }
        false
    };
    let edges = imports.iter().flat_map(|(from, targets)| targets.iter().map(move |to| (*from, to)));
    edges
        .filter(|(from, to)| reaches(to, from))
        .map(|(from, to)| format!("{from} imports {to}, which imports it in turn"))
        .collect()
}

#[test]
fn modules_import_only_their_own_and_lower_layers() {
    let violations: Vec<_> =
        CRATES.iter().flat_map(|layers| violations(layers, &modules(layers.name))).collect();
    assert!(violations.is_empty(), "{} violations:\n{}", violations.len(), violations.join("\n"));
}

#[test]
fn crates_depend_only_on_lower_crates() {
    for (name, allowed) in DEPENDENCIES {
        let manifest = fs::read_to_string(root().join("src").join(name).join("Cargo.toml")).unwrap();
        let (_, rest) = manifest.split_once("[dependencies]").unwrap();
        let section = rest.split("\n[").next().unwrap();
        let names = section.lines().filter_map(|line| line.split(['.', ' ', '=']).next());
        for dependency in names.filter(|dependency| !dependency.is_empty()) {
            let is_allowed = !dependency.starts_with("rolebridge-") || allowed.contains(&dependency);
            assert!(is_allowed, "src/{name} depends on {dependency}, expected only {allowed:?}");
            let forbidden = FORBIDDEN.iter().any(|(other, list)| other == name && list.contains(&dependency));
            assert!(!forbidden, "src/{name} must not depend on {dependency}");
        }
    }
}

#[test]
fn violations_of_an_example_are_found() {
    let layers = Layers {
        name: "example",
        order: &[&["low"], &["middle"], &["high"]],
        independent: &["high::a", "high::b"],
    };
    let modules = [
        ("low", "use crate::middle::Thing;"),
        ("middle", "use super::{\n    low::{A, B},\n};"),
        ("high", "use std::fmt; pub use a::Name;"),
        ("high::a", "use crate::high::b;"),
        ("high::b", "fn f() -> super::super::low::A { crate::Root }"),
        ("other", ""),
    ];
    let modules = modules.map(|(module, text)| (module.to_owned(), text.to_owned())).into();
    assert_eq!(
        violations(&layers, &modules),
        [
            "src/example: high::a imports high::b, but they must be independent",
            "src/example: high::b imports the crate's root instead of the defining module",
            "src/example: low imports middle of a higher layer",
            "src/example: low imports middle, which imports it in turn",
            "src/example: middle imports low, which imports it in turn",
            "src/example: other is in no layer",
        ]
    );
}
