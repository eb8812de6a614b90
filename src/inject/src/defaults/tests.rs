//! The document: what it means, and what it says when it is wrong.

use super::*;

#[test]
fn the_example_says_what_holds_without_it() {
    let example = Defaults::from_yaml(EXAMPLE).unwrap();
    let Defaults { settings, .. } = &example;
    assert_eq!(settings["rolebridge.io/port"], "15080");
    assert_eq!(Defaults { settings: BTreeMap::new(), ..example }, Defaults::default());
}

#[test]
fn an_empty_document_decides_nothing() {
    for text in ["", "# nothing\n", "{}", "---\n", "null\n"] {
        assert_eq!(Defaults::from_yaml(text), Ok(Defaults::default()), "{text:?}");
    }
}

#[test]
fn numbers_need_no_quotes() {
    let defaults =
        Defaults::from_yaml("settings:\n  port: 16000\n  cpu-request: 0.5\n  memory-limit: 33554432")
            .unwrap();
    assert_eq!(defaults.setting("rolebridge.io/port"), Some("16000"));
    assert_eq!(defaults.setting("rolebridge.io/cpu-request"), Some("0.5"));
    assert_eq!(defaults.setting("rolebridge.io/memory-limit"), Some("33554432"));
}

#[test]
fn guard_rails() {
    let defaults = Defaults::from_yaml(
        "allowed:\n  providers: ['projects/1/*']\n  serviceAccounts: ['{namespace}-*@p.iam.gserviceaccount.com']\n\
         locked: [role-arn]",
    )
    .unwrap();
    assert!(defaults.allows_provider("projects/1/x", "shop"));
    assert!(!defaults.allows_provider("projects/2/x", "shop"));
    assert!(defaults.allows_service_account("shop-batch@p.iam.gserviceaccount.com", "shop"));
    assert!(!defaults.allows_service_account("bank-batch@p.iam.gserviceaccount.com", "shop"));
    assert!(defaults.locks("rolebridge.io/role-arn") && !defaults.locks("rolebridge.io/sts-endpoint"));
}

#[test]
fn what_is_wrong_is_said() {
    for (yaml, message) in [
        (
            "settings: {port: 80}",
            "defaults.yaml: settings.port: expected a port from 1024 to 65535, found \"80\".",
        ),
        (
            "settings: {prt: 8080}",
            "defaults.yaml: settings: \"prt\" is no annotation that the defaults may name, without rolebridge.io/; \
             did you mean \"port\"?",
        ),
        (
            "settings: {inject: 'true'}",
            "defaults.yaml: settings: \"inject\" is no annotation that the defaults may name, without rolebridge.io/.",
        ),
        (
            "settings: {rolebridge.io/port: 8080}",
            "defaults.yaml: settings: \"rolebridge.io/port\" is no annotation that the defaults may name, without \
             rolebridge.io/; did you mean \"port\"?",
        ),
        (
            "settings: {identity: gcp}",
            "defaults.yaml: settings.identity: expected an identity: \"aws-role\", \"aws-jwt\" or \"kubernetes\", found \"gcp\".",
        ),
        ("sidecar: {image: ''}", "defaults.yaml: sidecar.image: \"\" is not the name of an image."),
        (
            "allowed: {providers: ['{team}']}",
            "defaults.yaml: allowed.providers: \"{team}\" has braces around something else than {namespace}.",
        ),
        (
            "locked: [endpoint]",
            "defaults.yaml: locked: \"endpoint\" is no annotation that the defaults may name, without rolebridge.io/; \
             did you mean \"sts-endpoint\"?",
        ),
    ] {
        assert_eq!(Defaults::from_yaml(yaml).unwrap_err().to_string(), message, "{yaml}");
    }
}

#[test]
fn an_unknown_key_is_refused_with_its_place() {
    for yaml in [
        "sidecars: {}",
        "sidecar: {tag: x}",
        "allowed: {roles: []}",
        "settings: [port]",
        "sidecar: {imagePullPolicy: Maybe}",
    ] {
        let message = Defaults::from_yaml(yaml).unwrap_err().to_string();
        assert!(message.starts_with("defaults.yaml: ") && message.contains("line 1"), "{message}");
    }
}
