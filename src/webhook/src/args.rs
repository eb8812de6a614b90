//! Command line. Each flag can also be set as an environment variable.

use std::net::{Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::thread::available_parallelism;
use std::time::Duration;

use clap::Parser;
use tracing::Level;

use crate::managed_cert::args::ManagedCertArgs;
use crate::metadata::turns::ReadLimits;
use crate::value_parsers::{reads, review_timeout, seconds, threads};

/// Maximum default number of threads: one core answers thousands of reviews a second, so more only cost memory.
const MAX_DEFAULT_THREADS: usize = 4;
/// Default limit of open connections. A connection of a hostile client takes up to 120 KiB, so that a thousand
/// would exceed the memory limit. API servers have a few connections each, with 32 requests at a time.
const DEFAULT_CONNECTIONS: u32 = 256;

/// Admission webhook for pods that call Google Cloud with their IAM role.
///
/// Finds the Kubernetes API in the same order as kubectl: KUBECONFIG, ~/.kube/config, the pod's service account.
#[derive(Debug, Clone, Parser)]
#[command(name = "rolebridge-webhook", version)]
pub struct Args {
    /// Address for admission reviews (TLS)
    #[arg(long, env = "ROLEBRIDGE_WEBHOOK_LISTEN", value_name = "ADDRESS", default_value_t = unspecified(9443))]
    pub listen: SocketAddr,

    /// Address for /healthz, /readyz and /metrics (plain HTTP)
    #[arg(long, env = "ROLEBRIDGE_WEBHOOK_HEALTH_LISTEN", value_name = "ADDRESS", default_value_t = unspecified(8080))]
    pub health_listen: SocketAddr,

    /// Certificate and its chain, PEM; reloaded when it changes
    #[arg(
        long,
        env = "ROLEBRIDGE_WEBHOOK_CERTIFICATE",
        value_name = "FILE",
        required_unless_present = "managed_certificate",
        conflicts_with = "managed_certificate",
        requires = "key"
    )]
    pub certificate: Option<PathBuf>,

    /// Private key of the certificate, PEM; reloaded when it changes
    #[arg(
        long,
        env = "ROLEBRIDGE_WEBHOOK_KEY",
        value_name = "FILE",
        conflicts_with = "managed_certificate",
        requires = "certificate"
    )]
    pub key: Option<PathBuf>,

    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would use it as the program's description")]
    pub managed_cert: ManagedCertArgs,

    /// MutatingWebhookConfiguration that calls this webhook; ready only if its caBundle matches the certificate
    #[arg(long, env = "ROLEBRIDGE_WEBHOOK_CONFIGURATION", value_name = "NAME", value_delimiter = ',')]
    pub configuration: Vec<String>,

    /// Platform team's defaults, YAML; reloaded when they change
    #[arg(long, env = "ROLEBRIDGE_WEBHOOK_DEFAULTS", value_name = "FILE")]
    pub defaults: PathBuf,

    /// Interval between checks of these files and objects for changes
    #[arg(long, env = "ROLEBRIDGE_WEBHOOK_RELOAD_INTERVAL", value_name = "SECONDS", default_value = "10", value_parser = seconds)]
    pub reload_interval: Duration,

    /// Number of threads that answer reviews
    #[arg(long, env = "ROLEBRIDGE_WEBHOOK_THREADS", value_name = "COUNT", default_value_t = default_threads(), value_parser = threads)]
    pub threads: usize,

    /// Maximum number of open connections; a new one replaces the longest-idle one
    #[arg(long, env = "ROLEBRIDGE_WEBHOOK_MAX_CONNECTIONS", value_name = "COUNT", default_value_t = DEFAULT_CONNECTIONS, value_parser = clap::value_parser!(u32).range(1..))]
    pub max_connections: u32,

    /// Time that an API server waits for a response: timeoutSeconds of the webhook configurations
    #[arg(long, env = "ROLEBRIDGE_WEBHOOK_REVIEW_TIMEOUT", value_name = "SECONDS", default_value = "5", value_parser = review_timeout)]
    pub review_timeout: Duration,

    /// Reads of new service accounts and namespaces a second
    #[arg(long, env = "ROLEBRIDGE_WEBHOOK_LIVE_READ_RATE", value_name = "COUNT", default_value_t = ReadLimits::DEFAULT.rate, value_parser = reads())]
    pub live_read_rate: u32,

    /// Such reads in a burst
    #[arg(long, env = "ROLEBRIDGE_WEBHOOK_LIVE_READ_BURST", value_name = "COUNT", default_value_t = ReadLimits::DEFAULT.burst, value_parser = reads())]
    pub live_read_burst: u32,

    /// Time to keep serving after SIGTERM, until clients stop opening connections
    #[arg(long, env = "ROLEBRIDGE_WEBHOOK_DRAIN_DELAY", value_name = "SECONDS", default_value = "5", value_parser = seconds)]
    pub drain_delay: Duration,

    /// Time to wait after that for reviews in progress
    #[arg(long, env = "ROLEBRIDGE_WEBHOOK_DRAIN_TIMEOUT", value_name = "SECONDS", default_value = "10", value_parser = seconds)]
    pub drain_timeout: Duration,

    /// Create Kubernetes events for pods that are denied, skipped or injected with warnings
    #[arg(long, env = "ROLEBRIDGE_WEBHOOK_EVENTS")]
    pub events: bool,

    /// Log level: error, warn, info, debug or trace
    #[arg(long, env = "ROLEBRIDGE_WEBHOOK_LOG_LEVEL", value_name = "LEVEL", default_value_t = Level::INFO)]
    pub log_level: Level,
}

impl Args {
    /// Parses the command line and the environment. Exits the process on invalid arguments and for `--help`.
    #[must_use]
    pub fn from_command_line() -> Self {
        Self::parse()
    }
}

fn unspecified(port: u16) -> SocketAddr {
    (Ipv6Addr::UNSPECIFIED, port).into()
}

fn default_threads() -> usize {
    available_parallelism().map_or(1, usize::from).min(MAX_DEFAULT_THREADS)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;
    use rolebridge_inject::view::size::MAX_UNCHARGED_BYTES;
    use rstest::rstest;

    use super::*;
    use crate::admission::body::MAX_TOTAL_BYTES;
    use crate::admission::budget::{MAX_LEAVING, REQUEST_BYTES};
    use crate::bounded_body::GROWTH;
    use crate::deadlines::Deadlines;
    use crate::handlers::pods::MAX_PATCH_BYTES;
    use crate::list_watch::page;
    use crate::metadata::cache::{MAX_NAMESPACE_STORE_BYTES, MAX_STORE_BYTES};
    use crate::metadata::reader::{MAX_LARGE_READS, MAX_OBJECT_BYTES, MAX_SMALL_BYTES};
    use crate::metadata::turns::MAX_IN_FLIGHT;

    /// Memory of a connection of a hostile client, as measured with floods of each kind.
    const CONNECTION_BYTES: usize = 120 << 10;
    const FILE_ARGS: &[&str] = &["rolebridge-webhook", "--certificate", "c", "--key", "k", "--defaults", "d"];
    const MANAGED_ARGS: &[&str] = &[
        "rolebridge-webhook",
        "--defaults=d",
        "--managed-certificate=system/tls",
        "--managed-lease=l",
        "--managed-service=s",
        "--configuration=a",
    ];

    #[test]
    fn every_flag_has_an_environment_variable() {
        for argument in Args::command().get_arguments() {
            let flag = argument.get_long().unwrap();
            let expected = format!("ROLEBRIDGE_WEBHOOK_{}", flag.replace('-', "_").to_uppercase());
            assert_eq!(argument.get_env().unwrap(), expected.as_str());
        }
    }

    #[test]
    fn defaults_match_the_chart() {
        let args = Args::parse_from(FILE_ARGS);
        assert_eq!(args.listen.to_string(), "[::]:9443");
        assert_eq!(args.health_listen.to_string(), "[::]:8080");
        assert_eq!(args.review_timeout, Deadlines::DEFAULT_REVIEW_TIMEOUT);
        assert_eq!(args.drain_delay, Duration::from_secs(5));
        assert!((1..=MAX_DEFAULT_THREADS).contains(&args.threads));
    }

    /// All limits at once, which only several attacks at the same time reach.
    #[test]
    fn limits_of_memory_fit_into_the_memory_limit_of_the_chart() {
        // Measured: 11.5 MiB at rest in a small cluster, as released, and a reserve for the allocator.
        let program = 14 << 20;
        // The resident memory of a cache is an eighth larger than its entries.
        let caches = (MAX_STORE_BYTES + MAX_NAMESPACE_STORE_BYTES) / 8 * 9;
        // A hash of each name, and another one while a list is repeated: 2^18 places for a hundred thousand objects.
        let names = 2 * (9 << 18);
        let pages = 2 * page::MAX_OBJECT_BYTES * GROWTH.0 / GROWTH.1;
        let reads =
            (MAX_IN_FLIGHT * MAX_SMALL_BYTES + MAX_LARGE_READS * MAX_OBJECT_BYTES) * GROWTH.0 / GROWTH.1;
        // A patch and the response that contains it in base64 are built on each thread.
        let patches = MAX_DEFAULT_THREADS * (MAX_PATCH_BYTES + MAX_PATCH_BYTES / 3 * 4);
        // A workload may claim to have two pod templates. The items of their lists are charged to the reviews.
        let views = MAX_DEFAULT_THREADS * 2 * MAX_UNCHARGED_BYTES;
        let connections = usize::try_from(DEFAULT_CONNECTIONS).unwrap() * CONNECTION_BYTES;
        let reviews = MAX_TOTAL_BYTES + MAX_LEAVING * REQUEST_BYTES;
        let answers = crate::answers::MAX_TOTAL_BYTES;
        let sum =
            program + caches + names + pages + reads + reviews + patches + views + connections + answers;
        let values = include_str!("../../../charts/rolebridge/values.yaml");
        let resources = values.split_once("\n  resources:\n").unwrap().1;
        let limit = resources.split_once("limits:\n      memory: ").unwrap().1.split_once("Mi\n").unwrap().0;
        let limit: usize = limit.parse().unwrap();
        assert!(sum <= limit << 20, "{} of {limit} MiB", sum >> 20);
    }

    #[rstest]
    #[case("--listen", "9443")]
    #[case("--threads", "0")]
    #[case("--review-timeout", "0")]
    #[case("--review-timeout", "31")]
    #[case("--drain-delay", "soon")]
    #[case("--drain-timeout", "-1")]
    #[case("--max-connections", "0")]
    #[case("--live-read-rate", "0")]
    #[case("--live-read-burst", "100001")]
    #[case("--log-level", "loud")]
    #[case("--managed-leaf-lifetime", "long")]
    #[case("--managed-publish-delay", "-1s")]
    fn invalid_value_is_reported_with_its_flag(#[case] flag: &str, #[case] value: &str) {
        let argument = format!("{flag}={value}");
        let error = Args::try_parse_from(FILE_ARGS.iter().copied().chain([&*argument])).unwrap_err();
        assert!(error.to_string().contains(flag), "{error}");
    }

    #[test]
    fn managed_certificate_requires_its_flags_and_excludes_files() {
        let args = Args::parse_from(MANAGED_ARGS.iter().copied().chain(["--configuration=b"]));
        assert_eq!(args.configuration, ["a", "b"]);
        let settings = args.managed_cert.settings(Duration::from_secs(10)).unwrap().unwrap();
        assert_eq!(settings.policy.server_name(), "s.system.svc");
        assert_eq!(settings.policy.leaf_lifetime, Duration::from_hours(30 * 24));
        for without in &MANAGED_ARGS[2..] {
            let args = MANAGED_ARGS.iter().filter(|argument| argument != &without);
            assert!(Args::try_parse_from(args).is_err(), "without {without}");
        }
        for with in [["--certificate=c", "--key=k"], ["--managed-certificate=system", "--key=k"]] {
            let args = MANAGED_ARGS.iter().copied().chain(with);
            assert!(Args::try_parse_from(args).is_err(), "with {with:?}");
        }
        assert!(Args::parse_from(FILE_ARGS).managed_cert.settings(Duration::ZERO).unwrap().is_none());
    }

    #[rstest]
    #[case("--managed-ca-lifetime=2000h", "three times")]
    #[case("--managed-leaf-lifetime=4m", "ten times")]
    #[case("--managed-publish-delay=100h", "ten times")]
    #[case("--managed-lease-duration=10ms", "1s or more")]
    fn conflicting_durations_are_invalid(#[case] flag: &str, #[case] expected: &str) {
        let args = Args::parse_from(MANAGED_ARGS.iter().copied().chain([flag]));
        let error = args.managed_cert.settings(Duration::ZERO).unwrap_err();
        assert!(error.contains(expected), "{error}");
    }
}
