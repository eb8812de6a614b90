//! The test environment: fake clouds, the real webhook, and for each cell a pod that runs the client as its app.

use std::ffi::OsString;
use std::io::{Write, stderr};
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::Duration;

use rolebridge_core::annotations::{
    IDENTITY, OUTPUTS, PORT, PROJECT, PROVIDER, SERVICE_ACCOUNT, SOURCE, eks,
};
use rolebridge_fake_clouds::Event;
use rolebridge_fake_clouds::config::Config;
use rolebridge_tests::error::{Context, Error, Result};
use rolebridge_tests::fake_kubelet::Pod;
use rolebridge_tests::ports::free_address;
use rolebridge_tests::programs::Programs;
use rolebridge_tests::world::{
    APP, APP_PROGRAM, GOOGLE_ACCOUNT, GOOGLE_PROJECT, NAMESPACE, ROLE, Variant, World,
};
use serde_json::json;

use crate::callers;
use crate::client::{Client, Reads};
use crate::emulators::Emulators;
use crate::error_text::error_text;
use crate::install::Installed;
use crate::network::Network;
use crate::result_cell::{Access, ResultCell, RunResult, TIMED_OUT};

const CLOUDS_CONFIG: &str = include_str!("clouds.yaml");
const BUCKET: &str = "shop-reports";
const OBJECT: &str = "conformance.txt";
const QUERY: &str = "SELECT * FROM sales.conformance";
/// The OAuth client of the application behind Identity-Aware Proxy.
const CLIENT_ID: &str = "987654321098-orders.apps.googleusercontent.com";
/// The content of the object and the table.
const EXPECTED_CONTENT: &str = "fetched by a stock library";
/// The account of programs that call services with an ID token. It may do nothing as itself.
const CALLER_ACCOUNT: &str = "orders-caller@shop-analytics.iam.gserviceaccount.com";
/// The same, which may issue ID tokens as itself.
const ISSUER_ACCOUNT: &str = "orders-issuer@shop-analytics.iam.gserviceaccount.com";
/// A Kubernetes service account without a Google service account.
const DIRECT_SERVICE_ACCOUNT: &str = "direct";
/// The file with the fakes' CA, and the variables by which programs of all languages trust it.
const CA_FILE: &str = "/etc/clouds/ca.crt";
const CA_VARIABLES: [&str; 5] = [
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "SSL_CERT_FILE",
    "NODE_EXTRA_CA_CERTS",
    "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH",
];

/// The running test environment.
#[derive(Debug)]
pub(crate) struct Environment {
    world: World,
    /// The time limit of a run, except for a job with its own. Some libraries retry hopeless calls for minutes.
    time_limit: Duration,
    /// The number of runs, which gives each its own names in emulators: these keep their data.
    runs: u32,
    /// The network of an environment that runs at the same time as others.
    network: Option<Network>,
    _emulators: Arc<Emulators>,
}

/// The parts that differ between environments that run at the same time.
#[derive(Debug)]
pub(crate) struct Own {
    /// The names and addresses that no other has.
    pub(crate) network: Network,
    /// The number of the first run, minus one. No two runs have the same number.
    pub(crate) runs: u32,
}

impl Environment {
    /// Starts everything except the clients. The fakes forward to these emulators.
    pub(crate) async fn start(time_limit: Duration, emulators: Emulators) -> Result<Self> {
        let programs = build().await?;
        Self::with(&programs, clouds_config()?, time_limit, Arc::new(emulators), None).await
    }

    /// Starts everything except the clients, with these programs and clouds, alone or at the same time as other environments.
    pub(crate) async fn with(
        programs: &Programs,
        mut config: Config,
        time_limit: Duration,
        emulators: Arc<Emulators>,
        own: Option<Own>,
    ) -> Result<Self> {
        config.google.emulated.clone_from(&emulators.apis);
        let (network, runs) = own.map_or((None, 0), |Own { network, runs }| (Some(network), runs));
        if let Some(network) = &network {
            config.google_addresses.clone_from(&network.addresses);
        }
        let mut world = World::start(programs, Vec::new(), config).await.context(
            "failed to start the environment (tests/conformance/run maps Google's names to this machine)",
        )?;
        let annotations = json!({eks::ROLE_ARN: ROLE, PROJECT: GOOGLE_PROJECT});
        world.api_server.put_service_account(NAMESPACE, DIRECT_SERVICE_ACCOUNT, &annotations);
        for program in world.node.programs.values_mut() {
            *program = launched(network.as_ref(), std::mem::take(program));
        }
        Ok(Self { world, time_limit, runs, network, _emulators: emulators })
    }

    /// Returns the events of the fakes so far.
    pub(crate) fn events(&self) -> Vec<Event> {
        self.world.clouds.events()
    }

    /// Runs a client in a pod of its own.
    pub(crate) async fn run(
        &mut self,
        client: &Client,
        installed: &Installed,
        cell: ResultCell,
    ) -> Result<RunResult> {
        self.runs += 1;
        let fill = |text: &String| self.fill(text, client, installed);
        let command: Vec<OsString> = client.program.iter().map(|argument| fill(argument).into()).collect();
        let trusts = client.job.is_some() || client.signing.is_some();
        let trusting = CA_VARIABLES.iter().filter(|_| trusts);
        let trusting = trusting.map(|&name| (name.to_owned(), CA_FILE.to_owned()));
        let own = client.environment.iter().map(|(name, value)| (name.clone(), fill(value)));
        let environment: Vec<_> = trusting.chain(own).collect();
        let expected =
            client.job.as_ref().map_or_else(|| EXPECTED_CONTENT.to_owned(), |job| fill(&job.expects));
        let timeout = client.job.as_ref().map_or(self.time_limit, |job| Duration::from_secs(job.seconds));
        let outputs = client.signing.as_ref().and_then(|signing| signing.outputs.as_ref()).map(fill);
        self.world.node.programs.insert(APP_PROGRAM.to_owned(), launched(self.network.as_ref(), command));
        let has_outputs = outputs.is_some();
        let pod = match self.start_pod(environment, cell, account(client), outputs).await {
            // The webhook denies an ID token without an account, which is the result here.
            Err(error) if has_outputs => return Ok(RunResult::Failure { error: error.to_string() }),
            pod => pod?,
        };
        let before = self.events().len();
        let mut running = pod.run(timeout).await?;
        let app = running.process(APP).context("the pod has no container `app`")?;
        let exited = app.wait(timeout).await;
        let log = app.log().text();
        let principal = match &client.job {
            Some(_) => callers::only_caller(&self.events()[before..], cell.access),
            None => callers::reader(&self.events()[before..], client.reads),
        };
        // The pod's files are in a temporary folder here.
        let folders = [(pod.root(), ""), (&*installed.out, "$OUT"), (&*client.here, "$HERE")];
        let error = || error_text(&log, &folders);
        let is_done = |status: ExitStatus| status.success() && log.contains(&expected);
        if std::env::var_os("ROLEBRIDGE_CONFORMANCE_LOG").is_some() {
            let _ = writeln!(stderr(), "{log}\n{:#?}", &self.events()[before..]);
        }
        Ok(match (exited, principal) {
            (Ok(status), Ok(principal)) if is_done(status) => RunResult::Success { principal },
            (Ok(status), Err(error)) if is_done(status) => RunResult::Failure { error },
            (Ok(_), _) => RunResult::Failure { error: error() },
            (Err(_), _) => RunResult::Failure {
                error: format!("{TIMED_OUT} after {} s; {}", timeout.as_secs(), error()),
            },
        })
    }

    async fn start_pod(
        &self,
        environment: Vec<(String, String)>,
        cell: ResultCell,
        account: &str,
        outputs: Option<String>,
    ) -> Result<Pod> {
        let mut pod = self.world.pod(&Variant::default())?;
        let annotations = &mut pod["metadata"]["annotations"];
        annotations[IDENTITY] = json!(cell.identity.name());
        annotations[PROVIDER] = json!(cell.identity.provider());
        annotations[SOURCE] = json!(cell.source);
        if let Some(outputs) = outputs {
            annotations[OUTPUTS] = json!(outputs);
        }
        // The port of the previous pod may still be in use.
        annotations[PORT] = json!(free_address()?.port().to_string());
        match cell.access {
            Access::Impersonated => annotations[SERVICE_ACCOUNT] = json!(account),
            Access::Direct => pod["spec"]["serviceAccountName"] = json!(DIRECT_SERVICE_ACCOUNT),
        }
        let env =
            pod["spec"]["containers"][0]["env"].as_array_mut().context("the container `app` has no env")?;
        for (name, value) in environment {
            env.retain(|variable| variable["name"] != name.as_str());
            env.push(json!({"name": name, "value": value}));
        }
        let response = self.world.admit(&pod).await?;
        if response.allowed && response.patch.is_none() {
            return Err(Error::new("the webhook allowed the pod without a patch"));
        }
        Pod::create(&self.world.node, &response.apply(&pod)?)
    }

    fn fill(&self, text: &str, client: &Client, installed: &Installed) -> String {
        let clouds = &self.world.clouds;
        text.replace("$HERE", &client.here.to_string_lossy())
            .replace("$OUT", &installed.out.to_string_lossy())
            .replace("$STORAGE_URL", clouds.storage())
            .replace("$BIGQUERY_URL", clouds.bigquery())
            .replace("$SERVICE_URL", &clouds.endpoints().run_services[0])
            .replace("$APPLICATION_URL", &clouds.endpoints().iap_applications[0])
            .replace("$CLIENT_ID", CLIENT_ID)
            .replace("$ACCOUNT", account(client))
            .replace("$BUCKET", BUCKET)
            .replace("$OBJECT", OBJECT)
            .replace("$QUERY", QUERY)
            .replace("$PROJECT", GOOGLE_PROJECT)
            .replace("$RUN", &format!("run{}", self.runs))
    }
}

/// Returns the Google service account of a client's pod.
fn account(client: &Client) -> &'static str {
    match client.reads {
        Reads::Object | Reads::Table | Reads::SignedUrl => GOOGLE_ACCOUNT,
        Reads::Service | Reads::Application => {
            let issues = client.signing.as_ref().is_some_and(|signing| signing.issues);
            if issues { ISSUER_ACCOUNT } else { CALLER_ACCOUNT }
        }
    }
}

/// Builds the webhook and the sidecar.
pub(crate) async fn build() -> Result<Programs> {
    tokio::task::spawn_blocking(Programs::build).await.context("failed to build the programs")?
}

/// Returns the configuration of the fake clouds.
pub(crate) fn clouds_config() -> Result<Config> {
    serde_saphyr::from_str(CLOUDS_CONFIG).context("failed to read clouds.yaml")
}

/// Returns the command of a program in a network.
fn launched(network: Option<&Network>, command: Vec<OsString>) -> Vec<OsString> {
    network.map(Network::launcher).unwrap_or_default().into_iter().chain(command).collect()
}
