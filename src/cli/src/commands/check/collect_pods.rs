//! Reads the pods that opted in, with what decides about them, and counts what is to be said.
//!
//! Of all pods only the metadata is read, to see in which namespaces somebody opted in; whole pods only there.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Namespace, Pod, ServiceAccount};
use kube::Client;
use kube::api::{Api, ObjectMeta};
use rolebridge_core::annotations::{INJECT, NAMESPACE_OPT_IN};
use rolebridge_inject::{Context, Defaults, ObjectMetadata};
use serde_json::value::RawValue;

use crate::cluster::owner::Owner;
use crate::cluster::with_timeout;
use crate::commands::check::aggregate::PodSummary;
use crate::commands::check::classify_pod::{self, PodContext};
use crate::commands::check::paginate;
use crate::commands::check::progress::Progress;
use crate::commands::check::service_account::Account;
use crate::commands::check::snapshot::ReadResult;
use crate::error::CliError;

/// What is known of the context.
#[derive(Debug)]
pub(crate) struct PodCheckContext {
    /// `None` where the document could not be read.
    pub(crate) defaults: Option<Defaults>,
    /// The namespaces that the configurations leave out.
    pub(crate) excluded: Vec<String>,
    pub(crate) now: Timestamp,
}

/// What was read of namespaces and their pods.
#[derive(Debug)]
pub(crate) struct Pods {
    /// By their names.
    pub(crate) namespaces: ReadResult<BTreeMap<String, ObjectMetadata>>,
    /// Those whose label opts their pods in.
    pub(crate) labelled: BTreeSet<String>,
    /// The namespaces left out.
    pub(crate) excluded: Vec<String>,
    pub(crate) tally: PodSummary,
    /// What could not be read of pods and of service accounts, and why.
    pub(crate) unseen: Vec<String>,
    pub(crate) unseen_accounts: Vec<String>,
    /// What the sidecars of pods said last, by namespace and pod.
    pub(crate) said: BTreeMap<(String, String), String>,
}

/// Everything of one namespace, or of all.
pub(crate) async fn read(
    client: &Client,
    only: Option<&str>,
    context: &PodCheckContext,
    progress: &Progress,
) -> Pods {
    progress.say("namespaces");
    let mut labelled = BTreeSet::new();
    let namespaces = namespaces(client, only, &mut labelled).await.map_err(CliError::into_message);
    let mut pods = Pods {
        namespaces,
        labelled,
        excluded: context.excluded.clone(),
        tally: PodSummary::default(),
        unseen: Vec::new(),
        unseen_accounts: Vec::new(),
        said: BTreeMap::new(),
    };
    let mut opted_in = pods.labelled.clone();
    if let Some(only) = only {
        opted_in.insert(only.to_owned());
    } else if let Err(failure) = annotated(client, &mut opted_in, progress).await {
        pods.unseen.push(format!("{} (--namespace looks at one alone)", failure.into_message()));
    }
    for namespace in &opted_in {
        let reader = Reader { client, namespace, context, progress };
        let read = reader.read(&mut pods).await.map_err(CliError::into_message);
        pods.unseen.extend(read.err());
    }
    pods
}

/// The namespaces, and those among them that opt their pods in.
async fn namespaces(
    client: &Client,
    only: Option<&str>,
    labelled: &mut BTreeSet<String>,
) -> Result<BTreeMap<String, ObjectMetadata>, CliError> {
    let api: Api<Namespace> = Api::all(client.clone());
    let mut namespaces = BTreeMap::new();
    let mut add = |metadata: ObjectMeta| {
        let ObjectMeta { name, labels, annotations, .. } = metadata;
        let (name, labels) = (name.unwrap_or_default(), labels.unwrap_or_default());
        if labels.get(INJECT).is_some_and(|value| value == NAMESPACE_OPT_IN) {
            labelled.insert(name.clone());
        }
        namespaces.insert(name, ObjectMetadata::new(annotations.unwrap_or_default(), labels));
    };
    match only {
        Some(name) => {
            add(with_timeout(&format!("the namespace {name}"), api.get_metadata(name)).await?.metadata)
        }
        None => {
            paginate::metadata("the namespaces", &api, |page| page.into_iter().for_each(&mut add)).await?
        }
    }
    Ok(namespaces)
}

/// The namespaces of pods that say something themselves.
async fn annotated(
    client: &Client,
    namespaces: &mut BTreeSet<String>,
    progress: &Progress,
) -> Result<(), CliError> {
    let api: Api<Pod> = Api::all(client.clone());
    let mut count = 0;
    let is_opted_in = |metadata: &ObjectMeta| {
        metadata.annotations.iter().flatten().any(|(key, value)| key == INJECT && value != "false")
    };
    paginate::metadata("the pods of the cluster", &api, |page| {
        count += page.len();
        progress.say(format!("{count} pods, for those that opted in"));
        let opted_in = page.into_iter().filter(is_opted_in);
        namespaces.extend(opted_in.filter_map(|metadata| metadata.namespace));
    })
    .await
}

struct Reader<'a> {
    client: &'a Client,
    namespace: &'a str,
    context: &'a PodCheckContext,
    progress: &'a Progress,
}

impl Reader<'_> {
    /// The pods of the namespace.
    async fn read(&self, pods: &mut Pods) -> Result<(), CliError> {
        let (accounts, knows_accounts) = match self.accounts().await.map_err(CliError::into_message) {
            Ok(accounts) => (accounts, true),
            Err(why) => {
                pods.unseen_accounts.push(why);
                (BTreeMap::new(), false)
            }
        };
        let namespace_metadata =
            pods.namespaces.as_ref().ok().and_then(|all| all.get(self.namespace)).cloned();
        let tally = &mut pods.tally;
        let each = |page: Vec<Box<RawValue>>| {
            for json in page {
                self.add(json.get(), &accounts, knows_accounts, namespace_metadata.as_ref(), tally)?;
            }
            self.progress.say(format!("{} pods that opted in", tally.opted_in));
            Ok(())
        };
        paginate::pods(self.client, self.namespace, each).await
    }

    async fn accounts(&self) -> Result<BTreeMap<String, Account>, CliError> {
        let api: Api<ServiceAccount> = Api::namespaced(self.client.clone(), self.namespace);
        let mut accounts = BTreeMap::new();
        let what = format!("the service accounts of the namespace {}", self.namespace);
        paginate::metadata(&what, &api, |page| {
            accounts.extend(
                page.into_iter()
                    .map(|mut metadata| (metadata.name.take().unwrap_or_default(), Account::new(metadata))),
            );
        })
        .await?;
        Ok(accounts)
    }

    fn add(
        &self,
        json: &str,
        accounts: &BTreeMap<String, Account>,
        knows_accounts: bool,
        namespace_metadata: Option<&ObjectMetadata>,
        tally: &mut PodSummary,
    ) -> Result<(), CliError> {
        let format = |error: serde_json::Error| CliError::Format(error.to_string());
        let pod: Pod = serde_json::from_str(json).map_err(format)?;
        let view: rolebridge_inject::Pod<'_> = serde_json::from_str(json).map_err(format)?;
        let PodCheckContext { defaults, excluded, now } = self.context;
        let built_in = Defaults::default();
        let account = accounts.get(view.service_account());
        let around = PodContext {
            context: Context {
                namespace: self.namespace,
                service_account: account.map(|account| &account.metadata),
                namespace_metadata,
                defaults: defaults.as_ref().unwrap_or(&built_in),
            },
            is_whole: knows_accounts && defaults.is_some(),
            excluded: excluded.iter().any(|one| one == self.namespace),
            image: defaults.as_ref().map(Defaults::image),
            now: *now,
        };
        if let Some(state) = classify_pod::classify(&pod, &view, &around) {
            let name = pod.metadata.name.as_deref().unwrap_or_default();
            tally.add(self.namespace, &Owner::of(&pod), name, state);
            tally.account(self.namespace, view.service_account(), account);
        }
        Ok(())
    }
}
