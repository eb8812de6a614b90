//! Google values: providers, service accounts, projects, universes.

use super::network::is_host;
use crate::google::{IAM_RESOURCES, ProviderName};
use crate::invalid_value::InvalidValue;

/// Parses the resource name of a workload identity pool provider.
///
/// # Errors
/// Returns an error if the text is not such a name. If it is the provider's audience, the hint says so.
pub fn provider(text: &str) -> Result<ProviderName<&str>, InvalidValue> {
    ProviderName::parse(text)
}

/// Parses a provider's audience in the form of [`crate::google::audience`].
///
/// # Errors
/// Returns an error if the text is not such an audience.
pub fn audience(text: &str) -> Result<ProviderName<&str>, InvalidValue> {
    let provider = text.strip_prefix(IAM_RESOURCES).and_then(|name| ProviderName::parse(name).ok());
    provider.ok_or_else(|| {
        InvalidValue::expected(
            "the audience of a provider: //iam.googleapis.com/projects/NUMBER/locations/global/\
             workloadIdentityPools/POOL/providers/PROVIDER",
        )
    })
}

/// Parses the email address of a Google service account. It ends in `gserviceaccount.com` in every universe.
///
/// # Errors
/// Returns an error if the text is not such an address.
pub fn email(text: &str) -> Result<&str, InvalidValue> {
    let is_service_account = text.split_once('@').is_some_and(|(name, domain)| {
        let is_valid_name = (1..=63).contains(&name.len())
            && name
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-.".contains(&byte));
        is_valid_name && domain.ends_with(".gserviceaccount.com") && is_host(domain)
    });
    if is_service_account {
        return Ok(text);
    }
    Err(InvalidValue::expected("a service account, such as NAME@PROJECT.iam.gserviceaccount.com"))
}

/// Parses a chain of service accounts, separated by commas.
///
/// # Errors
/// Returns an error if one of them is not a service account.
pub fn emails(text: &str) -> Result<Vec<&str>, InvalidValue> {
    let emails = text.split(',').map(|account| email(account.trim())).collect::<Result<Vec<_>, _>>();
    emails.map_err(|_| {
        InvalidValue::expected(
            "service accounts such as NAME@PROJECT.iam.gserviceaccount.com, separated by commas",
        )
    })
}

/// Parses a project ID such as `my-project` or `example.com:my-project`.
///
/// # Errors
/// Returns an error if the text is not a project ID.
pub fn project(text: &str) -> Result<&str, InvalidValue> {
    let (domain, id) = text.split_once(':').map_or((None, text), |(domain, id)| (Some(domain), id));
    let is_valid = (6..=30).contains(&id.len())
        && id.starts_with(|first: char| first.is_ascii_lowercase())
        && !id.ends_with('-')
        && id.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        && domain.is_none_or(is_host);
    if is_valid {
        return Ok(text);
    }
    Err(InvalidValue::expected(
        "a project ID: 6 to 30 lower-case letters, digits or hyphens, beginning with a letter",
    ))
}

/// Parses the domain of a universe, such as `googleapis.com`.
///
/// # Errors
/// Returns an error if the text is not a domain.
pub fn universe(text: &str) -> Result<&str, InvalidValue> {
    if is_host(text) && text.contains('.') {
        return Ok(text);
    }
    Err(InvalidValue::expected("the domain of a universe, such as googleapis.com"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROVIDER: &str = "projects/123456/locations/global/workloadIdentityPools/aws-pool/providers/prod";

    #[test]
    fn audience_has_the_same_host_in_every_universe() {
        let text = crate::google::audience(PROVIDER);
        assert_eq!(audience(&text).map(|provider| provider.as_str().to_owned()), Ok(PROVIDER.to_owned()));
        for prefix in
            ["", "//iam.googleapis/", "//iam./", "https://iam.googleapis.com/", "//iam.apis.example/"]
        {
            assert!(audience(&format!("{prefix}{PROVIDER}")).is_err(), "{prefix}");
        }
    }

    #[test]
    fn email_accepts_only_service_accounts() {
        for text in [
            "nightly-batch@shop.iam.gserviceaccount.com",
            "123-compute@developer.gserviceaccount.com",
            "nightly-batch@shop.example.com.iam.gserviceaccount.com",
        ] {
            assert!(email(text).is_ok(), "{text}");
        }
        for text in [
            "",
            "batch",
            "batch@example.com",
            "@shop.iam.gserviceaccount.com",
            "a@b@shop.iam.gserviceaccount.com",
            "nightly-batch@shop.iam.gserviceaccount.com/x",
            "nightly-batch@shop.iam.gserviceaccount.com:x",
        ] {
            assert!(email(text).is_err(), "{text}");
        }
    }

    #[test]
    fn project_accepts_ids_with_and_without_a_domain() {
        for text in ["my-project", "example.com:my-project", "abcdef"] {
            assert!(project(text).is_ok(), "{text}");
        }
        for text in ["", "short", "My-Project", "1project", "project-", "12345678", ":my-project"] {
            assert!(project(text).is_err(), "{text}");
        }
    }
}
