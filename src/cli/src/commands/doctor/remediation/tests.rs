//! Remediations for hostile statements of a pod.

use std::process::Command;

use anstyle::Style;
use proptest::prelude::*;
use rolebridge_core::diagnostics::{Evidence, Step, StepResult, StepStatus};
use rstest::rstest;
use serde_json::Value;

use super::{ServiceAccountRef, remediation};
use crate::commands::doctor::diagnosis::{DiagnosedStep, Diagnosis, Remediation, Witness};
use crate::commands::doctor::render::DiagnosisWriter;
use crate::output::{Console, OutputFormat, is_harmful};

/// Every reason code with a remediation of its own, and one without.
const REASONS: [&str; 24] = [
    "connect",
    "timeout",
    "dns",
    "proxy",
    "untrusted",
    "access-denied",
    "no-identity-provider",
    "wrong-audience",
    "session-too-long",
    "region-disabled",
    "federation-disabled",
    "web-token-denied",
    "no-association",
    "condition-rejected",
    "no-provider",
    "subject-rejected",
    "issuer-mismatch",
    "audience-rejected",
    "subject-too-long",
    "impersonation-denied",
    "sign-blob-denied",
    "api-disabled",
    "lifetime-rejected",
    "another",
];

const PROVIDER: &str = "projects/123456789012/locations/global/workloadIdentityPools/aws-pool/providers/prod";
const PRINCIPAL: &str =
    "principal://iam.googleapis.com/projects/123456789012/locations/global/workloadIdentityPools/aws-pool";

/// Returns the facts that a real sidecar states, with a text appended to each.
fn evidence(text: &str) -> Evidence {
    let fact = |value: &str| Some(format!("{value}{text}"));
    Evidence {
        identity: Some("aws-role".to_owned()),
        provider: fact(PROVIDER),
        issuer: fact("https://oidc.eks.eu-west-1.amazonaws.com/id/5F2A"),
        audiences: fact("sts.amazonaws.com").into_iter().collect(),
        subject: fact("system:serviceaccount:shop:batch"),
        host: fact("sts.eu-west-1.amazonaws.com:443"),
        clock_offset: Some(0),
        region: fact("eu-west-1"),
        role: fact("arn:aws:iam::111122223333:role/team/batch"),
        session_name: fact("shop.batch"),
        caller: fact("arn:aws:sts::111122223333:assumed-role/batch/shop.batch"),
        expected_principal: fact(&format!("{PRINCIPAL}/subject/batch")),
        service_account: fact("nightly-batch@shop-data.iam.gserviceaccount.com"),
        delegates: fact("first@shop-data.iam.gserviceaccount.com").into_iter().collect(),
        expires_in_seconds: None,
    }
}

/// Returns a failed step as a forged sidecar reports it.
fn failed(reason: &str, text: &str, evidence: Evidence) -> StepResult {
    StepResult {
        step: Step::Role,
        status: StepStatus::Failed,
        reason: Some(reason.to_owned()),
        message: format!("AWS STS: {text}"),
        remediation: Some(text.to_owned()),
        evidence,
    }
}

/// Returns the text output of a diagnosis.
fn rendered(result: &StepResult, remediation: Option<&Remediation>) -> String {
    let step = || DiagnosedStep { stated_by: Witness::Pod, result: result.clone() };
    let diagnosis = Diagnosis::new(None, None, vec![step()], remediation.cloned());
    let mut buffer = Vec::new();
    let mut console = Console::buffer(&mut buffer);
    let mut writer = DiagnosisWriter::new(OutputFormat::Text, &mut console);
    writer.write_step(&step()).unwrap();
    writer.finish(&diagnosis).unwrap();
    drop(console);
    let bold = Style::new().bold();
    let mut text = String::from_utf8(buffer).unwrap();
    let red = anstyle::AnsiColor::Red.on_default().bold();
    for style in [red, bold, Style::new().dimmed()] {
        text = text.replace(&style.render().to_string(), "");
    }
    text.replace(&bold.render_reset().to_string(), "")
}

const PROGRAMS: [&str; 3] = ["aws", "gcloud", "kubectl"];

/// The variables that snippets set to the output of a command.
const VARIABLES: [&str; 2] = ["PROJECT", "CONDITION"];

/// Returns the commands of a snippet, each with its continuation lines, also those that set a variable.
fn commands(snippet: &str) -> Vec<String> {
    let joined = snippet.replace("\\\n", "");
    let command = |line: &str| {
        let substitution = line.split_once("=$(").filter(|(name, _)| VARIABLES.contains(name));
        let line = substitution.and_then(|(_, rest)| rest.strip_suffix(')')).unwrap_or(line);
        let is_command = PROGRAMS.iter().any(|program| line.starts_with(&format!("{program} ")));
        is_command.then(|| line.to_owned())
    };
    joined.lines().filter_map(command).collect()
}

/// Returns the words of each command as a shell reads them, if it reads nothing else.
fn words(commands: &[String]) -> Vec<Vec<String>> {
    let print =
        |program: &str| format!("{program}() {{ printf '%s\\0' {program} \"$@\"; printf '\\n\\0'; }}\n");
    let variables = VARIABLES.map(|name| format!("{name}=a\n")).concat();
    let script = PROGRAMS.map(print).concat() + &variables + &commands.join("\n");
    // No program can be found, so that an injected command is an error.
    let folder = tempfile::tempdir().unwrap();
    let mut shell = Command::new("/bin/sh");
    let output = shell.args(["-euc", &script]).env("PATH", "").current_dir(&folder).output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{commands:?}: {output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    let commands = text.split_terminator("\n\0");
    commands.map(|words| words.split_terminator('\0').map(ToOwned::to_owned).collect()).collect()
}

fn lengths(words: &[Vec<String>]) -> Vec<usize> {
    words.iter().map(Vec::len).collect()
}

/// Returns arbitrary texts, and texts that attack a shell, a terminal, YAML or JSON.
fn hostile_text() -> impl Strategy<Value = String> {
    let fragments = prop::sample::select(vec![
        "$(touch /tmp/x)",
        "`id`",
        "'; id; '",
        "\"",
        "\\",
        " --impersonate-service-account=a@b",
        "\n",
        "\r",
        "\u{1b}[2J",
        "\u{9b}31m",
        "\u{202e}",
        "\u{2066}",
        "\u{200b}",
        "\u{2028}",
        "\0",
        "${HOME}",
        "!!",
        "#",
        "&& id",
        "|id",
        ">x",
        "~",
        "*",
        ": ",
        "- ",
        "{",
        "\"}",
        "EOF",
        "%{",
        "a",
    ]);
    prop_oneof![
        prop::collection::vec(fragments, 0..4).prop_map(|parts| parts.concat()),
        "\\PC{0,12}",
        ".{0,12}"
    ]
}

/// Replaces some facts by hostile ones.
fn mixed(honest: &Evidence, hostile: &Evidence, bits: u16) -> Evidence {
    let (mut honest, hostile) =
        (serde_json::to_value(honest).unwrap(), serde_json::to_value(hostile).unwrap());
    for (bit, (key, value)) in hostile.as_object().unwrap().iter().enumerate() {
        if bits >> bit & 1 == 1 {
            honest[key] = value.clone();
        }
    }
    serde_json::from_value(honest).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn commands_keep_their_words_for_hostile_statements(text in hostile_text(), bits in any::<u16>()) {
        for reason in REASONS {
            let honest = [failed(reason, "a", evidence(""))];
            let expected = remediation(&honest, None).map(|remediation| words(&commands(&remediation.snippet)));
            let steps = [failed(reason, &text, mixed(&evidence(""), &evidence(&text), bits))];
            let found = remediation(&steps, None);
            let output = rendered(&steps[0], found.as_ref());
            prop_assert!(!output.contains(|c| c != '\n' && is_harmful(c)), "{}: {:?}", reason, output);
            let Some(found) = found else { continue };
            prop_assert!(!found.snippet.contains(|c| c != '\n' && is_harmful(c)), "{}: {:?}", reason, found);
            let words = words(&commands(&found.snippet));
            // A remediation with an invalid fact is replaced by a sentence.
            if !words.is_empty() {
                prop_assert_eq!(Some(lengths(&words)), expected.as_deref().map(lengths), "{}", reason);
            }
        }
    }

    #[test]
    fn printable_audience_is_kept_in_each_language(audience in "[ -~]{1,20}") {
        let facts = Evidence { audiences: vec![audience.clone()], ..evidence("") };
        let snippet = |reason| remediation(&[failed(reason, "a", facts.clone())], None).unwrap().snippet;
        let command = words(&commands(&snippet("no-identity-provider"))).remove(0);
        prop_assert_eq!(command.last(), Some(&audience));
        let command = words(&commands(&snippet("wrong-audience"))).remove(0);
        prop_assert!(command.contains(&audience), "{:?}", command);
        let policy = snippet("access-denied");
        let statement: Value = serde_json::from_str(policy.split("\n\n").next().unwrap()).unwrap();
        let condition = &statement["Condition"]["StringEquals"]["oidc.eks.eu-west-1.amazonaws.com/id/5F2A:aud"];
        prop_assert_eq!(condition.as_str(), Some(&*audience));
    }
}

#[test]
fn honest_statement_has_a_remediation_for_each_reason() {
    for reason in REASONS {
        let remediation = remediation(&[failed(reason, "a", evidence(""))], None).unwrap();
        assert_eq!(remediation.snippet.is_empty(), reason == "another", "{reason}");
        assert_eq!(remediation.stated_by, Witness::Pod, "{reason}");
    }
}

#[test]
fn service_account_is_that_of_the_cluster_and_not_the_stated_one() {
    let forged = failed(
        "access-denied",
        "a",
        Evidence { subject: Some("system:serviceaccount:bank:ledger".to_owned()), ..evidence("") },
    );
    let account = ServiceAccountRef { namespace: "shop", name: "batch" };
    let snippet = remediation(&[forged], Some(account)).unwrap().snippet;
    assert!(snippet.contains("system:serviceaccount:shop:batch") && !snippet.contains("bank"), "{snippet}");
}

#[test]
fn namespace_that_yaml_reads_as_a_number_is_quoted() {
    let account = ServiceAccountRef { namespace: "0123", name: "true" };
    let snippet = |reason| remediation(&[failed(reason, "a", evidence(""))], Some(account)).unwrap().snippet;
    let policy: Value = serde_saphyr::from_str(&snippet("connect")).unwrap();
    assert_eq!(policy["metadata"]["namespace"], "0123");
    assert!(snippet("subject-too-long").starts_with("rolebridge.io/session-name: \"true\"\n"));
}

/// Returns the snippet for an honest statement with a provider of a kind and with delegates.
fn snippet(reason: &str, identity: &str, delegates: &[&str]) -> String {
    let facts = Evidence {
        identity: Some(identity.to_owned()),
        caller: evidence("").caller.filter(|_| identity == "aws-role"),
        role: evidence("").role.filter(|_| identity != "kubernetes"),
        delegates: delegates.iter().map(|email| (*email).to_owned()).collect(),
        ..evidence("")
    };
    remediation(&[failed(reason, "a", facts)], None).unwrap().snippet
}

#[test]
fn no_command_passes_a_number_as_the_project() {
    for reason in REASONS {
        for identity in ["aws-role", "aws-jwt", "kubernetes"] {
            for words in words(&commands(&snippet(reason, identity, &[]))) {
                let project = words.iter().position(|word| word == "--project").map(|at| &words[at + 1]);
                let is_number = project.is_some_and(|id| id.bytes().all(|byte| byte.is_ascii_digit()));
                assert!(!is_number, "{reason}: {words:?}");
            }
        }
    }
}

/// A provider with a mapping of its own does not have Google's default mapping.
#[rstest]
#[case::aws(
    "aws-role",
    "update-aws",
    "google.subject=assertion.arn.extract('assumed-role/{role}/'),attribute.aws_role="
)]
#[case::jwt("aws-jwt", "update-oidc", "google.subject=assertion.sub.extract('role/{name}')")]
#[case::kubernetes(
    "kubernetes",
    "update-oidc",
    "google.subject=assertion.sub.extract('system:serviceaccount:{name}')"
)]
fn shorter_subject_keeps_the_attributes(#[case] identity: &str, #[case] update: &str, #[case] mapping: &str) {
    let commands = words(&commands(&snippet("subject-too-long", identity, &[])));
    let update_command = commands.last().unwrap();
    assert!(update_command.iter().any(|word| word == update), "{commands:?}");
    assert!(update_command.last().unwrap().starts_with(mapping), "{commands:?}");
}

#[test]
fn every_account_of_a_chain_grants_delegation() {
    let roles = |delegates: &[&str]| -> Vec<_> {
        let commands = words(&commands(&snippet("impersonation-denied", "aws-role", delegates)));
        let role = |words: Vec<String>| words.into_iter().find(|word| word.starts_with("roles/")).unwrap();
        commands.into_iter().map(role).collect()
    };
    assert_eq!(roles(&[]), ["roles/iam.workloadIdentityUser"]);
    let first = "first@shop-data.iam.gserviceaccount.com";
    assert_eq!(roles(&[first]), ["roles/iam.serviceAccountTokenCreator"; 2]);
}

#[test]
fn account_that_signs_is_the_member_of_its_own_policy() {
    let commands = words(&commands(&snippet("sign-blob-denied", "aws-role", &[])));
    let [command] = &commands[..] else { panic!("{commands:?}") };
    let account = command.iter().find(|word| word.contains('@')).unwrap();
    assert_eq!(command.last().unwrap(), &format!("serviceAccount:{account}"));
    assert!(command.iter().any(|word| word == "roles/iam.serviceAccountTokenCreator"), "{command:?}");
}

/// The account calls the API of its own project with its token. All other calls are those of the pod's principal.
#[test]
fn api_is_enabled_in_the_project_of_its_caller() {
    for (step, expected) in [(Step::Impersonation, "\"$PROJECT\""), (Step::Signing, "shop-data")] {
        let result = StepResult { step, ..failed("api-disabled", "", evidence("")) };
        let remediation = remediation(std::slice::from_ref(&result), None).unwrap();
        assert!(
            rendered(&result, Some(&remediation))
                .contains(&format!("iamcredentials.googleapis.com --project {expected}")),
            "{remediation:?}"
        );
    }
}

/// The condition is one word, also with a subject that has quotes of the shell and of CEL.
#[test]
fn condition_keeps_what_the_provider_accepts() {
    let facts = Evidence {
        identity: Some("kubernetes".to_owned()),
        caller: None,
        subject: Some("a\"'$(id)".to_owned()),
        ..evidence("")
    };
    let snippet = remediation(&[failed("condition-rejected", "a", facts)], None).unwrap().snippet;
    let words = words(&commands(&snippet));
    assert_eq!(words[1].last().unwrap(), r#"(a) || assertion.sub == "a\"'$(id)""#);
}
