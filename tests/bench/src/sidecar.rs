//! The idle sidecar: started as in a pod, against a fake AWS over TLS.

use std::path::Path;
use std::time::{Duration, Instant};

use rolebridge_core::aws::TOKEN_AUDIENCE;
use rolebridge_core::env::sidecar as name;
use rolebridge_core::google;
use rolebridge_fake_clouds::config::{
    Account, Aws, Binding, Config, Google, Issuer, Keys, OidcProvider, Provider, Role, ServiceAccount,
};
use rolebridge_fake_clouds::{Clouds, ProjectedToken};
use rolebridge_tests::ports::free_address;
use rolebridge_tests::process::Process;
use serde_json::json;
use tempfile::TempDir;
use tokio::process::Command;

use crate::error::Error;
use crate::table::{Limit, Row};
use crate::{machine, peers};

const ISSUER: &str = "https://oidc.eks.eu-west-1.amazonaws.com/id/BENCH";
const ACCOUNT: &str = "111122223333";
const SUBJECT: (&str, &str) = ("shop", "batch");
const PROVIDER: &str = "projects/1/locations/global/workloadIdentityPools/aws-pool/providers/prod";
const SERVICE_ACCOUNT: &str = "bench@shop.iam.gserviceaccount.com";
const SETTLE_TIME: Duration = Duration::from_secs(5);
const IDLE_TIME: Duration = Duration::from_mins(1);

/// A sidecar that has its first token.
pub(crate) struct RunningSidecar {
    process: Process,
    _clouds: Clouds,
    _dir: TempDir,
    /// The time from the start of the process to the first token.
    first_token: Duration,
    /// The duration of one call to the same AWS STS, connection included.
    round_trip: Duration,
    /// The CPU time at the beginning of the idle period, and the time of the measurement.
    settled: (Duration, Instant),
}

impl RunningSidecar {
    /// Starts the clouds and the sidecar, and waits until the sidecar is idle.
    ///
    /// # Errors
    /// Returns an error if the sidecar has no token within the time limit.
    pub(crate) async fn start(program: &Path) -> Result<Self, Error> {
        let clouds = Clouds::start(config()).await?;
        let dir = tempfile::tempdir()?;
        let token = dir.path().join("token");
        let command = command(program, &clouds, dir.path())?;
        let round_trip = round_trip(&clouds).await?;
        let start = Instant::now();
        let process = Process::start("rolebridge-sidecar", command)?;
        wait_for(&token, &process).await?;
        let first_token = start.elapsed();
        wait_for(&dir.path().join("access-token"), &process).await?;
        tokio::time::sleep(SETTLE_TIME).await;
        let settled = (machine::cpu_time(pid(&process)?)?, Instant::now());
        Ok(Self { process, _clouds: clouds, _dir: dir, first_token, round_trip, settled })
    }

    /// Measures the sidecar after a minute of idle time.
    ///
    /// # Errors
    /// Returns an error if the sidecar has exited.
    pub(crate) async fn rows(self) -> Result<Vec<Row>, Error> {
        let (cpu_before, since) = self.settled;
        tokio::time::sleep(IDLE_TIME.saturating_sub(since.elapsed())).await;
        let pid = pid(&self.process)?;
        let minutes = since.elapsed().as_secs_f64() / 60.0;
        let cpu_ms = (machine::cpu_time(pid)?.saturating_sub(cpu_before)).as_secs_f64() * 1e3 / minutes;
        let beyond_round_trip = self.first_token.saturating_sub(self.round_trip).as_secs_f64() * 1e3;
        Ok(vec![
            Row::new(
                "sidecar: resident memory with Google tokens, all sources and metrics on",
                machine::resident_mib(pid)?,
                "MiB",
            )
            .budget(Limit::AtMost(8.0))
            .goal(Limit::AtMost(5.0))
            .peers(peers::SIDECAR_AT_REST),
            Row::new(
                "sidecar: part of that memory that is no page of the program",
                machine::anonymous_mib(pid)?,
                "MiB",
            )
            .goal(Limit::AtMost(3.0))
            .peers(peers::SIDECAR_ANONYMOUS),
            Row::new("sidecar: CPU time per idle minute", cpu_ms, "ms").budget(Limit::AtMost(1.0)),
            Row::new("sidecar: time to first token, minus a round trip to AWS STS", beyond_round_trip, "ms")
                .budget(Limit::AtMost(10.0)),
        ])
    }
}

async fn wait_for(file: &Path, process: &Process) -> Result<(), Error> {
    let start = Instant::now();
    while !file.exists() {
        if start.elapsed() > Duration::from_secs(20) {
            return Err(format!("timed out waiting for {}: {}", file.display(), process.log().text()).into());
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    Ok(())
}

fn pid(process: &Process) -> Result<u32, Error> {
    process.id().ok_or_else(|| "the sidecar has exited".into())
}

fn config() -> Config {
    let trust = json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Effect": "Allow",
            "Principal": {"Federated": format!("arn:aws:iam::{ACCOUNT}:oidc-provider/{}", &ISSUER["https://".len()..])},
            "Action": "sts:AssumeRoleWithWebIdentity",
        }],
    });
    let role = Role {
        name: "bench".into(),
        path: "/".into(),
        trust_policy: trust,
        policies: vec![],
        max_session_seconds: 3600,
        session_seconds: None,
    };
    let provider =
        OidcProvider { url: ISSUER.into(), client_ids: vec![TOKEN_AUDIENCE.into()], thumbprints: Vec::new() };
    let account = Account {
        id: ACCOUNT.into(),
        partition: "aws".into(),
        sts_activated: true,
        outbound_issuer: None,
        oidc_providers: vec![provider],
        roles: vec![role],
    };
    Config {
        issuers: vec![Issuer { url: ISSUER.into(), keys: Keys::Generated, thumbprint: None }],
        aws: Aws { accounts: vec![account], ..Aws::default() },
        google: google_config(),
        ..Config::default()
    }
}

/// Returns a Google configuration with a service account that the whole pool may impersonate.
fn google_config() -> Google {
    let provider = Provider {
        name: PROVIDER.into(),
        aws_account: Some(ACCOUNT.into()),
        oidc: None,
        attribute_mapping: None,
        attribute_condition: None,
        disabled: false,
        token_seconds: None,
    };
    let pool =
        "principalSet://iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/aws-pool/*";
    let binding = Binding { role: "roles/iam.workloadIdentityUser".into(), members: vec![pool.into()] };
    let account = ServiceAccount {
        email: SERVICE_ACCOUNT.into(),
        bindings: vec![binding],
        max_token_seconds: 3600,
        token_seconds: None,
    };
    Google { providers: vec![provider], service_accounts: vec![account], ..Google::default() }
}

fn command(program: &Path, clouds: &Clouds, dir: &Path) -> Result<Command, Error> {
    let issuer = clouds.issuer(ISSUER).ok_or("issuer not found")?;
    let claims = ProjectedToken {
        namespace: SUBJECT.0,
        service_account: SUBJECT.1,
        audiences: &[TOKEN_AUDIENCE],
        lifetime: 86_400,
        pod: Some("bench"),
    };
    let token = issuer.mint(&claims, clouds.aws_clock().now()).ok_or("the issuer has no private key")?;
    std::fs::write(dir.join("aws-token"), token)?;
    std::fs::write(dir.join("ca.crt"), clouds.ca_pem())?;
    let mut command = Command::new(program);
    command
        .env_clear()
        .arg("run")
        .env(name::AWS_ROLE_ARN, format!("arn:aws:iam::{ACCOUNT}:role/bench"))
        .env(name::AWS_ROLE_SESSION_NAME, format!("{}.{}", SUBJECT.0, SUBJECT.1))
        .env(name::AWS_WEB_IDENTITY_TOKEN_FILE, dir.join("aws-token"))
        .env(name::AWS_REGION, "eu-west-1")
        .env(name::AWS_ENDPOINT_URL_STS, clouds.aws_sts())
        .env(name::AWS_CA_BUNDLE, dir.join("ca.crt"))
        .env(name::AUDIENCE, google::audience(PROVIDER))
        .env(name::SERVICE_ACCOUNT, SERVICE_ACCOUNT)
        .env(name::STS_ENDPOINT, clouds.google_sts())
        .env(name::IAM_CREDENTIALS_ENDPOINT, clouds.iam_credentials())
        .env(name::OUTPUTS, "access-token")
        .env(name::SERVE, "loopback,metadata")
        .env(name::TOKEN_FILE, dir.join("token"))
        .env(name::LOOPBACK_PORT, free_address()?.port().to_string())
        .env(name::METRICS_PORT, free_address()?.port().to_string());
    Ok(command)
}

/// Measures a request to the same server on a new connection.
async fn round_trip(clouds: &Clouds) -> Result<Duration, Error> {
    let authority = reqwest::Certificate::from_pem(clouds.ca_pem().as_bytes())?;
    let start = Instant::now();
    // AWS redirects a request without an action to a web page, which does not belong to the round trip.
    let redirect = reqwest::redirect::Policy::none();
    let client =
        reqwest::Client::builder().tls_certs_only([authority]).no_proxy().redirect(redirect).build()?;
    client.post(clouds.aws_sts()).send().await?;
    Ok(start.elapsed())
}
