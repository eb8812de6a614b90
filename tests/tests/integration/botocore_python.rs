//! AWS's Python library (botocore), unchanged, as a reference. It must accept the fake AWS as it accepts AWS, and it must
//! create the same signatures as the sidecar.

use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use rolebridge_core::aws::DENY_ALL_SESSION_POLICY;
use rolebridge_core::env::sidecar;
use rolebridge_fake_clouds::Clouds;
use rolebridge_tests::process::Process;
use rolebridge_tests::world::{PROVIDER, ROLE, clouds_config};
use tokio::process::Command;

use crate::python;
use crate::support::{issue_token, programs, write_file};

/// Folder of the signing vector in the sidecar's tests.
const VECTOR: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/../src/sidecar/tests/it/vectors/get-caller-identity");

/// Timeout of a script. Python needs long to import botocore and moto on a busy machine.
const SCRIPT_TIMEOUT: Duration = Duration::from_mins(5);

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Python: tests/python/run runs it"]
async fn botocore_accepts_the_fake_aws_and_signs_equally() {
    run_script("botocore_check.py").await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Python: tests/python/run runs it"]
async fn fake_aws_answers_like_moto_and_refuses_what_the_model_refuses() {
    run_script("moto_check.py").await;
}

/// Runs a script against a fake AWS, and asserts that the script succeeds.
async fn run_script(name: &str) {
    let clouds = Clouds::start(clouds_config().unwrap()).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, content: &str| write_file(folder.path(), name, content);
    let now = clouds.aws_clock().now();
    let token = |at| issue_token(&clouds, "sts.amazonaws.com", at, 3_600);
    let mut command = Command::new(python::interpreter());
    command
        .arg(python::script(name))
        .env("EXPIRED_TOKEN_FILE", file("expired", &token(now.plus(-7_200))))
        .env("SESSION_POLICY", DENY_ALL_SESSION_POLICY)
        .env("SIDECAR", &programs().await.sidecar)
        .env("VECTOR", VECTOR);
    set_sidecar_env(&mut command, &clouds, &file("token", &token(now)), &file("ca.crt", clouds.ca_pem()));
    let mut check = Process::start(name, command).unwrap();
    let status = check.wait(SCRIPT_TIMEOUT).await.unwrap();
    let mut out = std::io::stdout();
    writeln!(out, "{}", check.log().text()).unwrap();
    assert!(status.success(), "{name} failed, see its output above");
}

/// Sets the environment that the webhook gives the sidecar. botocore reads the AWS variables.
fn set_sidecar_env(command: &mut Command, clouds: &Clouds, token: &Path, ca: &Path) {
    command
        .env(sidecar::AWS_ROLE_ARN, ROLE)
        .env(sidecar::AWS_ROLE_SESSION_NAME, "shop.nightly-report")
        .env(sidecar::AWS_REGION, "eu-west-1")
        .env(sidecar::AWS_ENDPOINT_URL_STS, clouds.aws_sts())
        .env(sidecar::AWS_WEB_IDENTITY_TOKEN_FILE, token)
        .env(sidecar::AWS_CA_BUNDLE, ca)
        .env(sidecar::AUDIENCE, format!("//iam.googleapis.com/{PROVIDER}"));
}
