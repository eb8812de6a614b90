//! A person at a shell with `aws`, `gcloud`, `kubectl` and `rolebridge`, in front of the clouds.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use rolebridge_fake_clouds::Clouds;
use rolebridge_fake_clouds::config::{Account, Config, PodIdentity, PodIdentityAssociation};
use serde::Deserialize;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

/// The AWS account.
pub(crate) const ACCOUNT: &str = "111122223333";
/// The project with the pool, and its number.
pub(crate) const POOL_PROJECT: (&str, &str) = ("shop-identity", "123456789012");
/// The project with the service accounts and the data.
pub(crate) const PROJECT: &str = "shop-data";
/// The Google service account.
pub(crate) const EMAIL: &str = "nightly-batch@shop-data.iam.gserviceaccount.com";
/// A service account that may stand before it in a chain.
pub(crate) const DELEGATE: &str = "door@shop-data.iam.gserviceaccount.com";
/// The name of the bucket.
pub(crate) const BUCKET: &str = "shop-reports";

/// Timeout of every operation that is expected to succeed. A script runs a dozen programs, also on a busy machine.
pub(crate) const TIMEOUT: Duration = Duration::from_mins(10);

/// The first line of `fake_iam.py`.
#[derive(Debug, Deserialize)]
struct FakeIam {
    endpoint: String,
    issuer: String,
    outbound: String,
}

/// The account as `fake_iam.py` reads it back.
#[derive(Debug, Deserialize)]
struct ReadBack {
    account: Account,
    associations: Vec<PodIdentityAssociation>,
}

/// The person, with an empty account at AWS and an empty project at Google.
#[derive(Debug)]
pub(crate) struct Operator {
    pub(crate) clouds: Arc<Clouds>,
    /// The cluster's issuer.
    pub(crate) issuer: String,
    name: String,
    aws_endpoint: String,
    _iam: Child,
    dir: TempDir,
}

/// Output of a script.
#[derive(Debug)]
pub(crate) struct Output {
    pub(crate) success: bool,
    pub(crate) text: String,
}

/// Returns the value of a variable that `tests/command-lines/run` sets.
fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set. Fix: run tests/command-lines/run."))
}

/// Returns true if the machine has gcloud.
pub(crate) fn has_gcloud() -> bool {
    !variable("ROLEBRIDGE_GCLOUD").is_empty()
}

/// Returns what a command of `rolebridge` writes to standard output, whatever its exit code.
pub(crate) async fn print(command: &str) -> String {
    let (_, arguments) = command.split_once(' ').unwrap();
    let mut program = Command::new(variable("ROLEBRIDGE_CLI"));
    let output = program.args(arguments.split_whitespace()).output().await.unwrap();
    assert!(!output.stdout.is_empty(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

impl Operator {
    /// Starts AWS and Google. `existing` are the service accounts that the project has already.
    pub(crate) async fn start(name: &str, existing: &[&str]) -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("command-lines/fake_iam.py");
        let mut iam = Command::new(variable("ROLEBRIDGE_PYTHON"))
            .arg(script)
            .env("MOTO_ACCOUNT_ID", ACCOUNT)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(iam.stdout.take().unwrap()).lines();
        let line = lines.next_line().await.unwrap().unwrap_or_else(|| panic!("fake_iam.py did not start"));
        let FakeIam { endpoint, issuer, outbound } = serde_json::from_str(&line).unwrap();
        let clouds = Arc::new(Clouds::start(config(&issuer, &outbound, existing)).await.unwrap());
        let dir = tempfile::tempdir().unwrap();
        let operator = Self { clouds, issuer, name: name.to_owned(), aws_endpoint: endpoint, _iam: iam, dir };
        operator.write_tools();
        // The account's issuer is part of the configuration, but the account has not enabled it.
        operator.read_back().await;
        operator
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Writes programs that record their arguments and run the real ones. `kubectl apply` keeps the objects.
    fn write_tools(&self) {
        std::fs::create_dir(self.path("bin")).unwrap();
        std::fs::write(self.path("ca.crt"), self.clouds.ca_pem()).unwrap();
        std::fs::write(self.path("token"), "ya29.owner").unwrap();
        let log = self.path("commands");
        let record = |name: &str| {
            format!("printf '%s\\037' {name} \"$@\" >>{log}; printf '\\036' >>{log}\n", log = log.display())
        };
        let gcloud = variable("ROLEBRIDGE_GCLOUD");
        let gcloud = if gcloud.is_empty() {
            "echo 'omitted: this machine has no gcloud' >&2\n".to_owned()
        } else {
            format!("exec {gcloud} \"$@\"\n")
        };
        let kubectl = format!("[ \"$*\" = 'apply -f -' ] && cat >>{}\n", self.path("objects.yaml").display());
        for (name, body) in [
            ("aws", format!("exec {} \"$@\"\n", variable("ROLEBRIDGE_AWS"))),
            ("gcloud", gcloud),
            ("kubectl", kubectl),
        ] {
            let file = self.path("bin").join(name);
            std::fs::write(&file, format!("#!/bin/sh\n{}{body}", record(name))).unwrap();
            std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
        }
    }

    /// Runs a script as a person would paste it, but stops at the first error.
    pub(crate) async fn try_run(&self, script: &str) -> Output {
        let mut command = Command::new("bash");
        command
            .args(["-e", "-u", "-o", "pipefail", "-c", script])
            .env_clear()
            .current_dir(self.dir.path())
            .env("PATH", format!("{}:/usr/bin:/bin", self.path("bin").display()))
            .env("HOME", self.dir.path())
            .env("LANG", "C.UTF-8")
            .envs([
                ("AWS_ENDPOINT_URL", self.aws_endpoint.as_str()),
                ("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE"),
                ("AWS_SECRET_ACCESS_KEY", "secret"),
                ("AWS_DEFAULT_REGION", "eu-west-1"),
                ("AWS_PAGER", ""),
                // Another project than the pool's, in which the person may do the same.
                ("CLOUDSDK_CORE_PROJECT", "other-project"),
                ("CLOUDSDK_CORE_DISABLE_PROMPTS", "1"),
                ("CLOUDSDK_CORE_DISABLE_USAGE_REPORTING", "1"),
                ("CLOUDSDK_COMPONENT_MANAGER_DISABLE_UPDATE_CHECK", "1"),
            ])
            .env("CLOUDSDK_CONFIG", self.path("gcloud"))
            .env("CLOUDSDK_AUTH_ACCESS_TOKEN_FILE", self.path("token"))
            .env("CLOUDSDK_CORE_CUSTOM_CA_CERTS_FILE", self.path("ca.crt"));
        for (api, url) in [
            ("IAM", self.clouds.google_admin()),
            ("CLOUDRESOURCEMANAGER", self.clouds.google_admin()),
            ("SERVICEUSAGE", self.clouds.google_admin()),
        ] {
            command.env(format!("CLOUDSDK_API_ENDPOINT_OVERRIDES_{api}"), format!("{url}/"));
        }
        let storage = format!("{}/storage/v1/", self.clouds.storage());
        command.env("CLOUDSDK_API_ENDPOINT_OVERRIDES_STORAGE", storage);
        let output = tokio::time::timeout(TIMEOUT, command.output()).await.unwrap().unwrap();
        self.read_back().await;
        let text = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap()).concat();
        Output { success: output.status.success(), text }
    }

    /// Runs a script that must succeed, and returns its output.
    pub(crate) async fn run(&self, script: &str) -> String {
        let output = self.try_run(script).await;
        assert!(output.success, "{}: {script}\n{}", self.name, output.text);
        output.text
    }

    /// Carries the account from the fake of IAM into that of STS.
    async fn read_back(&self) {
        let url = format!("{}/account", self.aws_endpoint);
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let ReadBack { account, associations } = client.get(url).send().await.unwrap().json().await.unwrap();
        self.clouds.set_aws_account(&account).unwrap();
        let pod_identity = PodIdentity::new("prod".to_owned(), self.issuer.clone(), associations);
        self.clouds.set_pod_identity(Some(&pod_identity)).unwrap();
    }

    /// Writes a file in the person's folder.
    pub(crate) fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
    }

    /// Returns a file in the person's folder.
    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    /// Returns the annotations of the object of a kind that was applied.
    pub(crate) fn applied_annotations(&self, kind: &str) -> Value {
        let documents = self.read("objects.yaml");
        let mut objects =
            documents.split("\n---\n").map(|document| serde_saphyr::from_str::<Value>(document).unwrap());
        objects.find(|object| object["kind"] == kind).unwrap()["metadata"]["annotations"].clone()
    }

    /// Returns the commands so far, each with its arguments.
    pub(crate) fn commands(&self) -> BTreeSet<Vec<String>> {
        self.save_calls();
        let log = self.read("commands");
        let commands = log.split('\u{1e}').filter(|command| !command.is_empty());
        commands
            .map(|command| command.trim_end_matches('\u{1f}').split('\u{1f}').map(str::to_owned).collect())
            .collect()
    }

    /// Writes the calls of Google's admin APIs, for a comparison with the discovery documents.
    fn save_calls(&self) {
        let calls = self.clouds.admin_calls();
        let lines = calls.iter().map(|call| serde_json::to_string(call).unwrap() + "\n");
        let folder = PathBuf::from(variable("ROLEBRIDGE_CALLS"));
        std::fs::write(folder.join(format!("{}.jsonl", self.name)), lines.collect::<String>()).unwrap();
    }
}

/// Returns an account without roles, and projects without pools. What an app reads exists.
fn config(issuer: &str, outbound: &str, service_accounts: &[&str]) -> Config {
    let owner = json!([{"role": "roles/owner", "members": ["user:owner@example.com"]}]);
    let accounts: Vec<_> = service_accounts.iter().map(|email| json!({"email": email})).collect();
    let reader = |role: &str| json!({"role": role, "members": [format!("serviceAccount:{EMAIL}")]});
    // An account that exists may read already; a new one gets its roles by the commands.
    let granted =
        |role: &str| if service_accounts.contains(&EMAIL) { json!([reader(role)]) } else { json!([]) };
    let mut project = owner.as_array().unwrap().clone();
    project.extend(granted("roles/bigquery.jobUser").as_array().unwrap().clone());
    let (pool_project, number) = POOL_PROJECT;
    serde_json::from_value(json!({
        "issuers": [{"url": issuer}],
        "aws": {"accounts": [{"id": ACCOUNT, "outboundIssuer": outbound}]},
        "google": {
            "operators": [{"email": "owner@example.com", "token": "ya29.owner"}],
            "serviceAccounts": accounts,
            "projects": [
                {"id": pool_project, "number": number, "bindings": owner},
                {
                    "id": PROJECT,
                    "number": "210987654321",
                    "bindings": project,
                    "datasets": [{
                        "id": "sales",
                        "bindings": granted("roles/bigquery.dataViewer"),
                        "tables": [{
                            "id": "orders_by_day",
                            "schema": [{"name": "day", "type": "DATE"}, {"name": "orders", "type": "INTEGER"}],
                            "rows": [["2026-11-21", 1204], ["2026-11-22", 1398]],
                        }],
                    }],
                },
                {"id": "other-project", "number": "999999999999", "bindings": owner},
            ],
            "buckets": [{
                "name": BUCKET,
                "bindings": [{"role": "roles/storage.admin", "members": ["user:owner@example.com"]}],
                "objects": [{"name": "latest.txt", "content": "4"}],
            }],
        },
    }))
    .unwrap()
}
