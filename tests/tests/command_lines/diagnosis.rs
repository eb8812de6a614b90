//! One thing is broken at a time. A person runs what `doctor` prints, and the app of the main job reads its rows.

use rolebridge_core::annotations::{AWS_CREDENTIALS, DELEGATES, SOURCE};
use rolebridge_core::diagnostics::{DOCTOR_ARGS, SIGN_ARG};
use rolebridge_core::env::sidecar as names;
use rolebridge_core::google::{audience, token_audience};
use serde_json::{Value, json};
use tokio::process::Command;

use crate::operator::{ACCOUNT, DELEGATE, EMAIL, Operator, POOL_PROJECT, PROJECT, has_gcloud, print};
use crate::pod::{self, Cluster};
use crate::setup;

/// Fault in a set-up, and how a person causes it.
struct Case {
    name: &'static str,
    /// The reason that the failed step states.
    reason: &'static str,
    breakage: String,
    by_pod_identity: bool,
    delegate: bool,
    /// True if `doctor` also signs.
    sign: bool,
    /// Values that a person enters for the placeholders of the printed commands.
    choices: &'static [(&'static str, &'static str)],
}

const ROLE: &str = "arn:aws:iam::111122223333:role/nightly-batch";
const UPDATE_AWS: &str = "gcloud iam workload-identity-pools providers update-aws \
    projects/123456789012/locations/global/workloadIdentityPools/aws-pool/providers/prod";
const UPDATE_OIDC: &str = "gcloud iam workload-identity-pools providers update-oidc \
    projects/123456789012/locations/global/workloadIdentityPools/aws-pool/providers/prod";

fn case(name: &'static str, reason: &'static str, breakage: impl Into<String>) -> Case {
    let breakage = breakage.into();
    Case { name, reason, breakage, by_pod_identity: false, delegate: false, sign: false, choices: &[] }
}

/// Returns the cases of an identity with a fix that is a command.
fn cases(operator: &Operator, identity: &str) -> Vec<Case> {
    let issuer = operator.issuer.strip_prefix("https://").unwrap();
    let provider = format!("arn:aws:iam::{ACCOUNT}:oidc-provider/{issuer}");
    let delete_provider =
        format!("aws iam delete-open-id-connect-provider --open-id-connect-provider-arn {provider}");
    // The printed set-up of `aws-role` has no grant to sign, so that nothing has to be broken.
    let read_policy = format!(
        "gcloud iam service-accounts get-iam-policy {EMAIL} --project {PROJECT} --format json >policy.json"
    );
    let no_member = format!(
        "{read_policy}\n\
         echo '{{}}' >policy.json\n\
         gcloud iam service-accounts set-iam-policy {EMAIL} policy.json --project {PROJECT}"
    );
    match identity {
        "aws-role" => vec![
            case("no IAM OIDC provider", "no-identity-provider", delete_provider.clone()),
            case(
                "audience that the account does not accept",
                "wrong-audience",
                format!(
                    "{delete_provider}\naws iam create-open-id-connect-provider --url https://{issuer} --client-id-list other"
                ),
            ),
            case(
                "trust policy for another service account",
                "access-denied",
                "sed -i s/:batch/:other/ trust.json\n\
                 aws iam update-assume-role-policy --role-name nightly-batch --policy-document file://trust.json",
            ),
            Case {
                choices: &[(
                    "--attribute-condition CONDITION",
                    "--attribute-condition \"assertion.account=='111122223333'\"",
                )],
                ..case(
                    "condition for another role",
                    "condition-rejected",
                    format!(
                        "{UPDATE_AWS} --attribute-condition \"assertion.arn.startsWith('arn:aws:sts::111122223333:assumed-role/reports')\""
                    ),
                )
            },
            case(
                "subject over 127 bytes",
                "subject-too-long",
                format!(
                    "{UPDATE_AWS} --attribute-condition \"assertion.account=='111122223333'\" \
                     --attribute-mapping \"google.subject=assertion.arn + '//' + assertion.arn\""
                ),
            ),
            case("no grant on the service account", "impersonation-denied", no_member),
            Case { delegate: true, ..case("chain without grants", "impersonation-denied", "true") },
            Case { sign: true, ..case("no right to sign", "sign-blob-denied", read_policy) },
            Case {
                by_pod_identity: true,
                choices: &[
                    ("--cluster-name CLUSTER", "--cluster-name prod"),
                    ("arn:aws:iam::ACCOUNT:role/NAME", ROLE),
                ],
                ..case(
                    "no association",
                    "no-association",
                    "cat >trust.json <<'EOF'\n\
                     {\"Version\": \"2012-10-17\", \"Statement\": [{\"Effect\": \"Allow\", \
                     \"Principal\": {\"Service\": \"pods.eks.amazonaws.com\"}, \"Action\": [\"sts:AssumeRole\", \"sts:TagSession\"]}]}\n\
                     EOF\n\
                     aws iam update-assume-role-policy --role-name nightly-batch --policy-document file://trust.json",
                )
            },
        ],
        "aws-jwt" => vec![
            case(
                "federation disabled",
                "federation-disabled",
                "aws iam disable-outbound-web-identity-federation",
            ),
            case(
                "token not allowed",
                "web-token-denied",
                "aws iam delete-role-policy --role-name nightly-batch --policy-name rolebridge",
            ),
        ],
        _ => vec![
            Case {
                choices: &[(
                    "--attribute-condition CONDITION",
                    "--attribute-condition \"assertion.sub.startsWith('system:')\"",
                )],
                ..case(
                    "condition for another service account",
                    "condition-rejected",
                    format!(
                        "{UPDATE_OIDC} --attribute-condition \"assertion.sub == 'system:serviceaccount:shop:other'\""
                    ),
                )
            },
            case("no grant on the service account", "impersonation-denied", no_member),
        ],
    }
}

/// Breaks one thing after the other, and heals it with what `doctor` prints. The app then reads its rows through the healed
/// set-up.
pub(crate) async fn printed_fixes_heal(operator: &Operator, identity: &str) {
    if identity == setup::SIGNING_IDENTITY && has_gcloud() {
        signs_from_the_start(operator, identity).await;
    }
    let cluster = Cluster::start(operator, &operator.applied_annotations("ServiceAccount")).await;
    for case in cases(operator, identity) {
        if case.breakage.contains("gcloud") && !has_gcloud() {
            continue;
        }
        operator.run(&case.breakage).await;
        let (diagnosis, healthy) = doctor(operator, identity, &case).await;
        let steps = diagnosis["steps"].as_array().unwrap();
        let reason = steps.iter().find(|step| step["status"] == "failed").map(|step| step["reason"].clone());
        assert!(!healthy && reason == Some(case.reason.into()), "{}: {diagnosis:#}", case.name);
        let snippet = diagnosis["remediation"]["snippet"].as_str().unwrap_or_default();
        apply(operator, &case, snippet).await;
        let (diagnosis, healthy) = doctor(operator, identity, &case).await;
        let is_healed = healthy || !has_gcloud() && !diagnosis.to_string().contains(case.reason);
        assert!(is_healed, "{}: not healed by\n{snippet}\n{diagnosis:#}", case.name);
        if has_gcloud() {
            cluster.reads_rows(operator, &deployment(operator, &case)).await;
        }
    }
}

/// Asserts that the script of `setup --sign` is enough to sign.
async fn signs_from_the_start(operator: &Operator, identity: &str) {
    let signing = Case { sign: true, ..case("setup --sign", "", "") };
    let (diagnosis, healthy) = doctor(operator, identity, &signing).await;
    let mut steps = diagnosis["steps"].as_array().unwrap().iter();
    assert!(healthy && steps.any(|step| step["step"] == "signing"), "{diagnosis:#}");
}

/// Returns the Deployment of the printed set-up, with the credentials and the chain of a case.
fn deployment(operator: &Operator, case: &Case) -> Value {
    let mut annotations = operator.applied_annotations("Pod");
    if case.by_pod_identity {
        annotations[AWS_CREDENTIALS] = json!("pod-identity");
    }
    if case.delegate {
        annotations[DELEGATES] = json!(DELEGATE);
        annotations[SOURCE] = json!("metadata");
    }
    pod::deployment(&annotations)
}

/// Runs the commands of a fix. A person edits what a command writes before the next one reads it.
async fn apply(operator: &Operator, case: &Case, snippet: &str) {
    let mut script = command_blocks(snippet);
    for (placeholder, choice) in case.choices {
        script = script.replace(placeholder, choice);
    }
    let Some((read, update)) = script.split_once(">trust.json\n") else {
        operator.run(&script).await;
        return;
    };
    operator.run(&format!("{read}>trust.json")).await;
    let (statement, _) = snippet.split_once("\n\n").unwrap();
    let mut policy: Value = serde_json::from_str(&operator.read("trust.json")).unwrap();
    policy["Statement"].as_array_mut().unwrap().push(serde_json::from_str(statement).unwrap());
    operator.write("trust.json", &policy.to_string());
    operator.run(update).await;
}

/// Returns the paragraphs of a snippet that are commands, and not a policy or an annotation.
pub(crate) fn command_blocks(snippet: &str) -> String {
    let is_command = |block: &&str| {
        let first = block.split_whitespace().next().unwrap_or_default();
        ["aws", "gcloud", "kubectl"].contains(&first) || first.contains("=$(")
    };
    snippet.split("\n\n").filter(is_command).collect::<Vec<_>>().join("\n")
}

/// Returns the diagnosis by `rolebridge doctor`, and true if every step passed.
async fn doctor(operator: &Operator, identity: &str, case: &Case) -> (Value, bool) {
    let programs = pod::programs().await;
    let mut command = Command::new(&programs.sidecar);
    command.env_clear().args(DOCTOR_ARGS).args(case.sign.then_some(SIGN_ARG));
    command.envs(environment(operator, identity, case));
    let output = command.output().await.unwrap();
    std::fs::write(operator.path("report.jsonl"), &output.stdout).unwrap();
    let report = operator.path("report.jsonl");
    let diagnosis = print(&format!("rolebridge doctor --report {} -o json", report.display())).await;
    (serde_json::from_str(&diagnosis).unwrap(), output.status.success())
}

/// Returns the environment of the pod's sidecar.
fn environment(operator: &Operator, identity: &str, case: &Case) -> Vec<(&'static str, String)> {
    let clouds = &operator.clouds;
    let file = |name: &str, text: &str| {
        operator.write(name, text);
        operator.path(name).display().to_string()
    };
    let provider =
        format!("projects/{}/locations/global/workloadIdentityPools/aws-pool/providers/prod", POOL_PROJECT.1);
    let expiry = clouds.aws_clock().now().0 + 3_600;
    file("published.status.json", &format!("{{\"valid_until\":{expiry}}}"));
    let mut env = vec![
        (names::IDENTITY, identity.to_owned()),
        (names::AUDIENCE, audience(&provider)),
        (names::TOKEN_FILE, file("published", "token")),
        (names::SERVICE_ACCOUNT, EMAIL.to_owned()),
        (names::STS_ENDPOINT, clouds.google_sts().to_owned()),
        (names::IAM_CREDENTIALS_ENDPOINT, clouds.iam_credentials().to_owned()),
        (names::SSL_CERT_FILE, operator.path("ca.crt").display().to_string()),
    ];
    if case.delegate {
        env.push((names::DELEGATES, DELEGATE.to_owned()));
    }
    let token = |audience: &str| file("pod-token", &pod::token(clouds, &operator.issuer, audience));
    if identity == "kubernetes" {
        env.push((names::IDENTITY_TOKEN_FILE, token(&token_audience(&provider))));
        return env;
    }
    env.push((names::AWS_REGION, "eu-west-1".to_owned()));
    env.push((names::AWS_ENDPOINT_URL_STS, clouds.aws_sts().to_owned()));
    if case.by_pod_identity {
        let uri = format!("{}/v1/credentials", clouds.pod_identity());
        env.push((names::AWS_CREDENTIALS, "pod-identity".to_owned()));
        env.push((names::AWS_CONTAINER_CREDENTIALS_FULL_URI, uri));
        env.push((names::AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE, token("pods.eks.amazonaws.com")));
    } else {
        env.push((names::AWS_ROLE_ARN, ROLE.to_owned()));
        env.push((names::AWS_ROLE_SESSION_NAME, "shop.batch".to_owned()));
        env.push((names::AWS_WEB_IDENTITY_TOKEN_FILE, token("sts.amazonaws.com")));
    }
    env
}
