//! Runs the real sidecar's `doctor` on configurations with one error each, and compares the reports with
//! `doctor/reports`. The command line's tests read the same reports.

mod principal;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use json_patch::Patch;
use regex::Regex;
use rolebridge_core::diagnostics::{DOCTOR_ARGS, SIGN_ARG};
use rolebridge_core::env::sidecar as names;
use rolebridge_core::google::{audience, token_audience};
use rolebridge_fake_clouds::config::Config;
use rolebridge_fake_clouds::{Calls, Clouds, Fault, Operation};
use rolebridge_tests::ports::free_address;
use rolebridge_tests::world::{GOOGLE_ACCOUNT, ROLE};
use serde::Deserialize;
use serde_json::Value;
use tokio::process::Command;

use crate::support::{issue_token, programs};

const POOL: &str = "projects/987654321098/locations/global/workloadIdentityPools/shop";

/// A configuration with at most one error.
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Case {
    name: String,
    identity: String,
    by: AwsCredentials,
    pub(crate) change: Patch,
    pub(crate) env: BTreeMap<String, String>,
    token: Token,
    aws: Offset,
    google: Offset,
    fault: Option<InjectedFault>,
    /// True if the doctor also signs.
    sign: bool,
}

impl Default for Case {
    /// Returns a case without an error.
    fn default() -> Self {
        Self {
            name: "healthy".to_owned(),
            identity: "aws-role".to_owned(),
            by: AwsCredentials::default(),
            change: Patch::default(),
            env: BTreeMap::new(),
            token: Token::default(),
            aws: Offset::default(),
            google: Offset::default(),
            fault: None,
            sign: false,
        }
    }
}

impl Case {
    /// Returns the arguments of the sidecar.
    pub(crate) fn arguments(&self) -> Vec<&'static str> {
        DOCTOR_ARGS.iter().copied().chain(self.sign.then_some(SIGN_ARG)).collect()
    }
}

#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum AwsCredentials {
    #[default]
    Irsa,
    PodIdentity,
}

/// Differences of the projected token from a valid one.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Token {
    audience: Option<String>,
    lifetime: Option<i64>,
    /// True to change the signature.
    #[serde(default)]
    forged: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Offset {
    /// Offset of the cloud's clock from the node's, in seconds.
    #[serde(default)]
    clock: i64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct InjectedFault {
    operation: String,
    kind: String,
}

#[tokio::test(flavor = "multi_thread")]
async fn doctor_of_each_case_prints_its_report() {
    let cases: Vec<Case> = serde_saphyr::from_str(include_str!("cases.yaml")).unwrap();
    let mut differing = Vec::new();
    for case in &cases {
        let report = report(case).await;
        let file = reports().join(format!("{}.jsonl", case.name));
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(&file, &report).unwrap();
        } else if std::fs::read_to_string(&file).unwrap_or_default() != report {
            differing.push(format!("{} is now\n{report}", case.name));
        }
    }
    let differing = differing.join("\n");
    assert!(differing.is_empty(), "reports differ; UPDATE=1 rewrites them:\n{differing}");
    let files = std::fs::read_dir(reports()).unwrap().count();
    assert_eq!(files, cases.len(), "a report has no case");
}

#[tokio::test(flavor = "multi_thread")]
async fn doctor_as_text_prints_one_line_for_each_step() {
    let case = Case {
        env: BTreeMap::from([(names::AWS_ROLE_ARN.to_owned(), ROLE.replace("nightly", "daily"))]),
        ..Case::default()
    };
    let (text, code) = run_doctor(&case, &["doctor"]).await;
    assert_eq!(code, Some(1));
    let starts: Vec<_> = text.lines().map(|line| line.split("  ").next().unwrap().trim()).collect();
    let (ok, skipped) = (["ok", "ok", "ok", "ok", "ok", "failed"], ["skipped"; 5]);
    assert_eq!(starts, [&ok[..], &skipped].concat(), "{text}");
    assert!(text.contains("failed   AWS role         AWS STS: the role does not trust this pod"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn report_contains_no_secret() {
    let clouds = clouds(&Case::default()).await;
    let folder = tempfile::tempdir().unwrap();
    let (text, code) = run(&Case::default(), &clouds, folder.path(), DOCTOR_ARGS).await;
    assert_eq!(code, Some(0), "{text}");
    let token = std::fs::read_to_string(folder.path().join("token")).unwrap();
    let signature = token.rsplit('.').next().unwrap();
    for secret in [signature, "ya29.", "X-Amz-Security-Token", "Signature="] {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
}

fn reports() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/integration/doctor/reports")
}

/// Returns the sidecar's report, and asserts that the exit code matches it.
async fn report(case: &Case) -> String {
    let (text, code) = run_doctor(case, &case.arguments()).await;
    let failed = text.contains("\"status\":\"failed\"");
    assert_eq!(code, Some(i32::from(failed)), "{}: {text}", case.name);
    text
}

/// Returns the sidecar's report, one JSON object for each step, and the exit code.
async fn run_doctor(case: &Case, args: &[&str]) -> (String, Option<i32>) {
    run_doctor_on(&clouds(case).await, case, args).await
}

/// Returns the sidecar's report on running clouds, and the exit code.
pub(crate) async fn run_doctor_on(clouds: &Clouds, case: &Case, args: &[&str]) -> (String, Option<i32>) {
    let folder = tempfile::tempdir().unwrap();
    let (text, code) = run(case, clouds, folder.path(), args).await;
    (normalize(&text, clouds, folder.path()), code)
}

/// Returns the configuration of the clouds with the change of a case.
pub(crate) fn config(case: &Case) -> Config {
    let mut config: Value = serde_saphyr::from_str(include_str!("clouds.yaml")).unwrap();
    json_patch::patch(&mut config, &case.change).unwrap_or_else(|error| panic!("{}: {error}", case.name));
    serde_json::from_value(config).unwrap()
}

/// Starts the clouds of a case.
pub(crate) async fn clouds(case: &Case) -> Clouds {
    let clouds = Clouds::start(config(case)).await.unwrap();
    if let Some(InjectedFault { operation, kind }) = &case.fault {
        let fault = match kind.as_str() {
            "throttled" => Fault::Throttled,
            "internal" => Fault::InternalError,
            "denied" => Fault::Denied,
            other => panic!("{}: unknown fault {other}", case.name),
        };
        let operations = [
            Operation::AssumeRoleWithWebIdentity,
            Operation::ExchangeToken,
            Operation::GenerateAccessToken,
            Operation::GenerateIdToken,
        ];
        let operation = operations.into_iter().find(|known| format!("{known:?}") == *operation);
        clouds.inject_fault(operation.unwrap(), Calls::All, fault);
    }
    clouds.aws_clock().shift_by(case.aws.clock);
    clouds.google_clock().shift_by(case.google.clock);
    clouds
}

async fn run(case: &Case, clouds: &Clouds, folder: &Path, args: &[&str]) -> (String, Option<i32>) {
    let mut command = Command::new(&programs().await.sidecar);
    command.env_clear().args(args).envs(env(case, clouds, folder));
    for (name, value) in &case.env {
        let unused_address = free_address().unwrap().to_string();
        let google_sts = clouds.google_sts().trim_start_matches("https://");
        let value = value.replace("$UNUSED_ADDRESS", &unused_address).replace("$GOOGLE_STS", google_sts);
        if value.is_empty() {
            command.env_remove(name)
        } else {
            command.env(name, value)
        };
    }
    let output = command.output().await.unwrap();
    (String::from_utf8(output.stdout).unwrap(), output.status.code())
}

fn env(case: &Case, clouds: &Clouds, folder: &Path) -> Vec<(&'static str, String)> {
    let write = |name: &str, content: &str| {
        let path = folder.join(name);
        std::fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    };
    // Files of a running sidecar.
    write("published", "token");
    let expiry = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs() + 3_600;
    write("published.status.json", &format!("{{\"valid_until\":{expiry}}}"));
    let provider = format!("{POOL}/providers/{}", case.identity);
    let mut env = vec![
        (names::IDENTITY, case.identity.clone()),
        (names::AUDIENCE, audience(&provider)),
        (names::TOKEN_FILE, folder.join("published").to_str().unwrap().to_owned()),
        (names::SERVICE_ACCOUNT, GOOGLE_ACCOUNT.to_owned()),
        (names::STS_ENDPOINT, clouds.google_sts().to_owned()),
        (names::IAM_CREDENTIALS_ENDPOINT, clouds.iam_credentials().to_owned()),
        (names::SSL_CERT_FILE, write("ca.crt", clouds.ca_pem())),
    ];
    if case.identity == "kubernetes" {
        let token = token(case, clouds, &token_audience(&provider));
        env.push((names::IDENTITY_TOKEN_FILE, write("token", &token)));
        return env;
    }
    env.push((names::AWS_REGION, "eu-west-1".to_owned()));
    env.push((names::AWS_ENDPOINT_URL_STS, clouds.aws_sts().to_owned()));
    if case.by == AwsCredentials::PodIdentity {
        let token = token(case, clouds, "pods.eks.amazonaws.com");
        let uri = format!("{}/v1/credentials", clouds.pod_identity());
        env.push((names::AWS_CREDENTIALS, "pod-identity".to_owned()));
        env.push((names::AWS_CONTAINER_CREDENTIALS_FULL_URI, uri));
        env.push((names::AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE, write("token", &token)));
    } else {
        env.push((names::AWS_ROLE_ARN, ROLE.to_owned()));
        env.push((names::AWS_ROLE_SESSION_NAME, "shop.nightly-report".to_owned()));
        let token = token(case, clouds, "sts.amazonaws.com");
        env.push((names::AWS_WEB_IDENTITY_TOKEN_FILE, write("token", &token)));
    }
    env
}

fn token(case: &Case, clouds: &Clouds, audience: &str) -> String {
    let audience = case.token.audience.as_deref().unwrap_or(audience);
    let token = issue_token(clouds, audience, clouds.aws_clock().now(), case.token.lifetime.unwrap_or(3_600));
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let first = if signature.starts_with('A') { "B" } else { "A" };
    if case.token.forged { format!("{signed}.{first}{}", &signature[1..]) } else { token }
}

/// Replaces values that differ between runs: ports, folders and times.
fn normalize(text: &str, clouds: &Clouds, folder: &Path) -> String {
    let mut text = text.replace(folder.to_str().unwrap(), "/run");
    for (url, name) in [
        (clouds.aws_sts(), "sts.eu-west-1.amazonaws.com"),
        (clouds.google_sts(), "sts.googleapis.com"),
        (clouds.iam_credentials(), "iamcredentials.googleapis.com"),
        (clouds.pod_identity(), "169.254.170.23"),
    ] {
        let (_, host) = url.split_once("://").unwrap();
        text = text.replace(host, name);
    }
    for (pattern, replacement) in [
        (r"127\.0\.0\.1:\d+", "somewhere:443"),
        (r"within \d+ ms", "within 1 ms"),
        (r"expires in (5[89] min \d+ s|59 min|1 h)", "expires in 1 h"),
        (r"expires in (5 h 59 min|6 h)", "expires in 6 h"),
        (r#""expiresInSeconds":(3600|35\d\d)"#, r#""expiresInSeconds":3600"#),
        (r#""expiresInSeconds":(21600|215\d\d)"#, r#""expiresInSeconds":21600"#),
        (r"date/time \d{10}", "date/time 1772409600"),
        (
            "[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}",
            "0b1c2d3e-4f50-4617-8283-94a5b6c7d8e9",
        ),
        (r"\d{4}-\d\d-\d\dT[0-9:]+Z", "2026-03-02T00:00:00Z"),
        (r"node's clock is (59 min [0-9]+ s|1 h)", "node's clock is 1 h"),
        (r#""clockOffset":-(35|36)\d\d"#, r#""clockOffset":-3600"#),
    ] {
        text = Regex::new(pattern).unwrap().replace_all(&text, replacement).into_owned();
    }
    text
}
