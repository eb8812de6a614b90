use std::collections::{BTreeSet, HashMap};
use std::ffi::OsString;
use std::path::Path;

use rolebridge_core::service_accounts::AccountNumber;
use rstest::rstest;

use super::*;

const VALID: &[(&str, &str)] = &[
    (names::AWS_ROLE_ARN, "arn:aws:iam::123456789012:role/teams/batch"),
    (names::AWS_ROLE_SESSION_NAME, "shop.nightly"),
    (names::AWS_WEB_IDENTITY_TOKEN_FILE, "/var/run/rolebridge/aws/token"),
    (names::AWS_REGION, "eu-west-1"),
    (
        names::AUDIENCE,
        "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/pool/providers/prod",
    ),
    (names::TOKEN_FILE, "/var/run/rolebridge/token/token"),
];

/// Reads the valid environment after `changes`; an empty value unsets a variable.
fn read(changes: &[(&str, &str)]) -> Result<Settings, String> {
    let mut all: HashMap<&str, &str> = VALID.iter().copied().collect();
    all.extend(changes.iter().copied());
    let variable = |name: &str| all.get(name).map(OsString::from);
    Settings::read(&Env::new(&variable)).map_err(|error| error.to_string())
}

fn aws(settings: &Settings) -> &AwsSettings {
    match &settings.identity.source {
        IdentitySource::Aws(aws) => aws,
        IdentitySource::Kubernetes { .. } => panic!("not an AWS identity"),
    }
}

/// The changes that unset the role and its token.
const NO_ROLE: [(&str, &str); 3] =
    [(names::AWS_ROLE_ARN, ""), (names::AWS_ROLE_SESSION_NAME, ""), (names::AWS_WEB_IDENTITY_TOKEN_FILE, "")];
const AGENT: [(&str, &str); 3] = [
    (names::AWS_CREDENTIALS, "pod-identity"),
    (names::AWS_CONTAINER_CREDENTIALS_FULL_URI, "http://169.254.170.23/v1/credentials"),
    (names::AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE, "/var/run/rolebridge/agent/token"),
];
const METADATA: [(&str, &str); 2] = [(names::LOOPBACK_PORT, "15080"), (names::SERVE, "metadata")];
const LOOPBACK: (&str, &str) = (names::LOOPBACK_PORT, "15080");
const NO_LOOPBACK: &str = "ROLEBRIDGE_SERVE: expected \"metadata\", because \"loopback\" serves the session, and only \
                           that of the identity aws-role with its own role may do nothing but prove the identity, \
                           found \"loopback\"";

#[test]
fn settings_read_only_the_variables_of_the_list() {
    let read = std::cell::RefCell::new(std::collections::BTreeSet::new());
    let kubernetes = [(names::IDENTITY, "kubernetes"), (names::IDENTITY_TOKEN_FILE, "/var/run/token")];
    for changes in [&[][..], &kubernetes, &AGENT, &[(names::IDENTITY, "aws-jwt")]] {
        let mut all: HashMap<&str, &str> = VALID.iter().copied().collect();
        all.extend(changes.iter().copied());
        let variable = |name: &str| {
            read.borrow_mut().insert(name.to_owned());
            all.get(name).map(OsString::from)
        };
        let env = Env::new(&variable);
        Settings::read(&env).unwrap();
        let token_file = token_file(&env).unwrap();
        token_files(&env, &token_file).unwrap();
    }
    assert_eq!(read.into_inner(), names::ALL.iter().map(|name| (*name).to_owned()).collect());
}

#[test]
fn aws_jwt_selects_a_web_token() {
    let web_token = (names::IDENTITY, "aws-jwt");
    let settings = read(&[&[web_token][..], &METADATA].concat()).unwrap();
    assert_eq!(settings.identity.kind.subject_token_type(), "urn:ietf:params:oauth:token-type:jwt");
    assert_eq!(aws(&settings).subject_token, AwsSubjectToken::WebToken);
    assert_eq!(read(&[web_token, LOOPBACK]).unwrap_err(), NO_LOOPBACK);
}

#[test]
fn pod_identity_requires_the_agents_uri_and_a_token_file() {
    let settings = read(&[&NO_ROLE[..], &AGENT, &METADATA].concat()).unwrap();
    let AwsCredentials::PodIdentity(agent) = &aws(&settings).credentials else { panic!() };
    assert_eq!(agent.uri, "http://169.254.170.23/v1/credentials");
    assert_eq!(read(&[&NO_ROLE[..], &AGENT, &[LOOPBACK]].concat()).unwrap_err(), NO_LOOPBACK);
    let other_uri = (names::AWS_CONTAINER_CREDENTIALS_FULL_URI, "http://10.0.0.1/v1/credentials");
    let other_uri = read(&[&NO_ROLE[..], &AGENT, &[other_uri]].concat()).unwrap_err();
    assert!(other_uri.contains("expected the EKS Pod Identity agent: http://169.254.170.23/"), "{other_uri}");
    let no_file = read(&[&NO_ROLE[..], &AGENT[..2]].concat()).unwrap_err();
    assert!(
        no_file.starts_with(
            "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: expected the absolute path of a file, found no value"
        ),
        "{no_file}"
    );
}

/// EKS's webhook adds its variables to every container, also the sidecar's.
#[test]
fn variables_of_other_credentials_are_ignored() {
    let with_agent = read(&[&AGENT[..], &METADATA].concat()).unwrap();
    assert!(matches!(aws(&with_agent).credentials, AwsCredentials::PodIdentity(_)));
    let with_role = read(&AGENT[1..]).unwrap();
    assert!(matches!(aws(&with_role).credentials, AwsCredentials::WebIdentity(_)));
}

#[test]
fn kubernetes_identity_has_no_region() {
    let kubernetes = [(names::IDENTITY, "kubernetes"), (names::IDENTITY_TOKEN_FILE, "/var/run/token")];
    let no_region = [(names::AWS_REGION, "")];
    let settings = read(&[&NO_ROLE[..], &no_region, &kubernetes, &METADATA].concat()).unwrap();
    assert!(matches!(settings.identity.source, IdentitySource::Kubernetes { .. }));
    assert_eq!(settings.identity.region(), None);
    assert_eq!(settings.identity.kind.subject_token_type(), "urn:ietf:params:oauth:token-type:jwt");
    let without = read(&kubernetes[..1]).unwrap_err();
    assert_eq!(
        without,
        "ROLEBRIDGE_IDENTITY_TOKEN_FILE: expected the absolute path of a file, found no value"
    );
    assert_eq!(read(&[&kubernetes[..], &[LOOPBACK]].concat()).unwrap_err(), NO_LOOPBACK);
}

#[test]
fn required_variables_alone_give_the_defaults() {
    let settings = read(&[]).unwrap();
    let (region, role) = settings.identity.imds_session().unwrap();
    assert_eq!((region, role.name(), role.partition().as_str()), ("eu-west-1", "batch", "aws"));
    assert_eq!(aws(&settings).sts_endpoint, None);
    assert_eq!(aws(&settings).subject_token, AwsSubjectToken::SignedRequest);
    assert_eq!(
        settings.identity.provider.token_audience(),
        "https://iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/pool/providers/prod"
    );
    assert_eq!((settings.server, settings.metrics_port), (None, None));
    let provider = settings.identity.provider;
    let parts = [&*provider.universe, provider.name.project_number(), provider.name.pool()];
    assert_eq!(parts, ["googleapis.com", "1", "pool"]);
    let google = settings.google;
    assert_eq!(google.sts_endpoint, "https://sts.googleapis.com");
    assert_eq!(google.iam_credentials_endpoint, "https://iamcredentials.googleapis.com");
    assert!(google.account(AccountNumber::DEFAULT).is_none());
    assert_eq!(settings.startup_timeout, None);
    assert_eq!(settings.log_level, LevelFilter::INFO);
    assert!(settings.identity.connection.proxy.is_none());
    assert!(settings.identity.connection.ca_bundles.is_empty());
}

#[test]
fn optional_variables_are_read() {
    let settings = read(&[
        (names::AWS_ENDPOINT_URL_STS, "https://vpce-1.sts.eu-west-1.vpce.amazonaws.com"),
        (names::AWS_CA_BUNDLE, "/ca/ca.crt"),
        (names::SSL_CERT_FILE, "/etc/roots.pem"),
        (names::HTTPS_PROXY, "proxy:3128"),
        ("no_proxy", "10.0.0.0/8"),
        (names::LOOPBACK_PORT, "15080"),
        (names::METRICS_PORT, "9090"),
        (names::STARTUP_TIMEOUT, "90"),
        (names::LOG_LEVEL, "debug"),
    ])
    .unwrap();
    let protocols = ServedProtocols { imds: true, ..ServedProtocols::default() };
    assert_eq!(
        (settings.server, settings.metrics_port),
        (Some(ServerSettings { port: 15080, protocols }), Some(9090))
    );
    assert_eq!(settings.startup_timeout, Some(Duration::from_secs(90)));
    assert_eq!(settings.log_level, LevelFilter::DEBUG);
    let connection = settings.identity.connection;
    assert_eq!(connection.proxy.unwrap().expose(), "http://proxy:3128");
    assert_eq!(connection.no_proxy.as_deref(), Some("10.0.0.0/8"));
    let ca_bundles: Vec<_> = connection.ca_bundles.iter().map(|(name, _)| *name).collect();
    assert_eq!(ca_bundles, [names::AWS_CA_BUNDLE, names::SSL_CERT_FILE]);
}

/// The kubelet sets these variables for Services `rolebridge-metrics` and `rolebridge-loopback` of the pod's namespace.
#[test]
fn addresses_of_services_are_ignored() {
    let links =
        [(names::METRICS_PORT, "tcp://10.100.7.1:9090"), (names::LOOPBACK_PORT, "udp://[fd00::7]:80")];
    let settings = read(&links).unwrap();
    assert_eq!((settings.server, settings.metrics_port), (None, None));
}

#[test]
fn impersonation_is_read() {
    let google = read(&[
        (names::SERVICE_ACCOUNT, "nightly-batch@shop.iam.gserviceaccount.com"),
        (names::DELEGATES, "a@shop.iam.gserviceaccount.com, 1-compute@developer.gserviceaccount.com"),
        (names::TOKEN_LIFETIME, "43200"),
        (names::QUOTA_PROJECT, "shop-data"),
        (names::PROJECT, "example.com:shop-data"),
        (names::STS_ENDPOINT, "https://sts.europe-west1.rep.googleapis.com/"),
    ])
    .unwrap()
    .google;
    assert_eq!(google.sts_endpoint, "https://sts.europe-west1.rep.googleapis.com");
    let account = google.account(AccountNumber::DEFAULT).unwrap();
    assert_eq!(account.email, "nightly-batch@shop.iam.gserviceaccount.com");
    assert_eq!(
        account.delegates,
        ["a@shop.iam.gserviceaccount.com", "1-compute@developer.gserviceaccount.com"]
    );
    assert_eq!(account.lifetime, Some(Duration::from_hours(12)));
    assert_eq!(google.quota_project.as_deref(), Some("shop-data"));
    assert_eq!(google.project.as_deref(), Some("example.com:shop-data"));
}

#[test]
fn each_pod_uses_one_of_several_endpoints() {
    let endpoint = |pod| {
        let list = "https://sts.us-east1.rep.googleapis.com, https://sts.us-west1.rep.googleapis.com/";
        read(&[(names::STS_ENDPOINT, list), (names::HOSTNAME, pod)]).unwrap().google.sts_endpoint
    };
    let (mut found, pods) =
        (BTreeSet::new(), ["batch-0", "batch-1", "batch-2", "batch-3", "batch-4", "batch-5"]);
    for pod in pods {
        assert_eq!(endpoint(pod), endpoint(pod));
        found.insert(endpoint(pod));
    }
    let expected = ["https://sts.us-east1.rep.googleapis.com", "https://sts.us-west1.rep.googleapis.com"];
    assert_eq!(found, expected.map(str::to_owned).into());
}

#[test]
fn universe_sets_the_endpoints_and_not_the_audience() {
    let settings = read(&[(names::UNIVERSE_DOMAIN, "apis-berlin.example")]).unwrap();
    assert!(settings.identity.provider.audience.starts_with("//iam.googleapis.com/projects/1/"));
    let google = settings.google;
    assert_eq!(google.sts_endpoint, "https://sts.apis-berlin.example");
    assert_eq!(google.iam_credentials_endpoint, "https://iamcredentials.apis-berlin.example");
}

#[test]
fn token_files_are_next_to_the_subject_token() {
    let settings = read(&[
        (names::SERVICE_ACCOUNT, "nightly-batch@shop.iam.gserviceaccount.com"),
        (names::OUTPUTS, "access-token,id-token=https://a.example,id-token=b"),
    ])
    .unwrap();
    let id = |audience: &str| TokenKind::Id { audience: audience.to_owned() };
    let expected_file = |kind, name: &str| {
        TokenFile::token(AccountNumber::DEFAULT, kind, Path::new("/var/run/rolebridge/token").join(name))
    };
    assert_eq!(
        settings.token_files,
        [
            expected_file(TokenKind::default_access(), "access-token"),
            expected_file(id("https://a.example"), "id-token"),
            expected_file(id("b"), "id-token-2"),
        ]
    );
}

#[test]
fn each_account_has_its_own_documents_and_files() {
    let accounts = "reader@shop.iam.gserviceaccount.com,worker=writer@shop.iam.gserviceaccount.com";
    let settings = read(&[
        (names::SERVICE_ACCOUNT, accounts),
        (names::OUTPUTS, "access-token,worker.access-token,worker.id-token=https://a.example"),
        (names::FILE_CONFIG, "/var/run/rolebridge/config/file.json"),
        (names::LOOPBACK_PORT, "15080"),
        (names::SERVE, "metadata"),
    ])
    .unwrap();
    let emails: Vec<_> = settings.google.accounts.iter().flatten().map(|account| &*account.email).collect();
    assert_eq!(emails, ["reader@shop.iam.gserviceaccount.com", "writer@shop.iam.gserviceaccount.com"]);
    let name = |file: &Path| file.file_name().unwrap().to_str().unwrap().to_owned();
    let files: Vec<_> =
        settings.token_files.iter().map(|file| (file.account.index(), name(&file.file))).collect();
    let expected = [
        (0, "access-token"),
        (1, "worker.access-token"),
        (1, "worker.id-token"),
        (0, "token.google"),
        (1, "token.google-2"),
    ];
    assert_eq!(files, expected.map(|(index, name)| (index, name.to_owned())));
    let documents: Vec<_> =
        settings.config_files.iter().map(|file| (file.account.index(), name(&file.file))).collect();
    assert_eq!(documents, [(0, "file.json".to_owned()), (1, "file-2.json".to_owned())]);
}

#[test]
fn account_without_a_port_is_an_error() {
    let changes = [
        (names::SERVICE_ACCOUNT, "worker=writer@shop.iam.gserviceaccount.com"),
        (names::LOOPBACK_PORT, "65535"),
        (names::SERVE, "metadata"),
    ];
    assert_eq!(
        read(&changes).unwrap_err(),
        "ROLEBRIDGE_LOOPBACK_PORT: expected a port that 1 more follow, one for each further account, found 65535"
    );
    let by_loopback = [changes[0], changes[1]];
    assert!(read(&by_loopback).is_ok(), "loopback is the same for all accounts");
}

#[rstest]
#[case("metadata", false, true, false)]
#[case("metadata, loopback", true, true, false)]
#[case("metadata-host", false, true, true)]
fn serve_lists_the_protocols(
    #[case] value: &str,
    #[case] imds: bool,
    #[case] gce_metadata: bool,
    #[case] metadata_host: bool,
) {
    let settings = read(&[(names::LOOPBACK_PORT, "15080"), (names::SERVE, value)]).unwrap();
    assert_eq!(settings.server.unwrap().protocols, ServedProtocols { imds, gce_metadata, metadata_host });
}

#[rstest]
#[case(
    names::AWS_ROLE_ARN,
    "",
    "AWS_ROLE_ARN: expected the ARN of an IAM role, such as arn:aws:iam::123456789012:role/NAME, found no value"
)]
#[case(
    names::AWS_ROLE_ARN,
    "batch",
    "AWS_ROLE_ARN: expected the ARN of an IAM role, such as arn:aws:iam::123456789012:role/NAME, found \"batch\""
)]
#[case(
    names::AWS_ROLE_ARN,
    "arn:aws:iam::12:role/batch",
    "AWS_ROLE_ARN: expected the ARN of an IAM role, such as arn:aws:iam::123456789012:role/NAME, found \"arn:aws:iam::12:role/batch\""
)]
#[case(
    names::AWS_ROLE_ARN,
    "arn:aws:iam::123456789012:user/batch",
    "AWS_ROLE_ARN: expected the ARN of an IAM role, such as arn:aws:iam::123456789012:role/NAME, found \"arn:aws:iam::123456789012:user/batch\""
)]
#[case(
    names::AWS_ROLE_SESSION_NAME,
    "a b",
    "AWS_ROLE_SESSION_NAME: expected a role session name: 2 to 64 letters, digits or any of _+=,.@-, found \"a b\""
)]
#[case(
    names::AWS_WEB_IDENTITY_TOKEN_FILE,
    "",
    "AWS_WEB_IDENTITY_TOKEN_FILE: expected the absolute path of a file, found no value"
)]
#[case(
    names::AWS_REGION,
    "Ireland",
    "AWS_REGION: expected an AWS region, such as eu-west-1, found \"Ireland\""
)]
#[case(
    names::AWS_REGION,
    "eu-west-1.evil.example",
    "AWS_REGION: expected an AWS region, such as eu-west-1, found \"eu-west-1.evil.example\""
)]
#[case(
    names::AWS_REGION,
    "cn-north-1",
    "AWS_REGION: expected a region of aws, the partition of the role arn:aws:iam::123456789012:role/teams/batch, found \"cn-north-1\", a region of the partition aws-cn"
)]
#[case(
    names::AWS_ENDPOINT_URL_STS,
    "http://sts.example",
    "AWS_ENDPOINT_URL_STS: expected an endpoint: https://HOST or https://HOST:PORT, without a path, found \"http://sts.example\". Fix: use https, because http sends tokens unencrypted."
)]
#[case(
    names::AWS_CA_BUNDLE,
    "ca.crt",
    "AWS_CA_BUNDLE: expected the absolute path of a file, found \"ca.crt\""
)]
#[case(
    names::IDENTITY,
    "aws",
    "ROLEBRIDGE_IDENTITY: expected an identity: \"aws-role\", \"aws-jwt\" or \"kubernetes\", found \"aws\""
)]
#[case(
    names::AUDIENCE,
    "projects/1",
    "ROLEBRIDGE_AUDIENCE: expected the audience of a provider: //iam.googleapis.com/projects/NUMBER/locations/global/workloadIdentityPools/POOL/providers/PROVIDER, found \"projects/1\""
)]
#[case(
    names::AUDIENCE,
    "//iam.googleapis.com/projects/shop/locations/global/workloadIdentityPools/pool/providers/prod",
    "ROLEBRIDGE_AUDIENCE: expected the audience of a provider: //iam.googleapis.com/projects/NUMBER/locations/global/workloadIdentityPools/POOL/providers/PROVIDER, found \"//iam.googleapis.com/projects/shop/locations/global/workloadIdentityPools/pool/providers/prod\""
)]
#[case(
    names::SERVICE_ACCOUNT,
    "batch",
    "ROLEBRIDGE_SERVICE_ACCOUNT: expected a service account, such as NAME@PROJECT.iam.gserviceaccount.com, found \"batch\""
)]
#[case(
    names::SERVICE_ACCOUNT,
    "../a@b.example",
    "ROLEBRIDGE_SERVICE_ACCOUNT: expected a service account, such as NAME@PROJECT.iam.gserviceaccount.com, found \"../a@b.example\""
)]
#[case(
    names::DELEGATES,
    "a@b.iam.gserviceaccount.com",
    "ROLEBRIDGE_DELEGATES: expected no value without ROLEBRIDGE_SERVICE_ACCOUNT, found one. Fix: set ROLEBRIDGE_SERVICE_ACCOUNT, or unset this variable."
)]
#[case(
    names::TOKEN_LIFETIME,
    "60",
    "ROLEBRIDGE_TOKEN_LIFETIME: expected a number of seconds from 600 to 43200, found \"60\""
)]
#[case(
    names::STS_ENDPOINT,
    "sts.googleapis.com",
    "ROLEBRIDGE_STS_ENDPOINT: expected an endpoint: https://HOST or https://HOST:PORT, without a path, found \"sts.googleapis.com\""
)]
#[case(
    names::OUTPUTS,
    "token",
    "ROLEBRIDGE_OUTPUTS: expected \"access-token\" and \"id-token=AUDIENCE\", separated by commas, each at most once, found \"token\". Fix: correct or remove the output \"token\"."
)]
#[case(
    names::OUTPUTS,
    "id-token=a",
    "ROLEBRIDGE_OUTPUTS: expected \"access-token\" alone, because Google issues ID tokens only to service accounts, found an ID token. Fix: set ROLEBRIDGE_SERVICE_ACCOUNT, or remove the ID token."
)]
#[case(
    names::OUTPUTS,
    "worker.access-token",
    "ROLEBRIDGE_OUTPUTS: expected only containers with their own account in ROLEBRIDGE_SERVICE_ACCOUNT, found \"worker\". Fix: set an account for the container there, or remove its outputs."
)]
#[case(
    names::SERVICE_ACCOUNT,
    "a@shop.iam.gserviceaccount.com,",
    "ROLEBRIDGE_SERVICE_ACCOUNT: expected a service account for all containers, others by container, or both: NAME@PROJECT.iam.gserviceaccount.com,CONTAINER=OTHER@PROJECT.iam.gserviceaccount.com, found \"a@shop.iam.gserviceaccount.com,\". Fix: remove the empty entry."
)]
#[case(
    names::SERVE,
    "file",
    "ROLEBRIDGE_SERVE: expected \"loopback\", \"metadata\", \"loopback,metadata\" or \"metadata-host\", found \"file\""
)]
#[case(
    names::LOOPBACK_CONFIG,
    "/config/loopback.json",
    "ROLEBRIDGE_LOOPBACK_CONFIG: expected no value without ROLEBRIDGE_LOOPBACK_PORT for \"loopback\", found one"
)]
#[case(
    names::FILE_CONFIG,
    "file.json",
    "ROLEBRIDGE_FILE_CONFIG: expected the absolute path of a file, found \"file.json\""
)]
#[case(
    names::TOKEN_FILE,
    "token",
    "ROLEBRIDGE_TOKEN_FILE: expected the absolute path of a file, found \"token\""
)]
#[case(
    names::LOOPBACK_PORT,
    "0",
    "ROLEBRIDGE_LOOPBACK_PORT: expected a port from 1024 to 65535, found \"0\""
)]
#[case(
    names::METRICS_PORT,
    "70000",
    "ROLEBRIDGE_METRICS_PORT: expected a port from 1024 to 65535, found \"70000\""
)]
#[case(
    names::STARTUP_TIMEOUT,
    "1m",
    "ROLEBRIDGE_STARTUP_TIMEOUT: expected a number of seconds from 1 to 86400, found \"1m\""
)]
#[case(
    names::LOG_LEVEL,
    "loud",
    "ROLEBRIDGE_LOG_LEVEL: expected a log level: error, warn, info, debug or trace, found \"loud\""
)]
#[case(
    names::HTTPS_PROXY,
    "socks5://u:hush@proxy",
    "HTTPS_PROXY: expected a proxy: http://HOST:PORT, found an invalid value (hidden: it may contain a password)"
)]
fn invalid_variable_is_named_in_the_error(
    #[case] name: &'static str,
    #[case] value: &str,
    #[case] message: &str,
) {
    assert_eq!(read(&[(name, value)]).unwrap_err(), message);
}

#[rstest]
#[case("http://127.0.0.1:8080")]
#[case("http://[::1]:8080")]
#[case("http://localhost:8080")]
fn plain_http_is_accepted_for_loopback(#[case] endpoint: &str) {
    let settings = read(&[(names::AWS_ENDPOINT_URL_STS, endpoint)]).unwrap();
    assert_eq!(aws(&settings).sts_endpoint.as_deref(), Some(endpoint));
}

#[test]
fn proxy_password_is_redacted_in_debug() {
    let settings = read(&[(names::HTTPS_PROXY, "http://user:hush@proxy:3128")]).unwrap();
    assert!(!format!("{settings:?}").contains("hush"));
}
