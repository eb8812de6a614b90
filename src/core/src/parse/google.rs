//! Google's values: providers, service accounts, projects, universes.

use super::InvalidValue;
use super::network::is_host;

/// A workload identity pool provider's resource name.
///
/// # Errors
/// It is none.
pub fn provider(text: &str) -> Result<&str, InvalidValue> {
    const WANTED: &str =
        "a provider: projects/NUMBER/locations/global/workloadIdentityPools/POOL/providers/PROVIDER";
    if project_and_pool(text).is_some() {
        return Ok(text);
    }
    let audience = ["//iam.", "https://iam."].iter().find_map(|start| text.strip_prefix(start));
    if let Some((_, rest)) = audience.and_then(|rest| rest.split_once('/'))
        && project_and_pool(rest).is_some()
    {
        let start = &text[..text.len() - rest.len()];
        return Err(InvalidValue::found(format!("is an audience; drop the leading {start}"), WANTED));
    }
    Err(InvalidValue::expected(WANTED))
}

/// The project's number and the pool of a provider.
fn project_and_pool(provider: &str) -> Option<(&str, &str)> {
    let parts: Vec<_> = provider.split('/').collect();
    let ["projects", number, "locations", "global", "workloadIdentityPools", pool, "providers", provider] =
        parts[..]
    else {
        return None;
    };
    let id = |id: &str| {
        (1..=32).contains(&id.len())
            && id.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
    };
    let is_number = (1..=19).contains(&number.len()) && number.bytes().all(|byte| byte.is_ascii_digit());
    (is_number && id(pool) && id(provider)).then_some((number, pool))
}

/// A provider's audience, taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Audience<'a> {
    /// Google's universe, such as `googleapis.com`.
    pub universe: &'a str,
    /// The provider's resource name.
    pub provider: &'a str,
    /// The number of the pool's project.
    pub project_number: &'a str,
    /// The pool.
    pub pool: &'a str,
}

/// A provider's audience, as [`crate::google::audience`] makes it.
///
/// # Errors
/// It is none.
pub fn audience(text: &str) -> Result<Audience<'_>, InvalidValue> {
    let apart = || {
        let (universe, provider) = text.strip_prefix("//iam.")?.split_once('/')?;
        let universe = self::universe(universe).ok()?;
        let (project_number, pool) = project_and_pool(provider)?;
        Some(Audience { universe, provider, project_number, pool })
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
    fn providers() {
        assert_eq!(provider(PROVIDER), Ok(PROVIDER));
        for text in ["//iam.googleapis.com/", "https://iam.googleapis.com/", "//iam.example.goog/"] {
            let fault = provider(&format!("{text}{PROVIDER}")).unwrap_err();
            assert_eq!(fault.to_string(), format!("is an audience; drop the leading {text}"));
        }
        for text in [
            "",
            "projects/my-project/locations/global/workloadIdentityPools/pool/providers/prod",
            "projects/1/locations/global/workloadIdentityPools/pool",
            "projects/1/locations/eu/workloadIdentityPools/pool/providers/prod",
            "projects/1/locations/global/workloadIdentityPools/Pool/providers/prod",
            "projects/1/locations/global/workloadIdentityPools//providers/prod",
            &format!("{PROVIDER}/"),
            &format!("{PROVIDER}\n"),
        ] {
            assert!(provider(text).is_err(), "{text}");
        }
    }

    #[test]
    fn audiences() {
        let text = format!("//iam.apis.example/{PROVIDER}");
        let apart = Audience {
            universe: "apis.example",
            provider: PROVIDER,
            project_number: "123456",
            pool: "aws-pool",
        };
        assert_eq!(audience(&text), Ok(apart));
        assert_eq!(crate::google::audience(apart.universe, apart.provider), text);
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
