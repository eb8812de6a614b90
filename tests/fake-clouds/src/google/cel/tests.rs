//! Expressions from Google's documentation, and invalid expressions.

use rstest::rstest;

use super::{Assertion, Expression, Scope, Values, field};

const ARN: &str = "arn:aws:sts::123456789012:assumed-role/batch/shop.nightly";

fn values() -> Values {
    [
        ("assertion.arn", ARN),
        ("assertion.account", "123456789012"),
        ("assertion.userid", "AROAEXAMPLE:shop.nightly"),
        ("google.subject", ARN),
        ("attribute.aws_role", "arn:aws:sts::123456789012:assumed-role/batch"),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .collect()
}

const CONDITION: Scope<'static> = Scope { assertion: Assertion::Aws, attributes: Some(&["aws_role"]) };
const MAPPING: Scope<'static> = Scope { assertion: Assertion::Aws, attributes: None };
const CLAIMS: Scope<'static> = Scope { assertion: Assertion::Claims, attributes: None };

#[rstest]
#[case("assertion.arn", ARN)]
#[case("'a' + \"b\" + 'c'", "abc")]
#[case(r"'it\'s'", "it's")]
#[case("assertion.arn.extract('{account_arn}assumed-role/')", "arn:aws:sts::123456789012:")]
#[case("assertion.arn.extract('assumed-role/{role_name}/')", "batch")]
#[case("assertion.arn.extract('assumed-role/{rest}')", "batch/shop.nightly")]
#[case("assertion.arn.extract('nowhere/{x}/')", "")]
#[case("assertion.arn.extract('{x}nowhere')", "")]
#[case("assertion.account == '1' ? 'one' : assertion.userid.endsWith('nightly') ? 'two' : 'three'", "two")]
#[case("(assertion.account + '/' + assertion.userid).extract('/{user}:')", "AROAEXAMPLE")]
fn string_expressions_are_evaluated(#[case] source: &str, #[case] text: &str) {
    assert_eq!(Expression::text(source, MAPPING).unwrap().to_text(&values()), text, "{source}");
}

#[rstest]
#[case("assertion", "expected a claim of assertion, found `assertion`")]
#[case("google.subject", "expected a claim of assertion, found `google.subject`")]
#[case("assertion[sub]", "expected a field name in quotes, found `sub`")]
#[case("assertion['sub'", "expected `]`, found the end")]
#[case("'a'['b']", "only a variable has fields, found `b`")]
fn invalid_claims_are_rejected(#[case] source: &str, #[case] error: &str) {
    assert_eq!(Expression::text(source, CLAIMS).unwrap_err(), error, "{source}");
}

#[rstest]
#[case("assertion.sub", "system:serviceaccount:shop:nightly")]
#[case("assertion['sub']", "system:serviceaccount:shop:nightly")]
#[case("assertion['sub'].extract('system:serviceaccount:{namespace}:')", "shop")]
#[case("assertion['kubernetes.io']['namespace']", "shop")]
#[case("assertion['kubernetes.io'].serviceaccount['name']", "nightly")]
#[case("assertion.kubernetes.io.namespace", "")]
#[case("assertion.absent", "")]
fn claims_are_read_by_field_and_index(#[case] source: &str, #[case] text: &str) {
    let kubernetes = field("assertion", "kubernetes.io");
    let values: Values = [
        ("assertion.sub".to_owned(), "system:serviceaccount:shop:nightly".to_owned()),
        (field(&kubernetes, "namespace"), "shop".to_owned()),
        (field(&field(&kubernetes, "serviceaccount"), "name"), "nightly".to_owned()),
    ]
    .into();
    assert_eq!(Expression::text(source, CLAIMS).unwrap().to_text(&values), text, "{source}");
}

#[rstest]
#[case("true", true)]
#[case("!true", false)]
#[case("attribute.aws_role == 'arn:aws:sts::123456789012:assumed-role/batch'", true)]
#[case("attribute.aws_role != 'arn:aws:sts::123456789012:assumed-role/batch'", false)]
#[case("assertion.arn.startsWith('arn:aws:sts::123456789012:assumed-role/batch/')", true)]
#[case("assertion.account in ['1', '123456789012']", true)]
#[case("assertion.account in []", false)]
#[case("false && false || true", true)]
#[case("false && (false || true)", false)]
#[case("google.subject.contains('batch') && assertion.account == '123456789012'", true)]
#[case("!(assertion.account == '1') && !assertion.arn.contains('x')", true)]
#[case("'a' + 'b' == 'ab'", true)]
fn conditions_are_evaluated(#[case] source: &str, #[case] holds: bool) {
    assert_eq!(Expression::condition(source, CONDITION).unwrap().is_met(&values()), holds, "{source}");
}

#[rstest]
#[case("", CONDITION, "unexpected end")]
#[case("'a'", CONDITION, "expected an expression of type bool, found string")]
#[case(
    "assertion.sub == 'a'",
    CONDITION,
    "expected one of assertion.arn, assertion.account, assertion.userid, google.subject or a mapped attribute, found `assertion.sub`"
)]
#[case(
    "attribute.team == 'a'",
    CONDITION,
    "expected one of assertion.arn, assertion.account, assertion.userid, google.subject or a mapped attribute, found `attribute.team`"
)]
#[case(
    "google.subject == 'a'",
    MAPPING,
    "expected one of assertion.arn, assertion.account, assertion.userid, found `google.subject`"
)]
#[case("assertion.arn.matches('a')", CONDITION, "unsupported method `matches`")]
#[case(
    "assertion.arn.extract('x') == 'a'",
    CONDITION,
    "extract: expected a string literal with one {name} in it"
)]
#[case("assertion.arn == true", CONDITION, "expected string, found bool")]
#[case("'a' && true", CONDITION, "expected bool, found string")]
#[case("true true", CONDITION, "unexpected `true`")]
#[case("(true", CONDITION, "expected `)`, found the end")]
#[case("'a' == 'b", CONDITION, "unterminated string 'b")]
#[case("1 == 1", CONDITION, "unsupported character `1`")]
#[case("'a'.b == 'a'", CONDITION, "only a variable has fields, found `b`")]
#[case(r"'\n' == 'a'", CONDITION, "unsupported escape: expected \\\\, \\' or \\\"")]
fn invalid_expressions_are_rejected(#[case] source: &str, #[case] scope: Scope<'_>, #[case] error: &str) {
    assert_eq!(Expression::condition(source, scope).unwrap_err(), error, "{source}");
}

#[test]
fn deeply_nested_expression_is_rejected() {
    let deep = format!("{}true{}", "(".repeat(60), ")".repeat(60));
    assert_eq!(Expression::condition(&deep, CONDITION).unwrap_err(), "nested too deeply");
}
