//! Tests of the document's values and errors.

use std::collections::BTreeMap;

use super::*;

#[test]
fn example_equals_the_built_in_defaults() {
    let example = Defaults::from_yaml(EXAMPLE).unwrap();
    let Defaults { settings, .. } = &example;
    assert_eq!(settings["rolebridge.io/port"], "15080");
    assert_eq!(Defaults { settings: BTreeMap::new(), ..example }, Defaults::default());
}

#[test]
fn from_yaml_of_an_empty_document_returns_the_default() {
    for text in ["", "# nothing\n", "{}", "---\n", "null\n"] {
        assert_eq!(Defaults::from_yaml(text), Ok(Defaults::default()), "{text:?}");
    }
}

#[test]
fn from_yaml_accepts_unquoted_numbers() {
    let defaults =
        Defaults::from_yaml("settings:\n  port: 16000\n  cpu-request: 0.5\n  memory-limit: 33554432")
            .unwrap();
    assert_eq!(defaults.setting("rolebridge.io/port"), Some("16000"));
    assert_eq!(defaults.setting("rolebridge.io/cpu-request"), Some("0.5"));
    assert_eq!(defaults.setting("rolebridge.io/memory-limit"), Some("33554432"));
}

#[test]
fn from_yaml_reads_allowed_and_locked() {
    let defaults = Defaults::from_yaml(
        "allowed:\n  providers: ['projects/1/*']\n  serviceAccounts: ['{namespace}-*@p.iam.gserviceaccount.com']\n  \
         roles: ['arn:aws:iam::123456789012:role/{namespace}/*']\n\
         locked: [role-arn]",
    )
    .unwrap();
    assert!(defaults.allows_provider("projects/1/x", "shop"));
    assert!(!defaults.allows_provider("projects/2/x", "shop"));
    assert!(defaults.allows_service_account("shop-batch@p.iam.gserviceaccount.com", "shop"));
    assert!(!defaults.allows_service_account("bank-batch@p.iam.gserviceaccount.com", "shop"));
    assert!(defaults.allows_role("arn:aws:iam::123456789012:role/shop/batch", "shop"));
    assert!(!defaults.allows_role("arn:aws:iam::123456789012:role/shop-eu/batch", "shop"));
    assert!(defaults.locks("rolebridge.io/role-arn") && !defaults.locks("rolebridge.io/sts-endpoint"));
}

#[test]
fn from_yaml_of_an_invalid_value_names_it() {
    for (yaml, message) in [
        (
            "settings: {port: 80}",
            "defaults.yaml: settings.port: expected a port from 1024 to 65535, found \"80\".",
        ),
        (
            "settings: {prt: 8080}",
            "defaults.yaml: settings: expected an annotation without rolebridge.io/, found \"prt\". Did you mean \
             \"port\"?",
        ),
        (
            "settings: {inject: 'true'}",
            "defaults.yaml: settings: expected an annotation without rolebridge.io/, found \"inject\".",
        ),
        (
            "settings: {rolebridge.io/port: 8080}",
            "defaults.yaml: settings: expected an annotation without rolebridge.io/, found \"rolebridge.io/port\". \
             Did you mean \"port\"?",
        ),
        (
            "settings: {identity: gcp}",
            "defaults.yaml: settings.identity: expected an identity: \"aws-role\", \"aws-jwt\" or \"kubernetes\", found \"gcp\".",
        ),
        ("sidecar: {image: ''}", "defaults.yaml: sidecar.image: expected the name of an image, found \"\"."),
        (
            "allowed: {providers: ['{team}']}",
            "defaults.yaml: allowed.providers: expected a pattern with braces only in {namespace}, found \"{team}\".",
        ),
        (
            "allowed: {roles: ['']}",
            "defaults.yaml: allowed.roles: expected a pattern, such as \"*\" to allow everything, found \"\".",
        ),
        (
            "locked: [endpoint]",
            "defaults.yaml: locked: expected an annotation without rolebridge.io/, found \"endpoint\". Did you mean \
             \"sts-endpoint\"?",
        ),
    ] {
        assert_eq!(Defaults::from_yaml(yaml).unwrap_err().to_string(), message, "{yaml}");
    }
}

#[test]
fn from_yaml_of_an_unknown_key_names_the_line() {
    for yaml in [
        "sidecars: {}",
        "sidecar: {tag: x}",
        "allowed: {buckets: []}",
        "settings: [port]",
        "sidecar: {imagePullPolicy: Maybe}",
    ] {
        let message = Defaults::from_yaml(yaml).unwrap_err().to_string();
        assert!(message.starts_with("defaults.yaml: ") && message.contains("line 1"), "{message}");
    }
}
