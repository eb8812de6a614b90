//! Where clients are run: fake clouds, the real webhook, and for each cell a pod whose app is the client.

use std::ffi::OsString;
use std::time::Duration;

use rolebridge_core::annotations::{IDENTITY, PORT, PROJECT, PROVIDER, SERVICE_ACCOUNT, SOURCE, eks};
use rolebridge_fake_clouds::Detail;
use rolebridge_fake_clouds::config::Config;
use rolebridge_tests::error::{Context, Failure, Result};
use rolebridge_tests::fake_kubelet::Pod;
use rolebridge_tests::ports::free_address;
use rolebridge_tests::programs::Programs;
use rolebridge_tests::world::{
    APP, APP_PROGRAM, GOOGLE_ACCOUNT, GOOGLE_PROJECT, NAMESPACE, ROLE, Variant, World,
};
use serde_json::json;

use crate::cell::{Access, Cell, Outcome};
use crate::client::{Client, Reads};
use crate::install::Installed;

const CLOUDS: &str = include_str!("clouds.yaml");
const BUCKET: &str = "shop-reports";
const OBJECT: &str = "conformance.txt";
const QUERY: &str = "SELECT * FROM sales.conformance";
/// What the object and the table hold.
const CONTENT: &str = "fetched by a stock library";
/// A Kubernetes service account that names no service account of Google's.
const DIRECT: &str = "direct";
/// How long a run may take. Some libraries retry for minutes what cannot succeed.
const PATIENCE: Duration = Duration::from_secs(40);

/// The stage.
#[derive(Debug)]
pub(crate) struct Stage {
    world: World,
}

impl Stage {
    /// Starts everything but the clients.
    pub(crate) async fn start() -> Result<Self> {
        let programs = tokio::task::spawn_blocking(Programs::build).await.context("build the programs")??;
        let config: Config = serde_saphyr::from_str(CLOUDS).context("read clouds.yaml")?;
        let world = World::start(&programs, Vec::new(), config)
            .await
            .context("set the stage, where tests/conformance/run has Google's names lead to this machine")?;
        let annotations = json!({eks::ROLE_ARN: ROLE, PROJECT: GOOGLE_PROJECT});
        world.kubernetes.put_service_account(NAMESPACE, DIRECT, &annotations);
        Ok(Self { world })
    }

    /// Runs a client in a pod of its own.
    pub(crate) async fn run(
        &mut self,
        client: &Client,
        installed: &Installed,
        cell: Cell,
    ) -> Result<Outcome> {
        let fill = |text: &String| self.fill(text, client, installed);
        let words: Vec<OsString> = client.program.iter().map(|word| fill(word).into()).collect();
        let environment: Vec<_> =
            client.environment.iter().map(|(name, value)| (name.clone(), fill(value))).collect();
        self.world.node.programs.insert(APP_PROGRAM.to_owned(), words);
        let pod = self.place(environment, cell).await?;
        let before = self.world.clouds.events().len();
        let mut running = pod.run(PATIENCE).await?;
        let app = running.process(APP).context("the pod has no app")?;
        let ended = app.wait(PATIENCE).await;
        let log = app.log().text();
        let fetched = self.fetched(client.reads, before);
        Ok(match (ended, fetched) {
            (Ok(status), Some(principal)) if status.success() && log.contains(CONTENT) => {
                Outcome::Yes { principal }
            }
            (Ok(_), _) => Outcome::No { error: last_words(&log) },
            (Err(_), _) => {
                Outcome::No { error: format!("no end after {} s; {}", PATIENCE.as_secs(), last_words(&log)) }
            }
        })
    }

    async fn place(&self, environment: Vec<(String, String)>, cell: Cell) -> Result<Pod> {
        let mut pod = self.world.pod(&Variant::default())?;
        let annotations = &mut pod["metadata"]["annotations"];
        annotations[IDENTITY] = json!(cell.identity.name());
        annotations[PROVIDER] = json!(cell.identity.provider());
        annotations[SOURCE] = json!(cell.source);
        // The port of the pod before may not be free yet.
        annotations[PORT] = json!(free_address()?.port().to_string());
        match cell.access {
            Access::Impersonated => annotations[SERVICE_ACCOUNT] = json!(GOOGLE_ACCOUNT),
            Access::Direct => pod["spec"]["serviceAccountName"] = json!(DIRECT),
        }
        let app = pod["spec"]["containers"][0]["env"].as_array_mut().context("the app has no env")?;
        for (name, value) in environment {
            app.retain(|variable| variable["name"] != name.as_str());
            app.push(json!({"name": name, "value": value}));
        }
        let answer = self.world.admit(&pod).await?;
        if answer.allowed && answer.patch.is_none() {
            return Err(Failure::new("the webhook let the pod pass without a patch"));
        }
        Pod::place(&self.world.node, &answer.apply(&pod)?)
    }

    fn fill(&self, text: &str, client: &Client, installed: &Installed) -> String {
        let clouds = &self.world.clouds;
        text.replace("$HERE", &client.here.to_string_lossy())
            .replace("$OUT", &installed.out.to_string_lossy())
            .replace("$STORAGE_URL", clouds.storage())
            .replace("$BIGQUERY_URL", clouds.bigquery())
            .replace("$BUCKET", BUCKET)
            .replace("$OBJECT", OBJECT)
            .replace("$QUERY", QUERY)
    }

    /// As whom the data was read since then.
    fn fetched(&self, reads: Reads, since: usize) -> Option<String> {
        self.world.clouds.events()[since..].iter().rev().find_map(|event| match (&event.detail, reads) {
            _ if event.error.is_some() => None,
            (Detail::ObjectRead { principal, .. }, Reads::Object)
            | (Detail::TableRead { principal, .. }, Reads::Table) => Some(principal.clone()),
            _ => None,
        })
    }
}

/// The last line that says something, without what differs from run to run: ports.
fn last_words(log: &str) -> String {
    let says = |line: &&str| !line.is_empty() && !["at ", "... "].iter().any(|place| line.starts_with(place));
    let line = log.lines().map(str::trim).rfind(says).unwrap_or("it said nothing");
    let mut parts = line.split("127.0.0.1:");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| {
        text + "127.0.0.1:PORT" + part.trim_start_matches(|c: char| c.is_ascii_digit())
    })
}
