//! The program itself, as the kubelet runs it.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use rolebridge_core::env::sidecar as names;
use rolebridge_core::imds;

use crate::stand_in::{Answer, StandIn};
use crate::support::{Environment, PROJECTED_TOKEN, SECRET_KEY, SESSION_TOKEN, signed_at};

/// A stand-in has its own threads: what waits for the program must not hold it up.
fn aws(answer: Answer) -> (tokio::runtime::Runtime, StandIn) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let aws = runtime.block_on(StandIn::tls(answer));
    (runtime, aws)
}

fn trusting(aws: &StandIn) -> Environment {
    let mut environment = Environment::new(&format!("https://{}", aws.address));
    environment.trust(names::AWS_CA_BUNDLE, &aws.ca);
    environment
}

fn command(environment: &Environment, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rolebridge-sidecar"));
    command.args(arguments).env_clear().envs(&environment.variables);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn output(environment: &Environment, arguments: &[&str]) -> Output {
    command(environment, arguments).output().unwrap()
}

/// What `ready --wait` complains of.
fn output_of_ready(environment: &Environment) -> String {
    text(&output(environment, &["ready", "--wait"]).stderr).to_owned()
}

/// Asks again and again, as the kubelet does, for as long as anything may take.
fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(30);
    while !is_so() {
        assert!(Instant::now() < end, "in vain: {what}");
    }
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

/// A port that was free a moment ago.
fn port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn terminate(child: Child) -> Output {
    Command::new("kill").arg(child.id().to_string()).status().unwrap();
    child.wait_with_output().unwrap()
}

fn ask(port: u16, method: &str, path: &str, headers: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let host = format!("Host: 127.0.0.1:{port}\r\n");
    let request = format!("{method} {path} HTTP/1.1\r\n{host}Connection: close\r\n{headers}\r\n");
    // In one write: a piece of three bytes alone can get lost where the kernel answers with SYN cookies.
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

fn body(answer: &str) -> &str {
    answer.split_once("\r\n\r\n").unwrap().1
}

/// From the start to the end, at the level that shows the most; nothing that it says holds a secret.
#[test]
fn a_whole_life_and_no_secret_in_what_it_says() {
    let (_runtime, aws) = aws(Answer::good());
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
    let session = ask(loopback_port, "PUT", imds::SESSION_TOKEN_PATH, &ttl);
    let header = format!("{}: {}\r\n", imds::SESSION_TOKEN_HEADER, body(&session));
    let credentials = ask(loopback_port, "GET", &format!("{}/batch", imds::CREDENTIALS_PATH), &header);
    assert!(credentials.contains(SECRET_KEY), "a good file means that all is served: {credentials}");
    let token = std::fs::read_to_string(environment.folder.path().join("token")).unwrap();
    assert!(signed_at(&token).is_some());

    let metrics = ask(metrics_port, "GET", "/metrics", "");
    assert!(metrics.contains("refreshes_total{step=\"renew\",outcome=\"ok\",reason=\"\"} 1"), "{metrics}");
    assert!(ask(metrics_port, "GET", imds::CREDENTIALS_PATH, &header).starts_with("HTTP/1.1 404"));
    let state = std::fs::read_to_string(environment.folder.path().join("token.state.json")).unwrap();
    let ended = terminate(child);
    assert_eq!(ended.status.code(), Some(0));
    let log = text(&ended.stderr);
    assert!(log.contains("a token is published") && log.contains("told to stop"), "{log}");
    let said =
        [log, &metrics, &state, text(&ended.stdout), text(&ready.stderr), text(&ready.stdout)].concat();
    let signature = token.split_once("Signature%3D").unwrap().1.split_once('%').unwrap().0;
    for secret in [SECRET_KEY, SESSION_TOKEN, PROJECTED_TOKEN, "marker-", signature, body(&session)] {
        assert!(!said.contains(secret), "{secret} is shown: {said}");
    }
    for line in log.lines() {
        serde_json::from_str::<serde_json::Value>(line).unwrap();
    }
}

/// Stand-ins for Google that trust nobody less, and the variables for them.
fn with_google(
    runtime: &tokio::runtime::Runtime,
    aws: &StandIn,
    sts: Answer,
    iam: Answer,
) -> (Environment, [StandIn; 2]) {
    let google = runtime.block_on(async { [StandIn::tls(sts).await, StandIn::tls(iam).await] });
    let mut environment = trusting(aws);
    environment.trust(names::AWS_CA_BUNDLE, &format!("{}{}{}", aws.ca, google[0].ca, google[1].ca));
    environment.set(names::STS_ENDPOINT, format!("https://{}", google[0].address));
    environment.set(names::IAM_CREDENTIALS_ENDPOINT, format!("https://{}", google[1].address));
    (environment, google)
}

const FEDERATED: &str = "ya29.d.marker-federated";
const IMPERSONATED: &str = "ya29.c.marker-impersonated";

fn federated() -> Answer {
    Answer::json(&serde_json::json!({"access_token": FEDERATED, "expires_in": 3600}))
}

fn impersonated() -> Answer {
    let expires = aws_smithy_types::DateTime::from(std::time::SystemTime::now() + Duration::from_hours(1));
    let expires = expires.fmt(aws_smithy_types::date_time::Format::DateTime).unwrap();
    Answer::json(&serde_json::json!({"accessToken": IMPERSONATED, "expireTime": expires}))
}

const TOKEN: &str = "/computeMetadata/v1/instance/service-accounts/default/token";
const FLAVOR: &str = "Metadata-Flavor: Google\r\n";

/// A thousand connections at once, at a sidecar that has no token yet.
#[test]
fn a_thousand_requests_at_once_are_one_exchange_and_no_secret_is_shown() {
    let (runtime, aws) = aws(Answer::good());
    let (mut environment, [sts, iam]) = with_google(&runtime, &aws, federated(), impersonated());
    let (port, metrics_port) = (port(), port());
    environment.set(names::LOOPBACK_PORT, port.to_string());
    environment.set(names::METRICS_PORT, metrics_port.to_string());
    environment.set(names::SERVE, "metadata");
    environment.set(names::SERVICE_ACCOUNT, "batch@shop.iam.gserviceaccount.com");
    environment.set(names::LOG_LEVEL, "trace");
    let child = command(&environment, &["run"]).spawn().unwrap();
    until("it listens", || TcpStream::connect(("127.0.0.1", port)).is_ok());
    let asked: Vec<_> = std::thread::scope(|scope| {
        let asking = (0..1000).map(|_| scope.spawn(|| ask(port, "GET", TOKEN, FLAVOR)));
        let asking: Vec<_> = asking.collect();
        asking.into_iter().map(|one| one.join().unwrap()).collect()
    });
    for answer in &asked {
        assert!(answer.starts_with("HTTP/1.1 200 OK") && answer.contains(IMPERSONATED), "{answer}");
    }
    assert_eq!((sts.asked(), iam.asked()), (1, 1));
    let metrics = ask(metrics_port, "GET", "/metrics", "");
    assert!(
        metrics.contains("google_tokens_total{token=\"access\",outcome=\"ok\",reason=\"\"} 1"),
        "{metrics}"
    );
    let ended = terminate(child);
    let said = [text(&ended.stderr), text(&ended.stdout), &metrics].concat();
    assert!(said.contains("Google gave a token"), "{said}");
    for secret in ["marker-", SECRET_KEY, SESSION_TOKEN, PROJECTED_TOKEN] {
        assert!(!said.contains(secret), "{secret} is shown: {said}");
    }
}

#[test]
fn google_s_refusal_is_said_by_ready_in_the_app_s_answer_and_in_the_log() {
    let (runtime, aws) = aws(Answer::good());
    let refusal = Answer::refusal(400, include_str!("google-errors/sts-attribute-condition.json"));
    let (mut environment, _google) = with_google(&runtime, &aws, refusal, impersonated());
    let port = port();
    environment.set(names::LOOPBACK_PORT, port.to_string());
    environment.set(names::SERVE, "loopback,metadata");
    let child = command(&environment, &["run"]).spawn().unwrap();
    let words = "unauthorized_client: The given credential is rejected by the attribute condition.";
    until("an app does not start without its first token, and its pod's events say why", || {
        let ready = output(&environment, &["ready"]);
        ready.status.code() == Some(1) && text(&ready.stderr).contains(words)
    });
    let answer = ask(port, "GET", TOKEN, FLAVOR);
    assert!(answer.starts_with("HTTP/1.1 400 Bad Request"), "{answer}");
    assert!(body(&answer).starts_with("Google STS: ") && answer.contains(words), "{answer}");
    let ttl = format!("{}: 60\r\n", imds::SESSION_TTL_HEADER);
    assert!(ask(port, "PUT", imds::SESSION_TOKEN_PATH, &ttl).starts_with("HTTP/1.1 200"), "both are served");
    let log = terminate(child).stderr;
    assert!(text(&log).contains(words) && text(&log).contains("\"reason\":\"condition-rejected\""));
}

#[test]
fn further_files_are_there_before_the_app_starts() {
    let (runtime, aws) = aws(Answer::good());
    // {"exp":4102444800}
    let id_token = "eyJh.eyJleHAiOjQxMDI0NDQ4MDB9.bWFya2Vy";
    let iam = [impersonated(), Answer::json(&serde_json::json!({"token": id_token}))];
    let sts = runtime.block_on(StandIn::tls(federated()));
    let [access, id] = iam.map(|answer| runtime.block_on(StandIn::tls(answer)));
    for (output, file, iam, token) in [
        ("access-token", "access-token", access, IMPERSONATED),
        ("id-token=https://a.example", "id-token", id, id_token),
    ] {
        let mut environment = trusting(&aws);
        environment.trust(names::AWS_CA_BUNDLE, &format!("{}{}{}", aws.ca, sts.ca, iam.ca));
        environment.set(names::STS_ENDPOINT, format!("https://{}", sts.address));
        environment.set(names::IAM_CREDENTIALS_ENDPOINT, format!("https://{}", iam.address));
        environment.set(names::SERVICE_ACCOUNT, "batch@shop.iam.gserviceaccount.com");
        environment.set(names::OUTPUTS, output);
        let child = command(&environment, &["run"]).spawn().unwrap();
        assert_eq!(output_of_ready(&environment), "");
        let file = environment.folder.path().join(file);
        assert_eq!(std::fs::read_to_string(file).unwrap(), token);
        let log = terminate(child).stderr;
        assert!(text(&log).contains("a token of Google's is published"), "{}", text(&log));
        assert!(!text(&log).contains(token));
    }
}

#[test]
fn an_output_that_google_refuses_is_said_by_ready_and_at_the_startup_timeout() {
    let (runtime, aws) = aws(Answer::good());
    let refusal = Answer::refusal(403, include_str!("google-errors/iam-denied.json"));
    let (mut environment, _google) = with_google(&runtime, &aws, federated(), refusal);
    environment.set(names::SERVICE_ACCOUNT, "batch@shop.iam.gserviceaccount.com");
    environment.set(names::OUTPUTS, "access-token");
    environment.set(names::STARTUP_TIMEOUT, "1");
    let ended = output(&environment, &["run"]);
    assert_eq!(ended.status.code(), Some(1));
    let sentence = "IAM Credentials: the pod's principal may not be this service account";
    let log = text(&ended.stderr);
    assert!(log.contains(&format!("no token within the 1 s of the startup timeout. {sentence}")), "{log}");
    let ready = output(&environment, &["ready"]);
    assert!(text(&ready.stderr).starts_with(sentence), "{}", text(&ready.stderr));
}

/// No AWS at all: the kubelet's token, and Google.
#[test]
fn a_kubernetes_service_account_is_exchanged() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let sts = runtime.block_on(StandIn::tls(federated()));
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
    assert_eq!(sts.asked(), 1, "an app that starts now is answered at once");
    let answer = ask(port, "GET", TOKEN, FLAVOR);
    assert!(answer.contains(FEDERATED), "{answer}");
    let zone = ask(port, "GET", "/computeMetadata/v1/instance/zone", FLAVOR);
    assert!(zone.starts_with("HTTP/1.1 404"), "AWS has no part in it: {zone}");
    let request = sts.requests.lock().unwrap().pop().unwrap();
    let kind = "subject_token_type=urn%3Aietf%3Aparams%3Aoauth%3Atoken%2Dtype%3Ajwt";
    assert!(request.contains(kind) && request.contains("subject_token=eyJh%2E"), "{request}");
    let log = terminate(child).stderr;
    assert!(text(&log).contains("there is a new JSON web token"), "{}", text(&log));
    assert!(!text(&log).contains(token));
    assert_eq!(text(&output(&environment, &["token"]).stdout), token);
}

#[test]
fn a_lasting_fault_is_said_by_ready_by_the_log_and_at_the_startup_timeout() {
    let (_runtime, aws) = aws(Answer::refusal(403, include_str!("aws-errors/access-denied.xml")));
    let mut environment = trusting(&aws);
    environment.set(names::STARTUP_TIMEOUT, "1");
    let ended = output(&environment, &["run"]);
    assert_eq!(ended.status.code(), Some(1));
    let sentence = "AWS STS: the role does not trust this pod's service account, or there is no such role";
    let log = text(&ended.stderr);
    assert!(log.contains(&format!("no token within the 1 s of the startup timeout. {sentence}")), "{log}");
    assert!(log.contains("\"level\":\"ERROR\"") && log.contains("\"reason\":\"access-denied\""), "{log}");
    let ready = output(&environment, &["ready"]);
    assert_eq!(ready.status.code(), Some(1));
    assert!(text(&ready.stderr).starts_with(sentence), "{}", text(&ready.stderr));
    assert_eq!(aws.asked(), 1, "a lasting fault is retried slowly");
}

#[test]
fn token_writes_one_token_and_nothing_else() {
    let (_runtime, aws) = aws(Answer::good());
    let output = output(&trusting(&aws), &["token"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(signed_at(text(&output.stdout)).is_some());
    assert!(!text(&output.stdout).ends_with('\n'));
}

#[test]
fn what_is_not_right_at_the_start_is_said() {
    let (_runtime, aws) = aws(Answer::good());
    let mut environment = trusting(&aws);
    let usage = output(&environment, &["serve"]);
    assert_eq!(usage.status.code(), Some(2));
    assert!(text(&usage.stderr).contains("Usage: rolebridge-sidecar COMMAND"));

    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    environment.set(names::LOOPBACK_PORT, taken.local_addr().unwrap().port().to_string());
    let clash = output(&environment, &["run"]);
    assert_eq!(clash.status.code(), Some(1));
    assert!(text(&clash.stderr).contains("choose a free one with the annotation rolebridge.io/port"));

    environment.set(names::AWS_REGION, "");
    let setting = output(&environment, &["run"]);
    assert_eq!(setting.status.code(), Some(1));
    assert!(text(&setting.stderr).starts_with("AWS_REGION: expected an AWS region"));
    assert_eq!(aws.asked(), 0);
}
