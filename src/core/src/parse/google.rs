//! Google's values: providers, service accounts, projects, universes.

use super::InvalidValue;
use super::network::is_host;
use crate::google::ProviderName;

/// Parses the resource name of a workload identity pool provider.
///
/// # Errors
/// Returns an error if the text is not such a name. If it is the provider's audience, the hint says so.
pub fn provider(text: &str) -> Result<ProviderName<&str>, InvalidValue> {
    ProviderName::parse(text)
}

/// A provider's audience, taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Audience<'a> {
    /// Google's universe, such as `googleapis.com`.
    pub universe: &'a str,
    /// The provider's resource name.
    pub provider: ProviderName<&'a str>,
}

/// A provider's audience, as [`crate::google::audience`] makes it.
///
/// # Errors
/// It is none.
pub fn audience(text: &str) -> Result<Audience<'_>, InvalidValue> {
    let apart = || {
        let (universe, provider) = text.strip_prefix("//iam.")?.split_once('/')?;
        let universe = self::universe(universe).ok()?;
        Some(Audience { universe, provider: ProviderName::parse(provider).ok()? })
    };
    apart().ok_or_else(|| {
        InvalidValue::expected(
            "the audience of a provider: //iam.googleapis.com/projects/NUMBER/locations/global/\
             workloadIdentityPools/POOL/providers/PROVIDER",
        )
    })
}

/// A Google service account's email address. Every universe's ends in `gserviceaccount.com`.
///
/// # Errors
/// It is none.
pub fn email(text: &str) -> Result<&str, InvalidValue> {
    let account = text.split_once('@').is_some_and(|(name, domain)| {
        let name_is_good = (1..=63).contains(&name.len())
            && name
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-.".contains(&byte));
        name_is_good && domain.ends_with(".gserviceaccount.com") && is_host(domain)
    });
    if account {
        return Ok(text);
    }
    Err(InvalidValue::expected("a service account, such as NAME@PROJECT.iam.gserviceaccount.com"))
}

/// A chain of service accounts with commas between them.
///
/// # Errors
/// One of them is none.
pub fn emails(text: &str) -> Result<Vec<&str>, InvalidValue> {
    let emails = text.split(',').map(|one| email(one.trim())).collect::<Result<Vec<_>, _>>();
    emails.map_err(|_| {
        InvalidValue::expected("a list of service accounts with commas between them, each such as NAME@PROJECT.iam.gserviceaccount.com")
    })
}

/// A project's ID, such as `my-project` or `example.com:my-project`.
///
/// # Errors
/// It is none.
pub fn project(text: &str) -> Result<&str, InvalidValue> {
    let (domain, id) = text.split_once(':').map_or((None, text), |(domain, id)| (Some(domain), id));
    let well_formed = (6..=30).contains(&id.len())
        && id.starts_with(|first: char| first.is_ascii_lowercase())
        && !id.ends_with('-')
        && id.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        && domain.is_none_or(is_host);
    if well_formed {
        return Ok(text);
    }
    Err(InvalidValue::expected("a project ID: 6 to 30 lower-case letters, digits or hyphens, a letter first"))
}

/// A universe's domain, such as `googleapis.com`.
///
/// # Errors
/// It is none.
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
    fn audiences() {
        let text = format!("//iam.apis.example/{PROVIDER}");
        let parsed = audience(&text).unwrap();
        assert_eq!((parsed.universe, parsed.provider.as_str()), ("apis.example", PROVIDER));
        assert_eq!(crate::google::audience(parsed.universe, parsed.provider.as_str()), text);
        for start in ["", "//iam.googleapis/", "//iam./", "https://iam.googleapis.com/", "//iam.a..b/"] {
            assert!(audience(&format!("{start}{PROVIDER}")).is_err(), "{start}");
        }
    }

    #[test]
    fn service_accounts() {
        for text in [
            "batch@shop.iam.gserviceaccount.com",
            "123-compute@developer.gserviceaccount.com",
            "batch@shop.example.com.iam.gserviceaccount.com",
        ] {
            assert!(email(text).is_ok(), "{text}");
        }
        for text in [
            "",
            "batch",
            "batch@example.com",
            "@shop.iam.gserviceaccount.com",
            "a@b@shop.iam.gserviceaccount.com",
            "batch@shop.iam.gserviceaccount.com/x",
            "batch@shop.iam.gserviceaccount.com:x",
        ] {
            assert!(email(text).is_err(), "{text}");
        }
    }

    #[test]
    fn projects() {
        for text in ["my-project", "example.com:my-project", "abcdef"] {
            assert!(project(text).is_ok(), "{text}");
        }
        for text in ["", "short", "My-Project", "1project", "project-", "12345678", ":my-project"] {
            assert!(project(text).is_err(), "{text}");
        }
    }
}
