//! The program itself, as the kubelet runs it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use rolebridge_core::env::sidecar as names;
use rolebridge_core::imds;
use rustix::fs::{CWD, FileType, Mode, mknodat};

use crate::fake_server::{CannedResponse, FakeServer};
use crate::support::{Environment, PROJECTED_TOKEN, SECRET_KEY, SESSION_TOKEN, signed_at};

/// Starts a fake AWS on its own thread, so that a test that waits for the program does not block it.
fn aws(response: CannedResponse) -> (tokio::runtime::Runtime, FakeServer) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let aws = runtime.block_on(FakeServer::tls(response));
    (runtime, aws)
}

fn trusting(aws: &FakeServer) -> Environment {
    let mut environment = Environment::new(&format!("https://{}", aws.address));
    environment.trust(names::AWS_CA_BUNDLE, &aws.ca);
    environment
}

fn command(environment: &Environment, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rolebridge-sidecar"));
    command.args(arguments).env_clear().envs(&environment.env);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn output(environment: &Environment, arguments: &[&str]) -> Output {
    command(environment, arguments).output().unwrap()
}

/// Returns the error output of `ready --wait`.
fn output_of_ready(environment: &Environment) -> String {
    text(&output(environment, &["ready", "--wait"]).stderr).to_owned()
}

/// Polls, as the kubelet does, until `condition` is true.
fn wait_until(description: &str, mut condition: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(30);
    while !condition() {
        assert!(Instant::now() < end, "timed out: {description}");
    }
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

/// Returns a port that is probably free.
fn port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn terminate(child: Child) -> Output {
    Command::new("kill").arg(child.id().to_string()).status().unwrap();
    child.wait_with_output().unwrap()
}

fn send(port: u16, method: &str, path: &str, headers: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let host = format!("Host: 127.0.0.1:{port}\r\n");
    let request = format!("{method} {path} HTTP/1.1\r\n{host}Connection: close\r\n{headers}\r\n");
    // In one write, because a segment of three bytes can get lost if the kernel responds with SYN cookies.
    stream.write_all(request.as_bytes()).unwrap();
    let mut response = String::new();
    stream.read_to_string(&mut response).unwrap();
    response
}

fn body(response: &str) -> &str {
    response.split_once("\r\n\r\n").unwrap().1
}

/// Runs from start to exit, at the most verbose log level, and checks that no output contains a secret.
#[test]
fn run_publishes_serves_and_exits_without_showing_a_secret() {
    let (_runtime, aws) = aws(CannedResponse::success());
    let mut environment = trusting(&aws);
    let (loopback_port, metrics_port) = (port(), port());
    environment.set(names::LOOPBACK_PORT, loopback_port.to_string());
    environment.set(names::METRICS_PORT, metrics_port.to_string());
    environment.set(names::LOG_LEVEL, "trace");
    assert_eq!(output(&environment, &["ready"]).status.code(), Some(1));
    let child = command(&environment, &["run"]).spawn().unwrap();
    let ready = output(&environment, &["ready", "--wait"]);
    assert_eq!(ready.status.code(), Some(0), "{}", text(&ready.stderr));

    let ttl = format!("{}: 60\r\n", imds::SESSION_TTL_HEADER);
    let session = send(loopback_port, "PUT", imds::SESSION_TOKEN_PATH, &ttl);
    let header = format!("{}: {}\r\n", imds::SESSION_TOKEN_HEADER, body(&session));
    let credentials = send(loopback_port, "GET", &format!("{}/batch", imds::CREDENTIALS_PATH), &header);
    assert!(
        credentials.contains(SECRET_KEY),
        "a published token means that credentials are served: {credentials}"
    );
    let token = std::fs::read_to_string(environment.folder.path().join("token")).unwrap();
    assert!(signed_at(&token).is_some());

    let metrics = send(metrics_port, "GET", "/metrics", "");
    assert!(metrics.contains("refreshes_total{step=\"renew\",outcome=\"ok\",reason=\"\"} 1"), "{metrics}");
    assert!(send(metrics_port, "GET", imds::CREDENTIALS_PATH, &header).starts_with("HTTP/1.1 404"));
    let status = std::fs::read_to_string(environment.folder.path().join("token.status.json")).unwrap();
    let exited = terminate(child);
    assert_eq!(exited.status.code(), Some(0));
    let log = text(&exited.stderr);
    assert!(
        log.contains("subject token published") && log.contains("received SIGTERM; shutting down"),
        "{log}"
    );
    let output_text =
        [log, &metrics, &status, text(&exited.stdout), text(&ready.stderr), text(&ready.stdout)].concat();
    let signature = token.split_once("Signature%3D").unwrap().1.split_once('%').unwrap().0;
    for secret in [SECRET_KEY, SESSION_TOKEN, PROJECTED_TOKEN, "marker-", signature, body(&session)] {
        assert!(!output_text.contains(secret), "{secret} is shown: {output_text}");
    }
    for line in log.lines() {
        serde_json::from_str::<serde_json::Value>(line).unwrap();
    }
}

/// Starts fake Google servers, and returns the environment that uses them.
fn with_google(
    runtime: &tokio::runtime::Runtime,
    aws: &FakeServer,
    sts: CannedResponse,
    iam: CannedResponse,
) -> (Environment, [FakeServer; 2]) {
    let google = runtime.block_on(async { [FakeServer::tls(sts).await, FakeServer::tls(iam).await] });
    let mut environment = trusting(aws);
    environment.trust(names::AWS_CA_BUNDLE, &format!("{}{}{}", aws.ca, google[0].ca, google[1].ca));
    environment.set(names::STS_ENDPOINT, format!("https://{}", google[0].address));
    environment.set(names::IAM_CREDENTIALS_ENDPOINT, format!("https://{}", google[1].address));
    (environment, google)
}

const FEDERATED: &str = "ya29.d.marker-federated";
const IMPERSONATED: &str = "ya29.c.marker-impersonated";

fn federated() -> CannedResponse {
    CannedResponse::json(&serde_json::json!({"access_token": FEDERATED, "expires_in": 3600}))
}

fn impersonated() -> CannedResponse {
    let expires = aws_smithy_types::DateTime::from(std::time::SystemTime::now() + Duration::from_hours(1));
    let expires = expires.fmt(aws_smithy_types::date_time::Format::DateTime).unwrap();
    CannedResponse::json(&serde_json::json!({"accessToken": IMPERSONATED, "expireTime": expires}))
}

const TOKEN: &str = "/computeMetadata/v1/instance/service-accounts/default/token";
const FLAVOR: &str = "Metadata-Flavor: Google\r\n";

/// Opens a thousand connections to a sidecar without a token.
#[test]
fn a_thousand_concurrent_requests_share_one_exchange_without_showing_a_secret() {
    let (runtime, aws) = aws(CannedResponse::success());
    let (mut environment, [sts, iam]) = with_google(&runtime, &aws, federated(), impersonated());
    let (port, metrics_port) = (port(), port());
    environment.set(names::LOOPBACK_PORT, port.to_string());
    environment.set(names::METRICS_PORT, metrics_port.to_string());
    environment.set(names::SERVE, "metadata");
    environment.set(names::SERVICE_ACCOUNT, "nightly-batch@shop.iam.gserviceaccount.com");
    environment.set(names::LOG_LEVEL, "trace");
    let child = command(&environment, &["run"]).spawn().unwrap();
    wait_until("the port is open", || TcpStream::connect(("127.0.0.1", port)).is_ok());
    let responses: Vec<_> = std::thread::scope(|scope| {
        let clients = (0..1000).map(|_| scope.spawn(|| send(port, "GET", TOKEN, FLAVOR)));
        let clients: Vec<_> = clients.collect();
        clients.into_iter().map(|client| client.join().unwrap()).collect()
    });
    for response in &responses {
        assert!(response.starts_with("HTTP/1.1 200 OK") && response.contains(IMPERSONATED), "{response}");
    }
    assert_eq!((sts.request_count(), iam.request_count()), (1, 1));
    let metrics = send(metrics_port, "GET", "/metrics", "");
    assert!(
        metrics.contains("google_tokens_total{token=\"access\",outcome=\"ok\",reason=\"\"} 1"),
        "{metrics}"
    );
    let exited = terminate(child);
    let output_text = [text(&exited.stderr), text(&exited.stdout), &metrics].concat();
    assert!(output_text.contains("Google issued a token"), "{output_text}");
    for secret in ["marker-", SECRET_KEY, SESSION_TOKEN, PROJECTED_TOKEN] {
        assert!(!output_text.contains(secret), "{secret} is shown: {output_text}");
    }
}

#[test]
fn error_of_google_is_reported_by_ready_by_the_server_and_in_the_log() {
    let (runtime, aws) = aws(CannedResponse::success());
    let rejection = CannedResponse::error(400, include_str!("google-errors/sts-attribute-condition.json"));
    let (mut environment, _google) = with_google(&runtime, &aws, rejection, impersonated());
    let port = port();
    environment.set(names::LOOPBACK_PORT, port.to_string());
    environment.set(names::SERVE, "loopback,metadata");
    let child = command(&environment, &["run"]).spawn().unwrap();
    let message = "unauthorized_client: The given credential is rejected by the attribute condition.";
    wait_until("ready fails and reports the error", || {
        let ready = output(&environment, &["ready"]);
        ready.status.code() == Some(1) && text(&ready.stderr).contains(message)
    });
    let response = send(port, "GET", TOKEN, FLAVOR);
    assert!(response.starts_with("HTTP/1.1 400 Bad Request"), "{response}");
    assert!(body(&response).starts_with("Google STS: ") && response.contains(message), "{response}");
    let ttl = format!("{}: 60\r\n", imds::SESSION_TTL_HEADER);
    assert!(
        send(port, "PUT", imds::SESSION_TOKEN_PATH, &ttl).starts_with("HTTP/1.1 200"),
        "both protocols are served"
    );
    let log = terminate(child).stderr;
    assert!(text(&log).contains(message) && text(&log).contains("\"reason\":\"condition-rejected\""));
}

#[test]
fn token_files_exist_when_ready_succeeds() {
    let (runtime, aws) = aws(CannedResponse::success());
    // {"exp":4102444800}
    let id_token = "eyJh.eyJleHAiOjQxMDI0NDQ4MDB9.bWFya2Vy";
    let iam = [impersonated(), CannedResponse::json(&serde_json::json!({"token": id_token}))];
    let sts = runtime.block_on(FakeServer::tls(federated()));
    let [access, id] = iam.map(|response| runtime.block_on(FakeServer::tls(response)));
    for (output, file, iam, token) in [
        ("access-token", "access-token", access, IMPERSONATED),
        ("id-token=https://a.example", "id-token", id, id_token),
    ] {
        let mut environment = trusting(&aws);
        environment.trust(names::AWS_CA_BUNDLE, &format!("{}{}{}", aws.ca, sts.ca, iam.ca));
        environment.set(names::STS_ENDPOINT, format!("https://{}", sts.address));
        environment.set(names::IAM_CREDENTIALS_ENDPOINT, format!("https://{}", iam.address));
        environment.set(names::SERVICE_ACCOUNT, "nightly-batch@shop.iam.gserviceaccount.com");
        environment.set(names::OUTPUTS, output);
        let child = command(&environment, &["run"]).spawn().unwrap();
        assert_eq!(output_of_ready(&environment), "");
        let file = environment.folder.path().join(file);
        assert_eq!(std::fs::read_to_string(file).unwrap(), token);
        let log = terminate(child).stderr;
        assert!(text(&log).contains("Google token published"), "{}", text(&log));
        assert!(!text(&log).contains(token));
    }
}

#[test]
fn failing_token_file_is_reported_by_ready_and_at_the_startup_timeout() {
    let (runtime, aws) = aws(CannedResponse::success());
    let rejection = CannedResponse::error(403, include_str!("google-errors/iam-denied.json"));
    let (mut environment, _google) = with_google(&runtime, &aws, federated(), rejection);
    environment.set(names::SERVICE_ACCOUNT, "nightly-batch@shop.iam.gserviceaccount.com");
    environment.set(names::OUTPUTS, "access-token");
    environment.set(names::STARTUP_TIMEOUT, "1");
    let exited = output(&environment, &["run"]);
    assert_eq!(exited.status.code(), Some(1));
    let message = "IAM Credentials: the pod's principal may not impersonate this service account";
    let log = text(&exited.stderr);
    assert!(log.contains(&format!("no token within the startup timeout of 1 s: {message}")), "{log}");
    let ready = output(&environment, &["ready"]);
    assert!(text(&ready.stderr).starts_with(message), "{}", text(&ready.stderr));
}

/// Uses the kubelet's token and Google, without AWS.
#[test]
fn kubernetes_identity_is_exchanged_without_aws() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let sts = runtime.block_on(FakeServer::tls(federated()));
    let mut environment = Environment::new("");
    for name in [names::AWS_ROLE_ARN, names::AWS_ROLE_SESSION_NAME, names::AWS_REGION] {
        environment.set(name, "");
    }
    // {"exp":4102444800}
    let token = "eyJh.eyJleHAiOjQxMDI0NDQ4MDB9.bWFya2Vy";
    let file = environment.folder.path().join("identity");
    std::fs::write(&file, token).unwrap();
    environment.set(names::IDENTITY, "kubernetes");
    environment.set(names::IDENTITY_TOKEN_FILE, file.display().to_string());
    environment.trust(names::SSL_CERT_FILE, &sts.ca);
    environment.set(names::STS_ENDPOINT, format!("https://{}", sts.address));
    let port = port();
    environment.set(names::LOOPBACK_PORT, port.to_string());
    environment.set(names::SERVE, "metadata");
    let child = command(&environment, &["run"]).spawn().unwrap();
    assert_eq!(output(&environment, &["ready", "--wait"]).status.code(), Some(0));
    assert_eq!(sts.request_count(), 1, "the token was requested before the app starts");
    let response = send(port, "GET", TOKEN, FLAVOR);
    assert!(response.contains(FEDERATED), "{response}");
    let zone = send(port, "GET", "/computeMetadata/v1/instance/zone", FLAVOR);
    assert!(zone.starts_with("HTTP/1.1 404"), "there is no AWS region: {zone}");
    let request = sts.requests.lock().unwrap().pop().unwrap();
    let kind = "subject_token_type=urn%3Aietf%3Aparams%3Aoauth%3Atoken%2Dtype%3Ajwt";
    assert!(request.contains(kind) && request.contains("subject_token=eyJh%2E"), "{request}");
    let log = terminate(child).stderr;
    assert!(text(&log).contains("obtained a new JSON web token"), "{}", text(&log));
    assert!(!text(&log).contains(token));
    assert_eq!(text(&output(&environment, &["token"]).stdout), token);
}

#[test]
fn permanent_error_is_reported_by_ready_in_the_log_and_at_the_startup_timeout() {
    let (_runtime, aws) = aws(CannedResponse::error(403, include_str!("aws-errors/access-denied.xml")));
    let mut environment = trusting(&aws);
    environment.set(names::STARTUP_TIMEOUT, "1");
    let exited = output(&environment, &["run"]);
    assert_eq!(exited.status.code(), Some(1));
    let message = "AWS STS: the role does not trust this pod's service account, or there is no such role";
    let log = text(&exited.stderr);
    assert!(log.contains(&format!("no token within the startup timeout of 1 s: {message}")), "{log}");
    assert!(log.contains("\"level\":\"ERROR\"") && log.contains("\"reason\":\"access-denied\""), "{log}");
    let ready = output(&environment, &["ready"]);
    assert_eq!(ready.status.code(), Some(1));
    let fix = "check the role's ARN";
    assert!(log.contains(&format!("\"remediation\":\"{fix}")) && !log.contains("Fix: "), "{log}");
    let ready = text(&ready.stderr);
    assert!(ready.starts_with(message) && ready.contains(&format!(". Fix: {fix}")), "{ready}");
    assert_eq!(aws.request_count(), 1, "a permanent error is retried slowly");
}

#[test]
fn token_writes_one_token_only() {
    let (_runtime, aws) = aws(CannedResponse::success());
    let output = output(&trusting(&aws), &["token"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(signed_at(text(&output.stdout)).is_some());
    assert!(!text(&output.stdout).ends_with('\n'));
}

#[test]
fn invalid_arguments_ports_and_settings_are_reported_at_the_start() {
    let (_runtime, aws) = aws(CannedResponse::success());
    let mut environment = trusting(&aws);
    let usage = output(&environment, &["serve"]);
    assert_eq!(usage.status.code(), Some(2));
    assert!(text(&usage.stderr).contains("Usage: rolebridge-sidecar COMMAND"));

    let occupied = TcpListener::bind("127.0.0.1:0").unwrap();
    environment.set(names::LOOPBACK_PORT, occupied.local_addr().unwrap().port().to_string());
    let port_in_use = output(&environment, &["run"]);
    assert_eq!(port_in_use.status.code(), Some(1));
    assert!(text(&port_in_use.stderr).contains("choose a free one with the annotation rolebridge.io/port"));

    environment.set(names::AWS_REGION, "");
    let setting = output(&environment, &["run"]);
    assert_eq!(setting.status.code(), Some(1));
    let log = text(&setting.stderr);
    assert!(
        log.starts_with("AWS_REGION: expected an AWS region") && log.contains(", found no value"),
        "{log}"
    );
    assert_eq!(aws.request_count(), 0);
}

/// A FIFO has no writer, and would block the only thread of the program for ever.
#[test]
fn fifo_in_the_place_of_a_file_delays_neither_the_report_nor_the_exit() {
    for variable in [names::AWS_WEB_IDENTITY_TOKEN_FILE, names::AWS_CA_BUNDLE, names::TOKEN_FILE] {
        let (_runtime, aws) = aws(CannedResponse::success());
        let environment = trusting(&aws);
        let path = std::path::Path::new(&environment.env[variable]);
        let paths = [path.to_owned(), path.with_extension("status.json"), path.with_added_extension("new")];
        for path in paths {
            let _ = std::fs::remove_file(&path);
            mknodat(CWD, &path, FileType::Fifo, Mode::from_raw_mode(0o666), 0).unwrap();
        }
        let mut child = command(&environment, &["run"]).spawn().unwrap();
        let log = child.stderr.take().unwrap();
        let mut lines = BufReader::new(log).lines().map(Result::unwrap);
        let expected = if variable == names::TOKEN_FILE { "published" } else { "found a FIFO" };
        assert!(lines.any(|line| line.contains(expected)), "{variable}");
        let exited = terminate(child);
        assert_eq!(exited.status.code(), Some(0), "{variable}");
    }
}

/// A missing folder fails like a full volume: neither file can be written.
#[test]
fn volume_that_cannot_be_written_is_logged_once_per_attempt() {
    let (runtime, aws) = aws(CannedResponse::success());
    let (mut environment, _google) = with_google(&runtime, &aws, federated(), impersonated());
    let token_file = environment.folder.path().join("missing/token").display().to_string();
    environment.set(names::TOKEN_FILE, token_file);
    environment.set(names::OUTPUTS, "access-token");
    let mut child = command(&environment, &["run"]).spawn().unwrap();
    let lines = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
    let errors: Vec<_> = lines.filter(|line| line.contains("failed to")).take(6).collect();
    assert!(errors.iter().any(|error| error.contains("missing/access-token")), "{errors:#?}");
    for error in &errors {
        assert!(
            error.contains("\"reason\":\"write-failed\"") && error.contains("retry_in_seconds"),
            "{errors:#?}"
        );
    }
    assert_eq!(terminate(child).status.code(), Some(0));
}
