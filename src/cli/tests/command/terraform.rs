//! The Terraform modules of `setup`, parsed as HCL and compared with the schemas of the providers.

use std::collections::{BTreeMap, BTreeSet};

use hcl::{Block, Body};
use regex::Regex;
use rstest::rstest;
use serde::Deserialize;

use crate::program::{crate_path, run};
use crate::setup::arguments_by_identity;

/// Arguments that Terraform itself defines for every block.
const META_ARGUMENTS: [&str; 5] = ["count", "depends_on", "for_each", "lifecycle", "provider"];

/// An argument, as the provider defines it.
#[derive(Debug, Clone, Deserialize)]
struct Argument {
    required: bool,
    deprecated: bool,
}

/// A resource or data source, as the provider defines it.
#[derive(Debug, Clone, Deserialize)]
struct Definition {
    /// By the path of the nested block, which is empty for the block itself.
    arguments: BTreeMap<String, BTreeMap<String, Argument>>,
    /// Paths without indices.
    attributes: Vec<String>,
}

type Definitions = BTreeMap<String, Definition>;

/// A provider's part of the file that `scripts/terraform_arguments.py` makes.
#[derive(Debug, Deserialize)]
struct Part {
    /// The provider and its version.
    provider: String,
    /// The package that was made from the provider's schema.
    schema: String,
    /// The package that names what is deprecated.
    deprecated: String,
    blocks: Definitions,
}

fn parts() -> BTreeMap<String, Part> {
    let text = std::fs::read(crate_path("tests/cases/terraform-arguments.json")).unwrap();
    serde_json::from_slice(&text).unwrap()
}

fn definitions() -> Definitions {
    parts().into_values().flat_map(|part| part.blocks).collect()
}

/// Returns the module for the identity with a name.
fn module(name: &str) -> String {
    let (_, arguments) = arguments_by_identity().into_iter().find(|(known, _)| *known == name).unwrap();
    let output = run(&[&arguments[..], &["-o", "terraform"]].concat(), b"");
    String::from_utf8(output.stdout).unwrap()
}

/// Returns everything in a module that the providers do not define, or that is deprecated.
fn problems(module: &str, definitions: &Definitions) -> Vec<String> {
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
                match definitions.get(&key) {
                    Some(definition) => check_block(&key, block, "", definition, &mut problems),
                    None => problems.push(format!("{key}: not defined")),
                }
            }
            (kind, labels) => problems.push(format!("{kind} {labels:?}: not a block of a module")),
        }
    }
    problems.extend(body.attributes().map(|attribute| format!("{}: outside of a block", attribute.key())));
    problems.extend(unknown_references(module, definitions));
    problems
}

/// Adds the problems of a block at a path.
fn check_block(key: &str, block: &Block, path: &str, definition: &Definition, problems: &mut Vec<String>) {
    let Some(arguments) = definition.arguments.get(path) else {
        problems.push(format!("{key}: the block {path} is not defined"));
        return;
    };
    let below = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    let found = block.body().attributes().map(hcl::Attribute::key);
    let found: Vec<_> = found.chain(block.body().blocks().map(Block::identifier)).collect();
    for name in &found {
        match arguments.get(*name) {
            Some(argument) if argument.deprecated => {
                problems.push(format!("{key}: {} is deprecated", below(name)));
            }
            Some(_) => {}
            None if path.is_empty() && META_ARGUMENTS.contains(name) => {}
            None => problems.push(format!("{key}: {} is not defined", below(name))),
        }
    }
    let required = arguments.iter().filter(|(_, argument)| argument.required);
    let missing = required.filter(|(name, _)| !found.contains(&name.as_str()));
    problems.extend(missing.map(|(name, _)| format!("{key}: {} is missing", below(name))));
    for child in block.body().blocks() {
        check_block(key, child, &below(child.identifier()), definition, problems);
    }
}

/// Returns the references to blocks that the module does not have, and to attributes that are not defined.
fn unknown_references(module: &str, definitions: &Definitions) -> Vec<String> {
    let reference = Regex::new(r"(data\.)?\b((?:aws|google)_\w+)\.(\w+)((?:\.\w+|\[\d+\])*)").unwrap();
    let index = Regex::new(r"\[\d+\]").unwrap();
    let is_known = |data: bool, name: &str, label: &str, path: &str| {
        let kind = if data { "data" } else { "resource" };
        let is_declared = module.contains(&format!("{kind} \"{name}\" \"{label}\" {{"));
        let definition = definitions.get(&format!("{kind} {name}"));
        let path = index.replace_all(path, "");
        let has = |path: &str| {
            definition.is_some_and(|definition| definition.attributes.iter().any(|known| known == path))
        };
        is_declared && path.strip_prefix('.').is_none_or(has)
    };
    let references = reference
        .captures_iter(module)
        .filter(|found| !is_known(found.get(1).is_some(), &found[2], &found[3], &found[4]));
    references.map(|found| format!("{}: not in the module or not defined", &found[0])).collect()
}

#[test]
fn every_module_is_defined_by_the_providers() {
    let definitions = definitions();
    for (name, _) in arguments_by_identity() {
        let module = module(name);
        assert!(module.contains("resource \"google_iam_workload_identity_pool_provider\""), "{name}");
        assert_eq!(problems(&module, &definitions), <[String; 0]>::default(), "{name}");
    }
}

/// A part names the provider's version, and the packages that `scripts/terraform_requirements.txt` pins.
#[test]
fn every_part_names_its_source() {
    let version = Regex::new(r"^\d+\.\d+\.\d+$").unwrap();
    let pins = std::fs::read_to_string(crate_path("../../scripts/terraform_requirements.txt")).unwrap();
    let mut pins: BTreeSet<_> =
        pins.lines().filter(|line| !line.starts_with('#')).map(|line| line.replace("==", " ")).collect();
    for (name, part) in parts() {
        let found = part.provider.strip_prefix(&format!("hashicorp/{name} "));
        assert!(found.is_some_and(|found| version.is_match(found)), "{}", part.provider);
        for package in [part.schema, part.deprecated] {
            assert!(pins.remove(&package), "{package}");
        }
    }
    assert_eq!(pins, BTreeSet::default());
}

/// Each mistake in a module is found.
#[rstest]
#[case::syntax("}\n\nresource", "\n\nresource", "expected")]
#[case::argument("account_id = \"1", "account = \"1", "aws.account is not defined")]
#[case::required("account_id = \"1", "account = \"1", "aws.account_id is missing")]
#[case::nested_block("  aws {", "  amazon {", "amazon is not defined")]
#[case::resource(
    "resource \"aws_iam_role\"",
    "resource \"aws_iam_rule\"",
    "resource aws_iam_rule: not defined"
)]
#[case::deprecated(
    "  assume_role_policy = ",
    "  inline_policy {\n  }\n  assume_role_policy = ",
    "resource aws_iam_role: inline_policy is deprecated"
)]
#[case::attribute("cluster.arn", "cluster.id_of", "aws_iam_openid_connect_provider.cluster.id_of: not in")]
#[case::nested_attribute(".oidc[0].issuer", ".oidc[0].issuer_url", "identity[0].oidc[0].issuer_url: not in")]
#[case::reference(
    "[google_project_service.needed]",
    "[google_project_service.other]",
    "service.other: not in"
)]
#[case::block("locals {", "local {", "local []: not a block")]
fn mistake_in_a_module_is_found(#[case] from: &str, #[case] to: &str, #[case] expected: &str) {
    let module = module("aws-role");
    assert!(module.contains(from), "{module}");
    let problems = problems(&module.replacen(from, to, 1), &definitions());
    assert!(problems.iter().any(|problem| problem.contains(expected)), "{problems:?}");
}
