//! Helpers that several tests use.

use std::collections::HashMap;
use std::ffi::OsString;
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use percent_encoding::percent_decode_str;
use rolebridge_core::env::sidecar as names;
use rolebridge_sidecar::aws::sts::Session;
use rolebridge_sidecar::clock::Clock;
use rolebridge_sidecar::credential::{Credential, CredentialProvider, FetchCredential};
use rolebridge_sidecar::error::Error;
use rolebridge_sidecar::schedule::Lifetime;
use rolebridge_sidecar::settings::{Env, IdentitySettings, Settings};

/// A provider's audience.
pub(crate) const AUDIENCE: &str =
    "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/aws-pool/providers/prod";
/// A role's ARN.
pub(crate) const ROLE: &str = "arn:aws:iam::123456789012:role/batch";
/// A text with the shape of a JSON web token.
pub(crate) const PROJECTED_TOKEN: &str = "eyJhbGciOiJSUzI1NiJ9.marker-projected-token.c2lnbmF0dXJl";
/// A secret access key, which no output may contain.
pub(crate) const SECRET_KEY: &str = "marker-secret-key";
/// A session token, which no output may contain.
pub(crate) const SESSION_TOKEN: &str = "marker-session-token";

/// Creates a directory for a token: in memory, like the pod's volume, if the system has such a place.
pub(crate) fn volume() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

/// Creates a session with that lifetime.
pub(crate) fn session(lifetime: Lifetime) -> Session {
    let (secret, token) = (SECRET_KEY, Some(SESSION_TOKEN.to_owned()));
    let credentials = Credentials::new("ASIAMARKER", secret, token, Some(lifetime.expires), "test");
    Session { credentials, lifetime }
}

/// Returns the time at which a subject token was signed; `None` if the token is incomplete.
pub(crate) fn signed_at(token: &str) -> Option<SystemTime> {
    let json = percent_decode_str(token).decode_utf8().ok()?;
    let request: serde_json::Value = serde_json::from_str(&json).ok()?;
    let headers = request["headers"].as_array()?;
    let date = headers.iter().find(|header| header["key"] == "x-amz-date")?["value"].as_str()?;
    let number = |range: std::ops::Range<usize>| date.get(range)?.parse::<u64>().ok();
    let (year, month, day) = (number(0..4)?, number(4..6)?, number(6..8)?);
    let time = number(9..11)? * 3600 + number(11..13)? * 60 + number(13..15)?;
    Some(SystemTime::UNIX_EPOCH + Duration::from_secs(days(year, month, day) * 86_400 + time))
}

/// Returns the days from 1970 to a date of the Gregorian calendar.
fn days(year: u64, month: u64, day: u64) -> u64 {
    let (year, month) = if month <= 2 { (year - 1, month + 9) } else { (year, month - 3) };
    year * 365 + year / 4 - year / 100 + year / 400 + (month * 153 + 2) / 5 + day - 1 - 719_468
}

/// The environment variables of a sidecar with its own volume.
#[derive(Debug)]
pub(crate) struct Environment {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) env: HashMap<&'static str, String>,
}

impl Environment {
    /// Creates an environment with AWS STS at `endpoint`.
    pub(crate) fn new(endpoint: &str) -> Self {
        let folder = volume();
        let path = |name: &str| folder.path().join(name).display().to_string();
        std::fs::write(path("web-identity"), PROJECTED_TOKEN).unwrap();
        let env = HashMap::from([
            (names::AWS_ROLE_ARN, ROLE.to_owned()),
            (names::AWS_ROLE_SESSION_NAME, "shop.nightly".to_owned()),
            (names::AWS_WEB_IDENTITY_TOKEN_FILE, path("web-identity")),
            (names::AWS_REGION, "eu-west-1".to_owned()),
            (names::AWS_ENDPOINT_URL_STS, endpoint.to_owned()),
            (names::AUDIENCE, AUDIENCE.to_owned()),
            (names::TOKEN_FILE, path("token")),
        ]);
        Self { folder, env }
    }

    pub(crate) fn set(&mut self, name: &'static str, value: impl Into<String>) {
        self.env.insert(name, value.into());
    }

    /// Writes `pem` to a file and sets `variable` to its path.
    pub(crate) fn trust(&mut self, variable: &'static str, pem: &str) {
        let path = self.folder.path().join("ca.crt");
        std::fs::write(&path, pem).unwrap();
        self.set(variable, path.display().to_string());
    }

    /// Returns the settings.
    pub(crate) fn settings(&self) -> Settings {
        let variable = |name: &str| self.env.get(name).map(OsString::from);
        Settings::read(&Env::new(&variable)).unwrap()
    }

    /// Requests a credential.
    pub(crate) async fn provide(&self, clock: Clock) -> Result<Credential, Error> {
        let variable = |name: &str| self.env.get(name).map(OsString::from);
        CredentialProvider::new(IdentitySettings::read(&Env::new(&variable)).unwrap(), clock).provide().await
    }

    /// Requests a session from AWS STS.
    pub(crate) async fn request_session(&self) -> Result<Session, Error> {
        match self.provide(Clock::system()).await? {
            Credential::Session(session) => Ok(session),
            Credential::Token(..) => panic!("expected a session"),
        }
    }
}
