//! What each kind of value looks like: a parser and the words for what would be right.

use std::{net::IpAddr, path::PathBuf, time::Duration};

use http::Uri;
use rolebridge_contract::aws::Partition;
use tracing::level_filters::LevelFilter;

/// A kind of value.
pub(super) struct Kind<T> {
    /// `None`: it is not right.
    pub(super) parse: fn(&str) -> Option<T>,
    /// What would be right, after "it must be".
    pub(super) wanted: &'static str,
}

impl<T> Clone for Kind<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Kind<T> {}

/// An IAM role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Role {
    /// The whole ARN.
    pub arn: String,
    /// The name: the last part of the ARN, without its path.
    pub name: String,
    /// The partition's name.
    pub partition: &'static str,
}

pub(super) const ROLE: Kind<Role> =
    Kind { parse: role, wanted: "an IAM role, arn:aws:iam::123456789012:role/NAME" };

fn role(value: &str) -> Option<Role> {
    let mut parts = value.splitn(6, ':');
    let (arn, partition, service, region) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let (account, resource) = (parts.next()?, parts.next()?);
    let partition = Partition::named(partition)?.name;
    let name = resource.strip_prefix("role/")?.rsplit('/').next()?;
    let is_account = account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit());
    (arn == "arn" && service == "iam" && region.is_empty() && is_account && is_name(name)).then(|| Role {
        arn: value.to_owned(),
        name: name.to_owned(),
        partition,
    })
}

/// IAM's alphabet for names of roles and sessions.
fn is_name(name: &str) -> bool {
    (1..=64).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_+=,.@-".contains(&byte))
}

pub(super) const SESSION_NAME: Kind<String> = Kind {
    parse: |value| (is_name(value) && value.len() >= 2).then(|| value.to_owned()),
    wanted: "2 to 64 letters, digits or _+=,.@-",
};

pub(super) const REGION: Kind<String> = Kind {
    parse: |value| {
        let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let letter_first = value.starts_with(|c: char| c.is_ascii_lowercase());
        (letter_first && !value.ends_with('-') && value.contains('-') && value.bytes().all(is_plain))
            .then(|| value.to_owned())
    },
    wanted: "an AWS region such as eu-west-1",
};

pub(super) const FILE: Kind<PathBuf> = Kind {
    parse: |value| {
        let path = PathBuf::from(value);
        (path.is_absolute() && path.file_name().is_some()).then_some(path)
    },
    wanted: "the absolute path of a file",
};

pub(super) const AUDIENCE: Kind<String> = Kind {
    parse: |value| {
        let provider = value.strip_prefix("//iam.")?.split_once("/projects/")?.1;
        let whole = provider.contains("/workloadIdentityPools/") && provider.contains("/providers/");
        (whole && value.bytes().all(|byte| byte.is_ascii_graphic())).then(|| value.to_owned())
    },
    wanted: "//iam.googleapis.com/projects/NUMBER/locations/global/workloadIdentityPools/POOL/providers/PROVIDER",
};

pub(super) const ENDPOINT: Kind<String> = Kind {
    parse: |value| {
        let uri: Uri = value.parse().ok()?;
        let right = match uri.scheme_str()? {
            "https" => true,
            "http" => is_loopback(uri.host()?),
            _ => false,
        };
        (right && uri.query().is_none()).then(|| value.to_owned())
    },
    wanted: "an https:// URL (http:// for loopback only)",
};

fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || address.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// As curl does, a proxy without a scheme is taken for `http://`.
pub(super) const PROXY: Kind<String> = Kind {
    parse: |value| {
        let url = if value.contains("://") { value.to_owned() } else { format!("http://{value}") };
        let uri: Uri = url.parse().ok()?;
        (matches!(uri.scheme_str()?, "http" | "https") && !uri.host()?.is_empty()).then_some(url)
    },
    wanted: "http://HOST:PORT or https://HOST:PORT",
};

pub(super) const TEXT: Kind<String> = Kind { parse: |value| Some(value.to_owned()), wanted: "text" };

pub(super) const PORT: Kind<u16> =
    Kind { parse: |value| value.parse().ok().filter(|port| *port != 0), wanted: "a port, 1 to 65535" };

pub(super) const SECONDS: Kind<Duration> = Kind {
    parse: |value| value.parse::<u32>().ok().filter(|s| *s != 0).map(|s| Duration::from_secs(s.into())),
    wanted: "a number of seconds, 1 or more",
};

pub(super) const LEVEL: Kind<LevelFilter> = Kind {
    parse: |value| {
        Some(match value {
            "error" => LevelFilter::ERROR,
            "warn" => LevelFilter::WARN,
            "info" => LevelFilter::INFO,
            "debug" => LevelFilter::DEBUG,
            "trace" => LevelFilter::TRACE,
            _ => return None,
        })
    },
    wanted: "error, warn, info, debug or trace",
};
