//! Expressions as Google documents them, and what is refused.

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
fn texts() {
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
fn claims() {
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
        ("assertion", "`assertion` is not known in a mapping: only assertion's claims are"),
        ("google.subject", "`google.subject` is not known in a mapping: only assertion's claims are"),
        ("assertion[sub]", "a field's name in quotes is expected, not `sub`"),
        ("assertion['sub'", "`]` is expected, not the end"),
        ("'a'['b']", "only a variable has a field, here `b`"),
    ] {
        assert_eq!(Expression::text(source, CLAIMS).unwrap_err(), error, "{source}");
    }
}

#[test]
fn conditions() {
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
fn what_is_refused() {
    for (source, scope, error) in [
        ("", CONDITION, "it ends too early"),
        ("'a'", CONDITION, "it gives text, where true or false is expected"),
        (
            "assertion.sub == 'a'",
            CONDITION,
            "`assertion.sub` is not known: assertion.arn, assertion.account, assertion.userid, google.subject and the mapped attributes are",
        ),
        (
            "attribute.team == 'a'",
            CONDITION,
            "`attribute.team` is not known: assertion.arn, assertion.account, assertion.userid, google.subject and the mapped attributes are",
        ),
        (
            "google.subject == 'a'",
            MAPPING,
            "`google.subject` is not known in a mapping: only assertion.arn, assertion.account, assertion.userid are",
        ),
        ("assertion.arn.matches('a')", CONDITION, "the method `matches` is not known here"),
        ("assertion.arn.extract('x') == 'a'", CONDITION, "extract takes a text with one {name} in it"),
        ("assertion.arn == true", CONDITION, "true or false stands where text is expected"),
        ("'a' && true", CONDITION, "text stands where true or false is expected"),
        ("true true", CONDITION, "`true` is not expected"),
        ("(true", CONDITION, "`)` is expected, not the end"),
        ("'a' == 'b", CONDITION, "the text 'b has no end"),
        ("1 == 1", CONDITION, "`1` is not known here"),
        ("'a'.b == 'a'", CONDITION, "only a variable has a field, here `b`"),
        (r"'\n' == 'a'", CONDITION, "an escape other than \\\\, \\' and \\\" is not known here"),
    ] {
        assert_eq!(Expression::condition(source, scope).unwrap_err(), error, "{source}");
    }
    let deep = format!("{}true{}", "(".repeat(60), ")".repeat(60));
    assert_eq!(Expression::condition(&deep, CONDITION).unwrap_err(), "it is nested too deep");
}
