//! What several of these tests need.

use std::collections::HashMap;
use std::ffi::OsString;
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use percent_encoding::percent_decode_str;
use rolebridge_core::env::sidecar as names;
use rolebridge_sidecar::clock::Clock;
use rolebridge_sidecar::credentials::Session;
use rolebridge_sidecar::fault::Fault;
use rolebridge_sidecar::proof::{Proof, Prove, Prover};
use rolebridge_sidecar::schedule::Life;
use rolebridge_sidecar::settings::{Identity, Settings, Variables};

/// A provider's.
pub(crate) const AUDIENCE: &str =
    "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/aws/providers/prod";
/// A role's.
pub(crate) const ROLE: &str = "arn:aws:iam::123456789012:role/batch";
/// Has the shape of one.
pub(crate) const PROJECTED_TOKEN: &str = "eyJhbGciOiJSUzI1NiJ9.marker-projected-token.c2lnbmF0dXJl";
/// Nothing may ever show these.
pub(crate) const SECRET_KEY: &str = "marker-secret-key";
/// As [`SECRET_KEY`].
pub(crate) const SESSION_TOKEN: &str = "marker-session-token";

/// A folder for a token: in memory, as the pod's volume is, where the machine has such a place.
pub(crate) fn volume() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

/// A session of that life.
pub(crate) fn session(life: Life) -> Session {
    let (secret, token) = (SECRET_KEY, Some(SESSION_TOKEN.to_owned()));
    let credentials = Credentials::new("ASIAMARKER", secret, token, Some(life.expires), "test");
    Session { credentials, life }
}

/// When a subject token was signed; `None` if it is not a whole one.
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

/// Days from 1970 to a date of the Gregorian calendar.
fn days(year: u64, month: u64, day: u64) -> u64 {
    let (year, month) = if month <= 2 { (year - 1, month + 9) } else { (year, month - 3) };
    year * 365 + year / 4 - year / 100 + year / 400 + (month * 153 + 2) / 5 + day - 1 - 719_468
}

/// Variables of a sidecar with a volume of its own.
#[derive(Debug)]
pub(crate) struct Environment {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) variables: HashMap<&'static str, String>,
}

impl Environment {
    /// One whose AWS STS is at `endpoint`.
    pub(crate) fn new(endpoint: &str) -> Self {
        let folder = volume();
        let path = |name: &str| folder.path().join(name).display().to_string();
        std::fs::write(path("web-identity"), PROJECTED_TOKEN).unwrap();
        let variables = HashMap::from([
            (names::AWS_ROLE_ARN, ROLE.to_owned()),
            (names::AWS_ROLE_SESSION_NAME, "shop.nightly".to_owned()),
            (names::AWS_WEB_IDENTITY_TOKEN_FILE, path("web-identity")),
            (names::AWS_REGION, "eu-west-1".to_owned()),
            (names::AWS_ENDPOINT_URL_STS, endpoint.to_owned()),
            (names::AUDIENCE, AUDIENCE.to_owned()),
            (names::TOKEN_FILE, path("token")),
        ]);
        Self { folder, variables }
    }

    pub(crate) fn set(&mut self, name: &'static str, value: impl Into<String>) {
        self.variables.insert(name, value.into());
    }

    /// Writes `pem` to a file and names it in `variable`.
    pub(crate) fn trust(&mut self, variable: &'static str, pem: &str) {
        let path = self.folder.path().join("ca.crt");
        std::fs::write(&path, pem).unwrap();
        self.set(variable, path.display().to_string());
    }

    /// What these variables say.
    pub(crate) fn settings(&self) -> Settings {
        let variable = |name: &str| self.variables.get(name).map(OsString::from);
        Settings::read(&Variables::new(&variable)).unwrap()
    }

    /// Proves the pod's identity once.
    pub(crate) async fn prove(&self, clock: Clock) -> Result<Proof, Fault> {
        let variable = |name: &str| self.variables.get(name).map(OsString::from);
        Prover::new(Identity::read(&Variables::new(&variable)).unwrap(), clock).prove().await
    }

    /// Asks AWS STS once, for a session.
    pub(crate) async fn ask(&self) -> Result<Session, Fault> {
        match self.prove(Clock::system()).await? {
            Proof::Session(session) => Ok(session),
            Proof::Token(..) => panic!("these variables ask for a session"),
        }
    }
}
