//! The programs that read tokens, from each source. Each expects a good token whenever the clouds issue one.

use std::path::PathBuf;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use http_body_util::BodyExt;
use rolebridge_core::imds::{CREDENTIALS_PATH, SESSION_TOKEN_HEADER, SESSION_TOKEN_PATH, SESSION_TTL_HEADER};
use serde_json::Value;
use tokio::time::sleep;
use tower::ServiceExt;

use super::clouds::{SimulatedGoogle, subject_error, until};
use super::scenario::DAY;
use super::{Kind, World};
use crate::schedule::RESIGN_INTERVAL;
use crate::token_cache::TokenCache;

/// The longest wait after an error, and the longest call after it.
const MAX_RECOVERY: Duration = Duration::from_secs(5 * 60 + 15);
/// The time in which the sidecar notices that the clock was set, and calls AWS.
const CLOCK_RECOVERY: Duration = RESIGN_INTERVAL.saturating_add(Duration::from_secs(2));
const ACCOUNT: &str = "/computeMetadata/v1/instance/service-accounts/default";

/// A place from which programs read tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source {
    File,
    Loopback,
    MetadataAccess,
    MetadataId,
    OutputAccess,
    OutputId,
}

/// All readers of one sidecar.
pub(super) struct Readers {
    pub(super) world: World,
    pub(super) file: PathBuf,
    pub(super) routes: Router,
    pub(super) tokens: TokenCache<SimulatedGoogle>,
}

impl Readers {
    /// Reads from all sources for a day, at intervals that meet each phase of the sidecar.
    pub(super) async fn run(&self) {
        let seconds = Duration::from_secs;
        tokio::join!(
            self.read_repeatedly(Source::File, seconds(29)),
            self.read_repeatedly(Source::Loopback, seconds(61)),
            self.read_repeatedly(Source::MetadataAccess, seconds(53)),
            self.read_repeatedly(Source::MetadataId, seconds(181)),
            self.read_repeatedly(Source::OutputAccess, seconds(67)),
            self.read_repeatedly(Source::OutputId, seconds(71)),
            self.request_many_audiences(),
        );
    }

    async fn read_repeatedly(&self, source: Source, interval: Duration) {
        let is_served = match source {
            Source::Loopback => self.world.day.kind == Kind::AwsRole,
            Source::MetadataId | Source::OutputId => self.world.day.impersonates,
            _ => true,
        };
        // The first token needs a call to each cloud.
        sleep(Duration::from_secs(1)).await;
        while is_served && self.world.elapsed() < DAY {
            let result = self.read(source).await;
            assert!(
                result.is_ok() || self.may_fail(source),
                "{:?}: {source:?} at {:?}: {result:?}",
                self.world.day,
                self.world.elapsed()
            );
            sleep(interval).await;
        }
    }

    /// Returns true if a cloud that the source needs, or the node's clock, has failed not long ago.
    fn may_fail(&self, source: Source) -> bool {
        let (scenario, now) = (&self.world.scenario, self.world.elapsed());
        let needs_google = !matches!(source, Source::File | Source::Loopback);
        !scenario.aws.none_within(MAX_RECOVERY, now)
            || (needs_google && !scenario.google.none_within(MAX_RECOVERY, now))
            || !scenario.no_step_within(CLOCK_RECOVERY, now)
    }

    async fn read(&self, source: Source) -> Result<(), String> {
        let read = |file: &str| {
            std::fs::read_to_string(self.file.with_file_name(file)).map_err(|error| error.to_string())
        };
        let token = match source {
            Source::File => {
                let error = subject_error(&read("token")?, self.world.now());
                return error.map_or(Ok(()), |error| Err(error.to_string()));
            }
            Source::Loopback => return self.read_session().await,
            Source::MetadataAccess => {
                let body = self.get(&format!("{ACCOUNT}/token"), ("metadata-flavor", "Google")).await?;
                let body: Value = serde_json::from_str(&body).unwrap();
                body["access_token"].as_str().unwrap().to_owned()
            }
            Source::MetadataId => self.id_token("https://app.example").await?,
            Source::OutputAccess => read("access-token")?,
            Source::OutputId => read("id-token")?,
        };
        if until(&token).unwrap() > self.world.now() { Ok(()) } else { Err(format!("expired: {token}")) }
    }

    async fn id_token(&self, audience: &str) -> Result<String, String> {
        let path = format!("{ACCOUNT}/identity?audience={audience}");
        self.get(&path, ("metadata-flavor", "Google")).await
    }

    /// Reads the session from the metadata service of EC2.
    async fn read_session(&self) -> Result<(), String> {
        let session = self.send("PUT", SESSION_TOKEN_PATH, (SESSION_TTL_HEADER, "60")).await?;
        let path = format!("{CREDENTIALS_PATH}/batch");
        let body = self.get(&path, (SESSION_TOKEN_HEADER, &session)).await?;
        let body: Value = serde_json::from_str(&body).unwrap();
        let token = body["Token"].as_str().unwrap();
        if until(token).unwrap() > self.world.now() { Ok(()) } else { Err(format!("expired: {token}")) }
    }

    /// Requests ID tokens for more audiences than the cache holds. Their requests may fail.
    async fn request_many_audiences(&self) {
        let mut number = 0_u64;
        while self.world.elapsed() < DAY {
            let _ = self.id_token(&format!("https://other.example/{}", number % 200)).await;
            assert!(self.tokens.len() <= crate::token_cache::MAX_TOKENS);
            number += 7;
            sleep(Duration::from_secs(59)).await;
        }
    }

    async fn get(&self, path: &str, header: (&str, &str)) -> Result<String, String> {
        self.send("GET", path, header).await
    }

    async fn send(&self, method: &str, path: &str, (name, value): (&str, &str)) -> Result<String, String> {
        let request = Request::builder().method(method).uri(path);
        let request = request.header("host", "127.0.0.1:15080").header(name, value);
        let response = self.routes.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        let status = response.status();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        let text = String::from_utf8(body.to_vec()).unwrap();
        if status == StatusCode::OK { Ok(text) } else { Err(format!("{status}: {text}")) }
    }
}
