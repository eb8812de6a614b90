//! The Terraform modules of `setup`, parsed as HCL and compared with the documentation of the providers.

use std::collections::BTreeMap;

use hcl::{Block, Body};
use regex::Regex;
use rstest::rstest;
use serde::Deserialize;

use crate::program::{crate_path, run};
use crate::setup::arguments_by_identity;

/// Arguments that Terraform itself defines for every block.
const META_ARGUMENTS: [&str; 5] = ["count", "depends_on", "for_each", "lifecycle", "provider"];

/// An argument, as the providers document it.
#[derive(Debug, Clone, Deserialize)]
struct Argument {
    required: bool,
    deprecated: bool,
}

/// A resource or data source, as the providers document it.
#[derive(Debug, Clone, Deserialize)]
struct Documented {
    /// By the name of the nested block, which is empty for the block itself.
    arguments: BTreeMap<String, BTreeMap<String, Argument>>,
    attributes: Vec<String>,
}

type Documentation = BTreeMap<String, Documented>;

/// A provider's part of the file that `scripts/terraform_arguments.py` makes.
#[derive(Debug, Deserialize)]
struct Part {
    source: Source,
    blocks: Documentation,
}

/// The source of a part. A part that is not extracted does not judge the modules, as `docs/src/evidence.md` says.
#[derive(Debug, Deserialize)]
struct Source {
    extracted: bool,
    from: String,
}

fn parts() -> BTreeMap<String, Part> {
    let text = std::fs::read(crate_path("tests/cases/terraform-arguments.json")).unwrap();
    serde_json::from_slice(&text).unwrap()
}

fn documentation() -> Documentation {
    parts().into_values().flat_map(|part| part.blocks).collect()
}

/// Returns the module for the identity with a name.
fn module(name: &str) -> String {
    let (_, arguments) = arguments_by_identity().into_iter().find(|(known, _)| *known == name).unwrap();
    let output = run(&[&arguments[..], &["-o", "terraform"]].concat(), b"");
    String::from_utf8(output.stdout).unwrap()
}

/// Returns everything in a module that the providers do not document, or document as deprecated.
fn problems(module: &str, documentation: &Documentation) -> Vec<String> {
    let body: Body = match hcl::parse(module) {
        Ok(body) => body,
        Err(error) => return vec![error.to_string()],
    };
    let mut problems = Vec::new();
    for block in body.blocks() {
        let labels: Vec<_> = block.labels().iter().map(hcl::BlockLabel::as_str).collect();
        match (block.identifier(), &labels[..]) {
            ("variable", [_]) | ("locals", []) => {}
            (kind @ ("resource" | "data"), [name, _]) => {
                let key = format!("{kind} {name}");
                match documentation.get(&key) {
                    Some(documented) => check_block(&key, block, "", documented, &mut problems),
                    None => problems.push(format!("{key}: not documented")),
                }
            }
            (kind, labels) => problems.push(format!("{kind} {labels:?}: not a block of a module")),
        }
    }
    problems.extend(body.attributes().map(|attribute| format!("{}: outside of a block", attribute.key())));
    problems.extend(unknown_references(module, documentation));
    problems
}

fn check_block(key: &str, block: &Block, nested: &str, documented: &Documented, problems: &mut Vec<String>) {
    let Some(arguments) = documented.arguments.get(nested) else {
        problems.push(format!("{key}: the block {nested} is not documented"));
        return;
    };
    let found = block.body().attributes().map(hcl::Attribute::key);
    let found: Vec<_> = found.chain(block.body().blocks().map(Block::identifier)).collect();
    for name in &found {
        match arguments.get(*name) {
            Some(argument) if argument.deprecated => problems.push(format!("{key}: {name} is deprecated")),
            Some(_) => {}
            None if nested.is_empty() && META_ARGUMENTS.contains(name) => {}
            None => problems.push(format!("{key}: {nested} {name} is not documented")),
        }
    }
    let required = arguments.iter().filter(|(_, argument)| argument.required);
    let missing = required.filter(|(name, _)| !found.contains(&name.as_str()));
    problems.extend(missing.map(|(name, _)| format!("{key}: {nested} {name} is missing")));
    for child in block.body().blocks() {
        check_block(key, child, child.identifier(), documented, problems);
    }
}

/// Returns the references to blocks that the module does not have, and to attributes that are not documented.
fn unknown_references(module: &str, documentation: &Documentation) -> Vec<String> {
    let reference = Regex::new(r"(data\.)?\b((?:aws|google)_\w+)\.(\w+)(?:\.(\w+))?").unwrap();
    let is_known = |data: bool, name: &str, label: &str, attribute: Option<&str>| {
        let kind = if data { "data" } else { "resource" };
        let is_declared = module.contains(&format!("{kind} \"{name}\" \"{label}\" {{"));
        let documented = documentation.get(&format!("{kind} {name}"));
        let has = |attribute: &str| {
            documented.is_some_and(|documented| {
                documented.attributes.iter().any(|known| known == attribute)
                    || documented.arguments[""].contains_key(attribute)
            })
        };
        is_declared && attribute.is_none_or(has)
    };
    let references = reference.captures_iter(module).filter(|found| {
        let part = |index| found.get(index).map(|part| part.as_str());
        !is_known(part(1).is_some(), &found[2], &found[3], part(4))
    });
    references.map(|found| format!("{}: not in the module or not documented", &found[0])).collect()
}

#[test]
fn every_module_is_documented_by_the_providers() {
    let documentation = documentation();
    for (name, _) in arguments_by_identity() {
        let module = module(name);
        assert!(module.contains("resource \"google_iam_workload_identity_pool_provider\""), "{name}");
        assert_eq!(problems(&module, &documentation), <[String; 0]>::default(), "{name}");
    }
}

/// A part says which commit it was extracted from, or that it was not and how to replace it.
#[test]
fn every_part_names_its_source() {
    let commit = Regex::new(r"^hashicorp/terraform-provider-\w+ at commit [0-9a-f]{40}( \(.+\))?$").unwrap();
    let parts = parts();
    assert_eq!(parts.keys().collect::<Vec<_>>(), ["aws", "google"]);
    for (name, Part { source: Source { extracted, from }, .. }) in &parts {
        let is_clear = if *extracted {
            commit.is_match(from)
        } else {
            from.starts_with("typed by hand ") && from.contains("Run `make terraform`")
        };
        assert!(is_clear, "{name}: {from}");
    }
    let page = std::fs::read_to_string(crate_path("../../docs/src/evidence.md")).unwrap();
    let is_unjudged = page.contains("| The arguments of AWS's blocks in `setup`'s Terraform |");
    assert_eq!(is_unjudged, !parts["aws"].source.extracted, "docs/src/evidence.md");
}

/// Each mistake in a module is found.
#[rstest]
#[case::syntax("}\n\nresource", "\n\nresource", "expected")]
#[case::argument("account_id = \"1", "account = \"1", "aws account is not documented")]
#[case::required("account_id = \"1", "account = \"1", "aws account_id is missing")]
#[case::nested_block("  aws {", "  amazon {", "amazon is not documented")]
#[case::resource(
    "resource \"aws_iam_role\"",
    "resource \"aws_iam_rule\"",
    "resource aws_iam_rule: not documented"
)]
#[case::attribute("cluster.arn", "cluster.id_of", "aws_iam_openid_connect_provider.cluster.id_of: not in")]
#[case::reference(
    "[google_project_service.needed]",
    "[google_project_service.other]",
    "service.other: not in"
)]
#[case::block("locals {", "local {", "local []: not a block")]
fn mistake_in_a_module_is_found(#[case] from: &str, #[case] to: &str, #[case] expected: &str) {
    let module = module("aws-role");
    assert!(module.contains(from), "{module}");
    let problems = problems(&module.replacen(from, to, 1), &documentation());
    assert!(problems.iter().any(|problem| problem.contains(expected)), "{problems:?}");
}

#[test]
fn deprecated_argument_is_found() {
    let mut documentation = documentation();
    let role = documentation.get_mut("resource aws_iam_role").unwrap();
    role.arguments.get_mut("").unwrap().get_mut("path").unwrap().deprecated = true;
    assert_eq!(problems(&module("aws-role"), &documentation), ["resource aws_iam_role: path is deprecated"]);
}
