//! The principal of `doctor`, which is computed: Google names the one that it sees only to OAuth clients with a secret.

use rolebridge_core::diagnostics::{DOCTOR_ARGS, Step, StepResult};
use rolebridge_fake_clouds::{Detail, Operation};

use super::{Case, clouds, run_doctor_on};

/// A provider with another mapping, so that Google sees another principal than the computed one.
const OTHER_MAPPING: &str = r#"
change:
- op: add
  path: /google/providers/0/attributeMapping
  value:
    google.subject: "'reports'"
    attribute.aws_role: "assertion.arn.extract('{account_arn}assumed-role/') + 'assumed-role/' + assertion.arn.extract('assumed-role/{role_name}/')"
"#;

#[tokio::test(flavor = "multi_thread")]
async fn computed_principal_is_expected_and_not_seen() {
    for (case, agrees) in [("{}", true), (OTHER_MAPPING, false)] {
        let case: Case = serde_saphyr::from_str(case).unwrap();
        let clouds = clouds(&case).await;
        let (report, _) = run_doctor_on(&clouds, &case, DOCTOR_ARGS).await;
        let steps: Vec<StepResult> = report.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let step = steps.iter().find(|step| step.step == Step::Principal).unwrap();
        let computed = step.evidence.expected_principal.as_deref().unwrap();
        let seen = clouds.events().into_iter().find_map(|event| match event.detail {
            Detail::TokenExchanged(exchanged) => Some(exchanged.principal),
            _ => None,
        });
        let seen = seen.unwrap();
        assert_eq!(seen == computed, agrees, "{seen}");
        assert!(step.message.starts_with(&format!("expected {computed}, if ")), "{}", step.message);
        let printed_by: Vec<_> =
            steps.iter().filter(|step| step.message.contains("principal://")).map(|step| step.step).collect();
        assert_eq!(printed_by, [Step::Principal]);
        assert!(!report.contains(r#""principal":"principal:"#), "{report}");
        // Google names the principal to no client like the sidecar, so the sidecar does not ask.
        assert_eq!(clouds.calls(Operation::IntrospectToken), 0);
    }
}
