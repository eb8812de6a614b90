//! The command line. Each flag is an environment variable too.

use std::net::{Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::thread::available_parallelism;
use std::time::Duration;

use clap::Parser;
use k8s_openapi::jiff::SignedDuration;
use tracing::Level;

use crate::managed::arguments::Managed;

/// More threads than this have never been worth their memory: one core answers thousands of reviews a second.
const MOST_DEFAULT_THREADS: usize = 4;

/// Answers kube-apiserver's admission reviews about pods that use Google Cloud with their IAM role.
///
/// It finds the Kubernetes API as kubectl does: KUBECONFIG, else ~/.kube/config, else the pod's own service account.
#[derive(Debug, Clone, Parser)]
#[command(name = "rolebridge-webhook", version)]
pub struct Arguments {
    /// Where to take admission reviews, over TLS
    #[arg(long, env = "ROLEBRIDGE_WEBHOOK_LISTEN", value_name = "ADDRESS", default_value_t = any(9443))]
    pub listen: SocketAddr,

    /// Where to serve /healthz, /readyz and /metrics, over plain HTTP
    #[arg(long, env = "ROLEBRIDGE_WEBHOOK_HEALTH_LISTEN", value_name = "ADDRESS", default_value_t = any(8080))]
    pub health_listen: SocketAddr,

    /// The certificate with its chain, PEM; read again when it changes
    #[arg(
        long,
        env = "ROLEBRIDGE_WEBHOOK_CERTIFICATE",
        value_name = "FILE",
        required_unless_present = "managed_certificate",
        conflicts_with = "managed_certificate",
        requires = "key"
    )]
    pub certificate: Option<PathBuf>,

    /// The certificate's private key, PEM; read again when it changes
    #[arg(
        long,
        env = "ROLEBRIDGE_WEBHOOK_KEY",
        value_name = "FILE",
        conflicts_with = "managed_certificate",
        requires = "certificate"
    )]
    pub key: Option<PathBuf>,

    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would take it for the program's own")]
    pub managed: Managed,

    /// A MutatingWebhookConfiguration that sends reviews here; ready only if its caBundle fits the certificate
    #[arg(long, env = "ROLEBRIDGE_WEBHOOK_CONFIGURATION", value_name = "NAME", value_delimiter = ',')]
    pub configuration: Vec<String>,

    /// The platform team's defaults, YAML; read again when they change
    #[arg(long, env = "ROLEBRIDGE_WEBHOOK_DEFAULTS", value_name = "FILE")]
    pub defaults: PathBuf,

    /// How often to look whether any of these has changed
    #[arg(long, env = "ROLEBRIDGE_WEBHOOK_RELOAD_INTERVAL", value_name = "SECONDS", default_value = "10", value_parser = seconds)]
    pub reload_interval: Duration,

    /// Threads that answer reviews
    #[arg(long, env = "ROLEBRIDGE_WEBHOOK_THREADS", value_name = "COUNT", default_value_t = default_threads(), value_parser = threads)]
    pub threads: usize,

    /// The most connections at a time; further ones wait
    #[arg(long, env = "ROLEBRIDGE_WEBHOOK_MAX_CONNECTIONS", value_name = "COUNT", default_value = "1000", value_parser = clap::value_parser!(u32).range(1..))]
    pub max_connections: u32,

    /// What an API server waits for an answer: timeoutSeconds of the configurations
    #[arg(long, env = "ROLEBRIDGE_WEBHOOK_REVIEW_TIMEOUT", value_name = "SECONDS", default_value = "5", value_parser = review_timeout)]
    pub review_timeout: Duration,

    /// How long to go on serving after SIGTERM, until nobody sends new connections here
    #[arg(long, env = "ROLEBRIDGE_WEBHOOK_DRAIN_DELAY", value_name = "SECONDS", default_value = "5", value_parser = seconds)]
    pub drain_delay: Duration,

    /// How long to wait after that for reviews that are being answered
    #[arg(long, env = "ROLEBRIDGE_WEBHOOK_DRAIN_TIMEOUT", value_name = "SECONDS", default_value = "10", value_parser = seconds)]
    pub drain_timeout: Duration,

    /// Say events about pods that are refused, left alone or warned about
    #[arg(long, env = "ROLEBRIDGE_WEBHOOK_EVENTS")]
    pub events: bool,

    /// How much to log: error, warn, info, debug or trace
    #[arg(long, env = "ROLEBRIDGE_WEBHOOK_LOG_LEVEL", value_name = "LEVEL", default_value_t = Level::INFO)]
    pub log_level: Level,
}

impl Arguments {
    /// Reads the command line and the environment. Ends the process where they are wrong, or ask for help.
    #[must_use]
    pub fn from_command_line() -> Self {
        Self::parse()
    }
}

fn any(port: u16) -> SocketAddr {
    (Ipv6Addr::UNSPECIFIED, port).into()
}

fn default_threads() -> usize {
    available_parallelism().map_or(1, usize::from).min(MOST_DEFAULT_THREADS)
}

fn threads(text: &str) -> Result<usize, String> {
    let count = text.parse().ok().filter(|count| (1..=1024).contains(count));
    count.ok_or_else(|| "a number from 1 to 1024 would be right".to_owned())
}

/// As Go writes one, such as `720h` or `1h30m`.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let duration = text.parse::<SignedDuration>().ok().and_then(|signed| Duration::try_from(signed).ok());
    duration.ok_or_else(|| "a duration would be right, such as 720h or 1h30m".to_owned())
}

/// As a configuration may have it.
fn review_timeout(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().ok().filter(|seconds| (1..=30).contains(seconds));
    seconds.map(Duration::from_secs).ok_or_else(|| "a number from 1 to 30 would be right".to_owned())
}

fn seconds(text: &str) -> Result<Duration, String> {
    let duration = text.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    duration.ok_or_else(|| "a number of seconds would be right, such as 5 or 0.5".to_owned())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use crate::patience::Patience;

    const FILES: &[&str] = &["rolebridge-webhook", "--certificate", "c", "--key", "k", "--defaults", "d"];

    #[test]
    fn every_flag_is_an_environment_variable() {
        for argument in Arguments::command().get_arguments() {
            let flag = argument.get_long().unwrap();
            let expected = format!("ROLEBRIDGE_WEBHOOK_{}", flag.replace('-', "_").to_uppercase());
            assert_eq!(argument.get_env().unwrap(), expected.as_str());
        }
    }

    #[test]
    fn the_defaults_suit_a_cluster() {
        let arguments = Arguments::parse_from(FILES);
        assert_eq!(arguments.listen.to_string(), "[::]:9443");
        assert_eq!(arguments.health_listen.to_string(), "[::]:8080");
        assert_eq!(arguments.review_timeout, Patience::USUAL);
        assert_eq!(arguments.drain_delay, Duration::from_secs(5));
        assert!((1..=MOST_DEFAULT_THREADS).contains(&arguments.threads));
    }

    #[test]
    fn a_bad_value_is_refused_with_its_flag() {
        for (flag, value) in [
            ("--listen", "9443"),
            ("--threads", "0"),
            ("--review-timeout", "0"),
            ("--review-timeout", "31"),
            ("--drain-delay", "soon"),
            ("--drain-timeout", "-1"),
            ("--max-connections", "0"),
            ("--log-level", "loud"),
            ("--managed-leaf-lifetime", "long"),
            ("--managed-publish-delay", "-1s"),
        ] {
            let argument = format!("{flag}={value}");
            let error = Arguments::try_parse_from(FILES.iter().copied().chain([&*argument])).unwrap_err();
            assert!(error.to_string().contains(flag), "{error}");
        }
    }

    const MANAGED: &[&str] = &[
        "rolebridge-webhook",
        "--defaults=d",
        "--managed-certificate=system/tls",
        "--managed-lease=l",
        "--managed-service=s",
        "--configuration=a",
    ];

    #[test]
    fn a_managed_certificate_has_all_its_flags_and_no_files() {
        let arguments = Arguments::parse_from(MANAGED.iter().copied().chain(["--configuration=b"]));
        assert_eq!(arguments.configuration, ["a", "b"]);
        let settings = arguments.managed.settings(Duration::from_secs(10)).unwrap().unwrap();
        assert_eq!(settings.policy.server_name(), "s.system.svc");
        assert_eq!(settings.policy.leaf_lifetime, Duration::from_hours(30 * 24));
        for without in &MANAGED[2..] {
            let arguments = MANAGED.iter().filter(|argument| argument != &without);
            assert!(Arguments::try_parse_from(arguments).is_err(), "without {without}");
        }
        for with in [["--certificate=c", "--key=k"], ["--managed-certificate=system", "--key=k"]] {
            assert!(Arguments::try_parse_from(MANAGED.iter().copied().chain(with)).is_err(), "with {with:?}");
        }
        assert!(Arguments::parse_from(FILES).managed.settings(Duration::ZERO).unwrap().is_none());
    }

    #[test]
    fn lifetimes_leave_room_for_each_other() {
        for (flag, expected) in [
            ("--managed-ca-lifetime=2000h", "three times"),
            ("--managed-leaf-lifetime=4m", "ten times"),
            ("--managed-publish-delay=100h", "ten times"),
            ("--managed-lease-duration=10ms", "1s or more"),
        ] {
            let arguments = Arguments::parse_from(MANAGED.iter().copied().chain([flag]));
            let error = arguments.managed.settings(Duration::ZERO).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
    }
}
