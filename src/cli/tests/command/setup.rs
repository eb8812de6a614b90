//! `setup`: what it prints for each identity, and what it says about what would not work.

use std::io::Write;
use std::process::{Command, Stdio};

use insta::assert_snapshot;

use crate::program::{run, transcript};

const ROLE: &str = "arn:aws:iam::111122223333:role/team/nightly-batch";
const POOL: [&str; 6] = ["--project-number", "123456789012", "--pool", "aws", "--provider", "prod"];
const POD: [&str; 4] = ["-n", "shop", "-s", "batch"];
const ISSUER: &str = "https://oidc.eks.eu-west-1.amazonaws.com/id/EXAMPLE";
const EMAIL: &str = "batch@shop-data.iam.gserviceaccount.com";

/// Each identity, directly and impersonating.
fn plans() -> Vec<(&'static str, Vec<&'static str>)> {
    let with = |more: &[&'static str]| [&["setup"][..], &POOL, &POD, &["--cluster", "prod"], more].concat();
    let impersonated = ["--google-service-account", EMAIL];
    vec![
        ("aws-role", with(&["--role-arn", ROLE])),
        ("aws-role-impersonated", with(&[&["--role-arn", ROLE][..], &impersonated].concat())),
        ("aws-jwt", with(&["--identity", "aws-jwt", "--role-arn", ROLE])),
        ("kubernetes", with(&["--identity", "kubernetes"])),
        ("kubernetes-impersonated", with(&[&["--identity", "kubernetes"][..], &impersonated].concat())),
    ]
}

#[test]
fn each_identity_in_each_language() {
    for (name, plan) in plans() {
        let languages = ["commands", "terraform", "kubernetes"];
        let said = languages.map(|language| transcript(&[&plan[..], &["-o", language]].concat()));
        assert_snapshot!(format!("setup-{name}"), said.join("\n"));
    }
}

#[test]
fn an_issuer_stands_for_the_cluster() {
    let told = [&["setup"][..], &POOL, &POD, &["--role-arn", ROLE, "--issuer", ISSUER]].concat();
    let said = ["commands", "terraform"].map(|language| {
        let said = transcript(&[&told[..], &["-o", language]].concat());
        said.lines().filter(|line| line.to_lowercase().contains("issuer")).collect::<Vec<_>>().join("\n")
    });
    assert_snapshot!("setup-issuer", said.join("\n\n"));
}

#[test]
fn the_commands_are_a_shells_and_the_objects_are_injected() {
    for (name, plan) in plans() {
        let script = run(&plan, b"").stdout;
        let mut shell = Command::new("sh").arg("-n").stdin(Stdio::piped()).spawn().unwrap();
        shell.stdin.take().unwrap().write_all(&script).unwrap();
        assert!(shell.wait().unwrap().success(), "{name}");

        let objects = run(&[&plan[..], &["-o", "kubernetes"]].concat(), b"").stdout;
        let injected = run(&["inject", "--diff", "-f", "-"], &objects);
        assert!(injected.status.success() && !injected.stdout.is_empty(), "{name}");
    }
}

#[test]
fn a_configuration_of_googles_becomes_annotations() {
    let from = |file, more: &[&str]| {
        transcript(&[&["setup", "-o", "kubernetes", "--from", file][..], &POD, more].concat())
    };
    let said = [
        from("external-account-aws.json", &["--role-arn", ROLE]),
        from("external-account-universe.json", &["--role-arn", ROLE]),
        from("external-account-jwt.json", &["--identity", "kubernetes"]),
        from("external-account-jwt.json", &[]),
        from("external-account-jwt.json", &["--identity", "aws-role", "--role-arn", ROLE]),
        from("service-account-key.json", &["--role-arn", ROLE]),
    ];
    assert_snapshot!("setup-from", said.join("\n"));
}

#[test]
fn a_trust_policy_is_checked() {
    let checked = |file, role, more: &[&str]| {
        let policy = ["-o", "kubernetes", "--trust-policy", file, "--role-arn", role];
        transcript(&[&["setup"][..], &POOL, &POD, &policy, more].concat())
    };
    let said = [
        checked("trust-role.json", ROLE, &[]),
        checked("trust-role.json", ROLE, &["--issuer", "https://oidc.eks.eu-west-1.amazonaws.com/id/NEW"]),
        checked("trust-role.json", "arn:aws:iam::999999999999:role/nightly-batch", &[]),
        checked("trust-other.json", ROLE, &[]),
        checked("trust-another-issuer.json", ROLE, &[]),
        checked("trust-no-path.json", ROLE, &[]),
        checked("trust-nobody.json", ROLE, &[]),
    ];
    assert_snapshot!("setup-trust", said.join("\n"));
}

#[test]
fn what_would_not_work_is_said() {
    let long = format!("arn:aws:iam::111122223333:role/{}/batch", "team".repeat(25));
    let session = format!("arn:aws-us-gov:iam::111122223333:role/{}", "r".repeat(64));
    let asked = |more: &[&str]| transcript(&[&["setup", "-o", "kubernetes"][..], &POOL, &POD, more].concat());
    let pooled = |number, pool, provider| {
        let pool = ["--project-number", number, "--pool", pool, "--provider", provider, "--role-arn", ROLE];
        transcript(&[&["setup"][..], &pool].concat())
    };
    let said = [
        asked(&[]),
        asked(&["--identity", "kubernetes", "--role-arn", ROLE]),
        asked(&["--role-arn", "arn:aws:iam::111122223333:user/batch"]),
        asked(&["--role-arn", "arn:azure:iam::111122223333:role/batch"]),
        asked(&["--identity", "aws-jwt", "--role-arn", &long]),
        asked(&["--role-arn", &session]),
        asked(&["--role-arn", ROLE, "--google-service-account", "batch"]),
        asked(&["--role-arn", "arn:aws:iam::111122223333:role/'$(id)"]),
        asked(&["--role-arn", ROLE, "--issuer", "oidc.example.com"]),
        pooled("shop-data", "aws", "prod"),
        pooled("123456789012", "AWS", "prod"),
        pooled("123456789012", "aws", "projects/1"),
        transcript(&["setup", "--role-arn", ROLE]),
    ];
    assert_snapshot!("setup-errors", said.join("\n"));
}
