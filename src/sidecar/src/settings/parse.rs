//! What each kind of value looks like: a parser and the words for what would be right.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    path::PathBuf,
    time::Duration,
};

use http::Uri;
use rolebridge_contract::{
    aws::{CredentialsSource, Partition},
    google,
    identity::Identity,
    outputs::{self, Output},
};
use tracing::level_filters::LevelFilter;

use crate::tokens;

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

/// A workload identity pool provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provider {
    /// Its resource name: what a subject token is bound to.
    pub audience: String,
    /// The same without the host.
    pub name: String,
    /// Google's universe, such as `googleapis.com`.
    pub universe: String,
    /// The number of the pool's project.
    pub project: String,
    /// The pool.
    pub pool: String,
}

impl Provider {
    /// The audience of a JSON web token for it.
    #[must_use]
    pub fn token_audience(&self) -> String {
        google::token_audience(&self.universe, &self.name)
    }
}

pub(super) const AUDIENCE: Kind<Provider> = Kind {
    parse: provider,
    wanted: "//iam.googleapis.com/projects/NUMBER/locations/global/workloadIdentityPools/POOL/providers/PROVIDER",
};

fn provider(value: &str) -> Option<Provider> {
    let (universe, name) = value.strip_prefix("//iam.")?.split_once('/')?;
    let parts: Vec<_> = name.split('/').collect();
    let ["projects", project, "locations", "global", "workloadIdentityPools", pool, "providers", provider] =
        parts[..]
    else {
        return None;
    };
    let is_id = |id: &str| {
        !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    let is_number = !project.is_empty() && project.bytes().all(|byte| byte.is_ascii_digit());
    (is_host(universe) && is_number && is_id(pool) && is_id(provider)).then(|| Provider {
        audience: value.to_owned(),
        name: name.to_owned(),
        universe: universe.to_owned(),
        project: project.to_owned(),
        pool: pool.to_owned(),
    })
}

fn is_host(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.');
    name.contains('.') && name.bytes().all(plain) && !name.starts_with('.') && !name.ends_with('.')
}

pub(super) const IDENTITY: Kind<Identity> =
    Kind { parse: Identity::named, wanted: "aws-role, aws-jwt or kubernetes" };

pub(super) const AWS_CREDENTIALS: Kind<CredentialsSource> =
    Kind { parse: CredentialsSource::named, wanted: "irsa or pod-identity" };

/// EKS Pod Identity's agent, on the addresses that the AWS SDKs know, or a test's on loopback. What is sent to it is
/// not encrypted, so it must not leave the node.
pub(super) const POD_IDENTITY_URI: Kind<String> = Kind {
    parse: |value| {
        let uri: Uri = value.parse().ok()?;
        let host = uri.host()?;
        let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>().ok()?;
        let is_agent = POD_IDENTITY_AGENTS.contains(&address) || address.is_loopback();
        (uri.scheme_str() == Some("http") && is_agent).then(|| value.to_owned())
    },
    wanted: "EKS Pod Identity's, http://169.254.170.23/v1/credentials or http://[fd00:ec2::23]/v1/credentials",
};

const POD_IDENTITY_AGENTS: [IpAddr; 2] = [
    IpAddr::V4(Ipv4Addr::new(169, 254, 170, 23)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x23)),
];

pub(super) const OUTPUTS: Kind<Vec<(tokens::Kind, String)>> = Kind {
    parse: |value| {
        let outputs = outputs::parse(value).ok()?.into_iter().map(|(output, name)| match output {
            Output::AccessToken => (tokens::Kind::default_access(), name),
            Output::IdToken { audience } => {
                (tokens::Kind::Id { audience: audience.to_owned(), with_email: true }, name)
            }
        });
        Some(outputs.collect())
    },
    wanted: "\"access-token\" and \"id-token=AUDIENCE\", separated by commas",
};

pub(super) const EMAIL: Kind<String> = Kind {
    parse: |value| is_email(value).then(|| value.to_owned()),
    wanted: "a Google service account, NAME@PROJECT.iam.gserviceaccount.com",
};

pub(super) const EMAILS: Kind<Vec<String>> = Kind {
    parse: |value| {
        let emails: Vec<_> = value.split(',').map(|email| email.trim().to_owned()).collect();
        emails.iter().all(|email| is_email(email)).then_some(emails)
    },
    wanted: "Google service accounts, separated by commas",
};

/// It stands in URLs and paths.
fn is_email(value: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    let parts = value.split_once('@').filter(|(name, _)| !name.is_empty());
    parts.is_some_and(|(name, domain)| name.bytes().all(plain) && is_host(domain))
}

pub(super) const PROJECT: Kind<String> = Kind {
    parse: |value| {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-.:".contains(&byte);
        value.bytes().all(plain).then(|| value.to_owned())
    },
    wanted: "the ID of a Google Cloud project",
};

/// What the IAM Credentials API takes.
pub(super) const TOKEN_LIFETIME: Kind<Duration> = Kind {
    parse: |value| {
        let seconds = value.parse().ok().filter(|seconds| (600..=43_200).contains(seconds))?;
        Some(Duration::from_secs(seconds))
    },
    wanted: "a number of seconds, 600 to 43200",
};

/// What the local server answers as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Serve {
    /// As EC2's metadata service.
    pub loopback: bool,
    /// As the GCE metadata server.
    pub metadata: bool,
}

pub(super) const SERVE: Kind<Serve> = Kind {
    parse: |value| {
        let mut serve = Serve { loopback: false, metadata: false };
        for source in value.split(',').map(str::trim) {
            match source {
                "loopback" => serve.loopback = true,
                "metadata" => serve.metadata = true,
                _ => return None,
            }
        }
        Some(serve)
    },
    wanted: "\"loopback\", \"metadata\" or \"loopback,metadata\"",
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
