//! Attribute mappings and conditions of providers.

use std::collections::BTreeMap;

use super::*;
use crate::testing::PROVIDER;

const POOL: &str = "//iam.googleapis.com/projects/123456/locations/global/workloadIdentityPools/aws-pool";

fn provider(mapping: Option<&[(&str, &str)]>, condition: Option<&str>) -> Result<Provider, ConfigError> {
    let mapping = mapping.map(|mapping| {
        mapping.iter().map(|&(key, text)| (key.to_owned(), text.to_owned())).collect::<BTreeMap<_, _>>()
    });
    let config = config::Provider {
        name: PROVIDER.to_owned(),
        aws_account: Some("123456789012".to_owned()),
        oidc: None,
        attribute_mapping: mapping,
        attribute_condition: condition.map(ToOwned::to_owned),
        disabled: false,
        token_seconds: None,
    };
    Provider::new(&config)
}

fn assertion(arn: &str) -> Values {
    AwsCaller { arn: arn.to_owned(), account: "123456789012".to_owned(), user_id: "AROA:s".to_owned() }
        .values()
}

fn federated(subject: &str, attributes: &[(&str, &str)]) -> Principal {
    Principal::Federated {
        pool: POOL.to_owned(),
        subject: subject.to_owned(),
        attributes: attributes.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect(),
    }
}

const SESSION: &str = "arn:aws:sts::123456789012:assumed-role/batch/shop.nightly";

#[test]
fn default_mapping_maps_arn_and_role() {
    let provider = provider(None, None).unwrap();
    for (arn, role) in [
        (SESSION, "arn:aws:sts::123456789012:assumed-role/batch"),
        ("arn:aws:iam::123456789012:user/eve", "arn:aws:iam::123456789012:user/eve"),
    ] {
        assert_eq!(provider.principal(assertion(arn)), Ok(federated(arn, &[("aws_role", role)])));
    }
    let principal = provider.principal(assertion(SESSION)).unwrap();
    assert_eq!(principal.to_string(), format!("principal:{POOL}/subject/{SESSION}"));
}

#[test]
fn custom_mapping_maps_attributes() {
    let mapping = [("google.subject", "assertion.userid"), ("attribute.account", "assertion.account")];
    let provider = provider(Some(&mapping), None).unwrap();
    let expected = federated("AROA:s", &[("account", "123456789012")]);
    assert_eq!(provider.principal(assertion(SESSION)), Ok(expected));
}

#[test]
fn subject_over_127_bytes_is_rejected() {
    let provider = provider(None, None).unwrap();
    let prefix = "arn:aws:sts::123456789012:assumed-role/";
    let of_len = |len: usize| format!("{prefix}{}", "r".repeat(len - prefix.len()));
    assert!(provider.principal(assertion(&of_len(127))).is_ok());
    let error = provider.principal(assertion(&of_len(128))).unwrap_err();
    assert_eq!(
        error,
        OauthError::new(
            "invalid_request",
            "The size of mapped attribute google.subject exceeds the 127 bytes limit. Either modify your attribute \
             mapping or the incoming assertion to produce a mapped attribute that is less than 127 bytes."
        )
    );
}

#[test]
fn condition_rejects_other_roles() {
    let other = "arn:aws:sts::123456789012:assumed-role/other/shop.nightly";
    let condition = "attribute.aws_role == 'arn:aws:sts::123456789012:assumed-role/batch' && google.subject == assertion.arn";
    let provider = provider(None, Some(condition)).unwrap();
    assert!(provider.principal(assertion(SESSION)).is_ok());
    assert_eq!(provider.principal(assertion(other)), Err(OauthError::rejected_by_condition()));
}

#[test]
fn invalid_mappings_and_names_are_rejected() {
    let place = format!("the provider {PROVIDER}: ");
    for (mapping, condition, error) in [
        (
            Some(&[("attribute.aws_role", "assertion.arn")][..]),
            None,
            "attributeMapping: missing google.subject",
        ),
        (
            Some(&[("google.subject", "assertion.sub")]),
            None,
            "attributeMapping.google.subject: invalid expression `assertion.sub`: expected one of assertion.arn, assertion.account, assertion.userid, found `assertion.sub`",
        ),
        (
            Some(&[("google.subject", "assertion.arn"), ("subject", "assertion.arn")]),
            None,
            "attributeMapping: expected google.subject or attribute.NAME, found `subject`",
        ),
        (
            None,
            Some("attribute.team == 'a'"),
            "attributeCondition: invalid expression `attribute.team == 'a'`: expected one of assertion.arn, assertion.account, assertion.userid, google.subject or a mapped attribute, found `attribute.team`",
        ),
    ] {
        let found = provider(mapping, condition).unwrap_err().to_string();
        assert_eq!(found, format!("{place}{error}"));
    }
    for name in [
        "projects/shop/locations/global/workloadIdentityPools/aws-pool/providers/prod",
        "projects/1/locations/global/workloadIdentityPools/aws-pool",
        "projects/1/locations/global/workloadIdentityPools/aws/providers/prod",
        "projects/1/locations/global/workloadIdentityPools/gcp-pool/providers/prod",
        "projects/1/locations/global/workloadIdentityPools/aws-pool/providers/Prod",
    ] {
        let config = config::Provider {
            name: name.to_owned(),
            aws_account: Some("123456789012".to_owned()),
            oidc: None,
            attribute_mapping: None,
            attribute_condition: None,
            disabled: false,
            token_seconds: None,
        };
        assert!(Provider::new(&config).is_err(), "{name}");
    }
}

#[test]
fn provider_requires_either_aws_account_or_oidc() {
    let oidc = config::Oidc {
        issuer: "https://issuer.example".to_owned(),
        allowed_audiences: Vec::new(),
        jwks_json: None,
    };
    let account = Some("123456789012".to_owned());
    let both = "expected either awsAccount or oidc";
    for (aws_account, oidc, error) in [
        (None, None, both),
        (account, Some(oidc.clone()), both),
        (None, Some(oidc), "attributeMapping: required with oidc"),
    ] {
        let config = config::Provider {
            name: PROVIDER.to_owned(),
            aws_account,
            oidc,
            attribute_mapping: None,
            attribute_condition: None,
            disabled: false,
            token_seconds: None,
        };
        let found = Provider::new(&config).unwrap_err().to_string();
        assert_eq!(found, format!("the provider {PROVIDER}: {error}"));
    }
}
