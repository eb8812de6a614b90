//! `setup`: the output for each identity, imported configurations, trust policies, and errors.

use std::io::Write;
use std::process::{Command, Stdio};

use insta::assert_snapshot;

use crate::program::{crate_path, run, transcript};

const ROLE: &str = "arn:aws:iam::111122223333:role/team/nightly-batch";
const POOL: [&str; 6] = ["--project-number", "123456789012", "--pool", "aws-pool", "--provider", "prod"];
const POD: [&str; 4] = ["-n", "shop", "-s", "batch"];
const ISSUER: &str = "https://oidc.eks.eu-west-1.amazonaws.com/id/EXAMPLE";
const EMAIL: &str = "nightly-batch@shop-data.iam.gserviceaccount.com";

const ACCOUNTS: &str =
    "nightly-batch@shop-data.iam.gserviceaccount.com,worker=writer@shop-warehouse.iam.gserviceaccount.com";
/// Google creates the second one.
const SIGNING_ACCOUNTS: &str =
    "nightly-batch@shop-data.iam.gserviceaccount.com,worker=shop-data@appspot.gserviceaccount.com";
const EXCEPTIONS: &str = "worker=writer@shop-warehouse.iam.gserviceaccount.com";

/// Returns the arguments for each identity, with and without impersonation.
pub(crate) fn arguments_by_identity() -> Vec<(&'static str, Vec<&'static str>)> {
    let with = |more: &[&'static str]| [&["setup"][..], &POOL, &POD, &["--cluster", "prod"], more].concat();
    let impersonated = ["--google-service-account", EMAIL, "--bucket", "shop-reports"];
    vec![
        ("aws-role", with(&["--role-arn", ROLE])),
        ("aws-role-impersonated", with(&[&["--role-arn", ROLE][..], &impersonated].concat())),
        ("aws-role-accounts", with(&["--role-arn", ROLE, "--google-service-account", ACCOUNTS])),
        (
            "kubernetes-exceptions",
            with(&["--identity", "kubernetes", "--google-service-account", EXCEPTIONS]),
        ),
        ("aws-role-data-project", with(&["--role-arn", ROLE, "--data-project", "shop-warehouse"])),
        (
            "aws-role-impersonated-data-project",
            with(&[
                "--role-arn",
                ROLE,
                "--google-service-account",
                EMAIL,
                "--data-project",
                "shop-warehouse",
            ]),
        ),
        (
            "aws-role-signing",
            with(&["--role-arn", ROLE, "--google-service-account", SIGNING_ACCOUNTS, "--sign"]),
        ),
        ("aws-jwt", with(&["--identity", "aws-jwt", "--role-arn", ROLE])),
        ("kubernetes", with(&["--identity", "kubernetes"])),
        ("kubernetes-impersonated", with(&[&["--identity", "kubernetes"][..], &impersonated].concat())),
    ]
}

#[test]
fn each_identity_in_each_format() {
    for (name, arguments) in arguments_by_identity() {
        let formats = ["commands", "terraform", "kubernetes"];
        let transcripts = formats.map(|format| transcript(&[&arguments[..], &["-o", format]].concat()));
        assert_snapshot!(format!("setup-{name}"), transcripts.join("\n"));
    }
}

/// `setup` makes the mapping itself, so the principal is a member of its grants and nothing that Google is said to see.
#[test]
fn principal_is_printed_only_as_a_member() {
    let mut members = 0;
    for (name, arguments) in arguments_by_identity() {
        for format in ["commands", "terraform", "kubernetes"] {
            let transcript = transcript(&[&arguments[..], &["-o", format]].concat());
            for line in transcript.lines().filter(|line| line.contains("principal") && line.contains("://")) {
                let is_member = line.contains("--member") || line.trim_start().starts_with("member ");
                assert!(is_member, "{name}: {line}");
                members += 1;
            }
        }
    }
    assert!(members > 6, "{members}");
}

#[test]
fn issuer_replaces_cluster() {
    let arguments = [&["setup"][..], &POOL, &POD, &["--role-arn", ROLE, "--issuer", ISSUER]].concat();
    let lines = ["commands", "terraform"].map(|format| {
        let transcript = transcript(&[&arguments[..], &["-o", format]].concat());
        transcript
            .lines()
            .filter(|line| line.to_lowercase().contains("issuer"))
            .collect::<Vec<_>>()
            .join("\n")
    });
    assert_snapshot!("setup-issuer", lines.join("\n\n"));
}

#[test]
fn commands_are_valid_shell_and_objects_are_injected() {
    for (name, arguments) in arguments_by_identity() {
        let script = run(&arguments, b"").stdout;
        let mut shell = Command::new("sh").arg("-n").stdin(Stdio::piped()).spawn().unwrap();
        shell.stdin.take().unwrap().write_all(&script).unwrap();
        assert!(shell.wait().unwrap().success(), "{name}");

        let objects = run(&[&arguments[..], &["-o", "kubernetes"]].concat(), b"").stdout;
        let injected = run(&["inject", "--diff", "-f", "-"], &objects);
        assert!(injected.status.success() && !injected.stdout.is_empty(), "{name}");
    }
}

#[test]
fn imported_configuration_becomes_annotations() {
    let import = |file, more: &[&str]| {
        transcript(&[&["setup", "-o", "kubernetes", "--from", file][..], &POD, more].concat())
    };
    let transcripts = [
        import("external-account-aws.json", &["--role-arn", ROLE]),
        import("external-account-universe.json", &["--role-arn", ROLE]),
        import("external-account-jwt.json", &["--identity", "kubernetes"]),
        import("external-account-jwt.json", &[]),
        import("external-account-jwt.json", &["--identity", "aws-role", "--role-arn", ROLE]),
        import("service-account-key.json", &["--role-arn", ROLE]),
        import("external-account-bom.json", &["--role-arn", ROLE]),
    ];
    assert_snapshot!("setup-from", transcripts.join("\n"));
}

#[test]
fn standard_input_is_one_file() {
    let key = std::fs::read(crate_path("tests/cases/external-account-aws.json")).unwrap();
    let arguments = [&["setup", "-o", "kubernetes", "--from", "-"][..], &POD, &["--role-arn", ROLE]].concat();
    let output = run(&arguments, &key);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let output = run(&[&arguments[..], &["--trust-policy", "-"]].concat(), &key);
    assert_eq!(output.status.code(), Some(2));
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(error.contains("--trust-policy: expected a file"), "{error}");
}

#[test]
fn trust_policy_is_checked() {
    let check = |file, role, more: &[&str]| {
        let policy = ["-o", "kubernetes", "--trust-policy", file, "--role-arn", role];
        transcript(&[&["setup"][..], &POOL, &POD, &policy, more].concat())
    };
    let transcripts = [
        check("trust-role.json", ROLE, &[]),
        check("trust-role.json", ROLE, &["--issuer", "https://oidc.eks.eu-west-1.amazonaws.com/id/NEW"]),
        check("trust-role.json", "arn:aws:iam::999999999999:role/nightly-batch", &[]),
        check("trust-other.json", ROLE, &[]),
        check("trust-another-issuer.json", ROLE, &[]),
        check("trust-no-path.json", ROLE, &[]),
        check("trust-no-statement.json", ROLE, &[]),
        check("trust-string.json", ROLE, &[]),
        check("trust-denied.json", ROLE, &[]),
        check("trust-deny-others.json", ROLE, &[]),
    ];
    assert_snapshot!("setup-trust", transcripts.join("\n"));
}

#[test]
fn invalid_arguments_are_reported() {
    let long_path = format!("arn:aws:iam::111122223333:role/{}/batch", "team".repeat(25));
    let long_session = format!("arn:aws-us-gov:iam::111122223333:role/{}", "r".repeat(64));
    let with_pool =
        |more: &[&str]| transcript(&[&["setup", "-o", "kubernetes"][..], &POOL, &POD, more].concat());
    let with_provider = |number, pool, provider| {
        let pool = ["--project-number", number, "--pool", pool, "--provider", provider, "--role-arn", ROLE];
        transcript(&[&["setup"][..], &pool].concat())
    };
    let transcripts = [
        with_pool(&[]),
        with_pool(&["--identity", "kubernetes", "--role-arn", ROLE]),
        with_pool(&["--role-arn", "arn:aws:iam::111122223333:user/batch"]),
        with_pool(&["--role-arn", "arn:azure:iam::111122223333:role/batch"]),
        with_pool(&["--identity", "aws-jwt", "--role-arn", &long_path]),
        with_pool(&["--role-arn", &long_session]),
        with_pool(&["--role-arn", ROLE, "--google-service-account", "batch"]),
        with_pool(&["--role-arn", "arn:aws:iam::111122223333:role/'$(id)"]),
        with_pool(&["--role-arn", ROLE, "--issuer", "oidc.example.com"]),
        with_pool(&["--role-arn", ROLE, "--bucket", "gs://shop-reports"]),
        with_pool(&["--role-arn", ROLE, "--data-project", "123456789012"]),
        with_pool(&["--role-arn", ROLE, "--sign"]),
        with_provider("shop-data", "aws-pool", "prod"),
        with_provider("123456789012", "AWS", "prod"),
        with_provider("123456789012", "aws", "gcp-prod"),
        with_provider("123456789012", "gcp-aws", "prod"),
        with_provider("123456789012", "aws-pool", "projects/1"),
        transcript(&["setup", "--role-arn", ROLE]),
    ];
    assert_snapshot!("setup-errors", transcripts.join("\n"));
}
