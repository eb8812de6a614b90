//! Google's values: providers, service accounts, projects, universes.

use super::network::is_host;
use crate::settings::places::Fault;

/// A workload identity pool provider's resource name.
pub(crate) fn provider(text: &str) -> Result<&str, Fault> {
    if is_provider(text) {
        return Ok(text);
    }
    let audience = ["//iam.", "https://iam."].iter().find_map(|start| text.strip_prefix(start));
    if let Some((_, rest)) = audience.and_then(|rest| rest.split_once('/'))
        && is_provider(rest)
    {
        let start = &text[..text.len() - rest.len()];
        return Err(Fault::bad(format!("is an audience; drop the leading {start}")));
    }
    Err(Fault::bad(
        "is not a provider: projects/NUMBER/locations/global/workloadIdentityPools/POOL/providers/PROVIDER",
    ))
}

fn is_provider(text: &str) -> bool {
    let parts: Vec<_> = text.split('/').collect();
    let ["projects", number, "locations", "global", "workloadIdentityPools", pool, "providers", provider] =
        parts[..]
    else {
        return false;
    };
    let id = |id: &str| {
        (1..=32).contains(&id.len())
            && id.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
    };
    (1..=19).contains(&number.len())
        && number.bytes().all(|byte| byte.is_ascii_digit())
        && id(pool)
        && id(provider)
}

/// A Google service account's email address. Every universe's ends in `gserviceaccount.com`.
pub(crate) fn email(text: &str) -> Result<&str, Fault> {
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
    Err(Fault::bad("is not a service account, such as NAME@PROJECT.iam.gserviceaccount.com"))
}

/// A chain of service accounts with commas between them.
pub(crate) fn delegates(text: &str) -> Result<Vec<&str>, Fault> {
    let emails = text.split(',').map(|one| email(one.trim())).collect::<Result<Vec<_>, _>>();
    emails.map_err(|_| {
        Fault::bad("is not a list of service accounts with commas between them, each such as NAME@PROJECT.iam.gserviceaccount.com")
    })
}

/// A project's ID, such as `my-project` or `example.com:my-project`.
pub(crate) fn project(text: &str) -> Result<&str, Fault> {
    let (domain, id) = text.split_once(':').map_or((None, text), |(domain, id)| (Some(domain), id));
    let well_formed = (6..=30).contains(&id.len())
        && id.starts_with(|first: char| first.is_ascii_lowercase())
        && !id.ends_with('-')
        && id.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        && domain.is_none_or(is_host);
    if well_formed {
        return Ok(text);
    }
    Err(Fault::bad("is not a project ID: 6 to 30 lower-case letters, digits or hyphens, a letter first"))
}

/// A universe's domain, such as `googleapis.com`.
pub(crate) fn universe(text: &str) -> Result<&str, Fault> {
    if is_host(text) && text.contains('.') {
        return Ok(text);
    }
    Err(Fault::bad("is not the domain of a universe, such as googleapis.com"))
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
    fn emails() {
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
