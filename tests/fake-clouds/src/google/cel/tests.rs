//! Expressions from Google's documentation, and invalid expressions.

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

#[test]
fn string_expressions_are_evaluated() {
    for (source, text) in [
        ("assertion.arn", ARN),
        ("'a' + \"b\" + 'c'", "abc"),
        (r"'it\'s'", "it's"),
        ("assertion.arn.extract('{account_arn}assumed-role/')", "arn:aws:sts::123456789012:"),
        ("assertion.arn.extract('assumed-role/{role_name}/')", "batch"),
        ("assertion.arn.extract('assumed-role/{rest}')", "batch/shop.nightly"),
        ("assertion.arn.extract('nowhere/{x}/')", ""),
        ("assertion.arn.extract('{x}nowhere')", ""),
        ("assertion.account == '1' ? 'one' : assertion.userid.endsWith('nightly') ? 'two' : 'three'", "two"),
        ("(assertion.account + '/' + assertion.userid).extract('/{user}:')", "AROAEXAMPLE"),
    ] {
        assert_eq!(Expression::text(source, MAPPING).unwrap().to_text(&values()), text, "{source}");
    }
}

#[test]
fn claims_are_read_by_field_and_index() {
    let kubernetes = field("assertion", "kubernetes.io");
    let values: Values = [
        ("assertion.sub".to_owned(), "system:serviceaccount:shop:nightly".to_owned()),
        (field(&kubernetes, "namespace"), "shop".to_owned()),
        (field(&field(&kubernetes, "serviceaccount"), "name"), "nightly".to_owned()),
    ]
    .into();
    for (source, text) in [
        ("assertion.sub", "system:serviceaccount:shop:nightly"),
        ("assertion['sub']", "system:serviceaccount:shop:nightly"),
        ("assertion['sub'].extract('system:serviceaccount:{namespace}:')", "shop"),
        ("assertion['kubernetes.io']['namespace']", "shop"),
        ("assertion['kubernetes.io'].serviceaccount['name']", "nightly"),
        ("assertion.kubernetes.io.namespace", ""),
        ("assertion.absent", ""),
    ] {
        assert_eq!(Expression::text(source, CLAIMS).unwrap().to_text(&values), text, "{source}");
    }
    for (source, error) in [
        ("assertion", "expected a claim of assertion, found `assertion`"),
        ("google.subject", "expected a claim of assertion, found `google.subject`"),
        ("assertion[sub]", "expected a field name in quotes, found `sub`"),
        ("assertion['sub'", "expected `]`, found the end"),
        ("'a'['b']", "only a variable has fields, found `b`"),
    ] {
        assert_eq!(Expression::text(source, CLAIMS).unwrap_err(), error, "{source}");
    }
}

#[test]
fn conditions_are_evaluated() {
    for (source, holds) in [
        ("true", true),
        ("!true", false),
        ("attribute.aws_role == 'arn:aws:sts::123456789012:assumed-role/batch'", true),
        ("attribute.aws_role != 'arn:aws:sts::123456789012:assumed-role/batch'", false),
        ("assertion.arn.startsWith('arn:aws:sts::123456789012:assumed-role/batch/')", true),
        ("assertion.account in ['1', '123456789012']", true),
        ("assertion.account in []", false),
        ("false && false || true", true),
        ("false && (false || true)", false),
        ("google.subject.contains('batch') && assertion.account == '123456789012'", true),
        ("!(assertion.account == '1') && !assertion.arn.contains('x')", true),
        ("'a' + 'b' == 'ab'", true),
    ] {
        assert_eq!(Expression::condition(source, CONDITION).unwrap().is_met(&values()), holds, "{source}");
    }
}

#[test]
fn invalid_expressions_are_rejected() {
    for (source, scope, error) in [
        ("", CONDITION, "unexpected end"),
        ("'a'", CONDITION, "expected an expression of type bool, found string"),
        (
            "assertion.sub == 'a'",
            CONDITION,
            "expected one of assertion.arn, assertion.account, assertion.userid, google.subject or a mapped attribute, found `assertion.sub`",
        ),
        (
            "attribute.team == 'a'",
            CONDITION,
            "expected one of assertion.arn, assertion.account, assertion.userid, google.subject or a mapped attribute, found `attribute.team`",
        ),
        (
            "google.subject == 'a'",
            MAPPING,
            "expected one of assertion.arn, assertion.account, assertion.userid, found `google.subject`",
        ),
        ("assertion.arn.matches('a')", CONDITION, "unsupported method `matches`"),
        (
            "assertion.arn.extract('x') == 'a'",
            CONDITION,
            "extract: expected a string literal with one {name} in it",
        ),
        ("assertion.arn == true", CONDITION, "expected string, found bool"),
        ("'a' && true", CONDITION, "expected bool, found string"),
        ("true true", CONDITION, "unexpected `true`"),
        ("(true", CONDITION, "expected `)`, found the end"),
        ("'a' == 'b", CONDITION, "unterminated string 'b"),
        ("1 == 1", CONDITION, "unsupported character `1`"),
        ("'a'.b == 'a'", CONDITION, "only a variable has fields, found `b`"),
        (r"'\n' == 'a'", CONDITION, "unsupported escape: expected \\\\, \\' or \\\""),
    ] {
        assert_eq!(Expression::condition(source, scope).unwrap_err(), error, "{source}");
    }
    let deep = format!("{}true{}", "(".repeat(60), ")".repeat(60));
    assert_eq!(Expression::condition(&deep, CONDITION).unwrap_err(), "nested too deeply");
}
