//! Collects the pods that opted in, with the objects that decide about them, and summarizes their problems.
//!
//! For most pods only the metadata is read, to find the namespaces with pods that opted in. Whole pods are read in these
//! namespaces only.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use k8s_openapi::api::core::v1;
use k8s_openapi::api::core::v1::{Namespace, Pod};
use kube::Client;
use kube::api::{Api, ObjectMeta};
use rolebridge_core::annotations::{INJECT, NAMESPACE_OPT_IN};
use rolebridge_inject::{Context, Defaults, ObjectMetadata};
use serde_json::value::RawValue;

use crate::cluster::exchanges::Exchanges;
use crate::cluster::owner::Owner;
use crate::cluster::pod::name;
use crate::cluster::scope::{Labels, Membership, Scope};
use crate::cluster::with_timeout;
use crate::commands::check::aggregate::PodSummary;
use crate::commands::check::classify_pod::{PodContext, PodState, classify};
use crate::commands::check::demand;
use crate::commands::check::paginate;
use crate::commands::check::progress::Progress;
use crate::commands::check::service_account::ServiceAccount;
use crate::error::{CliError, ReadResult};

/// The facts about the installation that decide about pods.
#[derive(Debug)]
pub(crate) struct PodCheckContext {
    /// The defaults, if they could be read.
    pub(crate) defaults: Option<Defaults>,
    /// The namespaces and pods of the release.
    pub(crate) scope: Scope,
    pub(crate) now: Timestamp,
}

/// The namespaces and pods that were read.
#[derive(Debug)]
pub(crate) struct PodCollection {
    /// The metadata of the namespaces, by name.
    pub(crate) namespaces: ReadResult<BTreeMap<String, ObjectMetadata>>,
    /// The labels of the namespaces, by name.
    namespace_labels: BTreeMap<String, Labels>,
    /// The namespaces that opt their pods in by label.
    pub(crate) labelled: BTreeSet<String>,
    /// The namespaces that no configuration selects.
    pub(crate) excluded: BTreeSet<String>,
    /// The namespaces that only other releases select. Their pods are not checked.
    pub(crate) foreign: BTreeSet<String>,
    /// The sidecar image that new pods get, if it could be read.
    pub(crate) image: Option<String>,
    pub(crate) summary: PodSummary,
    /// The messages of failed requests for pods.
    pub(crate) pod_errors: Vec<String>,
    /// The messages of failed requests for service accounts.
    pub(crate) account_errors: Vec<String>,
    /// The last probe messages of sidecars, by namespace and pod.
    pub(crate) probe_messages: BTreeMap<(String, String), String>,
}

/// Collects the pods of one namespace, or of all.
pub(crate) async fn collect(
    client: &Client,
    namespace: Option<&str>,
    context: &PodCheckContext,
    progress: &Progress,
) -> PodCollection {
    progress.show("namespaces");
    let mut groups = NamespaceGroups::default();
    let namespaces = collect_namespaces(client, namespace, &context.scope, &mut groups)
        .await
        .map_err(CliError::into_message);
    let NamespaceGroups { labels: namespace_labels, labelled, excluded, foreign } = groups;
    let mut pods = PodCollection {
        namespaces,
        namespace_labels,
        labelled,
        excluded,
        foreign,
        image: context.defaults.as_ref().map(|defaults| defaults.image().to_owned()),
        summary: PodSummary::default(),
        pod_errors: Vec::new(),
        account_errors: Vec::new(),
        probe_messages: BTreeMap::new(),
    };
    let mut opted_in = pods.labelled.clone();
    if let Some(namespace) = namespace {
        opted_in.insert(namespace.to_owned());
    } else if let Err(error) = add_annotated_namespaces(client, &mut opted_in, progress).await {
        let message = error.into_message();
        pods.pod_errors.push(format!("{message} (--namespace limits the check to one namespace)"));
    }
    for namespace in opted_in.difference(&pods.foreign.clone()) {
        let collector = NamespaceCollector { client, namespace, context, progress };
        let result = collector.collect(&mut pods).await.map_err(CliError::into_message);
        pods.pod_errors.extend(result.err());
    }
    pods
}

/// The names of namespaces, by their labels.
#[derive(Debug, Default)]
struct NamespaceGroups {
    labels: BTreeMap<String, Labels>,
    labelled: BTreeSet<String>,
    excluded: BTreeSet<String>,
    foreign: BTreeSet<String>,
}

/// Collects the namespaces, and adds their names to `groups`.
async fn collect_namespaces(
    client: &Client,
    namespace: Option<&str>,
    scope: &Scope,
    groups: &mut NamespaceGroups,
) -> Result<BTreeMap<String, ObjectMetadata>, CliError> {
    let api: Api<Namespace> = Api::all(client.clone());
    let mut namespaces = BTreeMap::new();
    let mut add = |metadata: ObjectMeta| {
        let ObjectMeta { name, labels, annotations, .. } = metadata;
        let (name, labels) = (name.unwrap_or_default(), labels.unwrap_or_default());
        let membership = scope.membership(&name, &labels);
        match membership {
            Membership::Own => {}
            Membership::Other => _ = groups.foreign.insert(name.clone()),
            Membership::Excluded => _ = groups.excluded.insert(name.clone()),
        }
        let is_labelled = labels.get(INJECT).is_some_and(|value| value == NAMESPACE_OPT_IN);
        if is_labelled && membership != Membership::Other {
            groups.labelled.insert(name.clone());
        }
        namespaces.insert(name.clone(), ObjectMetadata::new(annotations.unwrap_or_default(), labels.clone()));
        groups.labels.insert(name, labels);
    };
    if let Some(name) = namespace {
        add(with_timeout(&format!("the namespace {name}"), api.get_metadata(name)).await?.metadata);
    } else {
        let on_page = |page: Vec<ObjectMeta>| page.into_iter().for_each(&mut add);
        paginate::list_metadata("the namespaces", &api, on_page).await?;
    }
    Ok(namespaces)
}

/// Adds the namespaces of pods that opt in by annotation.
async fn add_annotated_namespaces(
    client: &Client,
    namespaces: &mut BTreeSet<String>,
    progress: &Progress,
) -> Result<(), CliError> {
    let api: Api<Pod> = Api::all(client.clone());
    let mut count = 0;
    let is_opted_in = |metadata: &ObjectMeta| {
        metadata.annotations.iter().flatten().any(|(key, value)| key == INJECT && value != "false")
    };
    paginate::list_metadata("the pods of the cluster", &api, |page| {
        count += page.len();
        progress.show(format!("{count} pods, searching for those that opted in"));
        let opted_in = page.into_iter().filter(is_opted_in);
        namespaces.extend(opted_in.filter_map(|metadata| metadata.namespace));
    })
    .await
}

struct NamespaceCollector<'a> {
    client: &'a Client,
    namespace: &'a str,
    context: &'a PodCheckContext,
    progress: &'a Progress,
}

impl NamespaceCollector<'_> {
    /// Collects the pods of the namespace.
    async fn collect(&self, pods: &mut PodCollection) -> Result<(), CliError> {
        let accounts = match self.accounts().await.map_err(CliError::into_message) {
            Ok(accounts) => Some(accounts),
            Err(message) => {
                pods.account_errors.push(message);
                None
            }
        };
        let namespace_metadata =
            pods.namespaces.as_ref().ok().and_then(|namespaces| namespaces.get(self.namespace)).cloned();
        let namespace_labels = pods.namespace_labels.get(self.namespace).cloned();
        let namespace = (namespace_metadata.as_ref(), namespace_labels.as_ref());
        let summary = &mut pods.summary;
        let on_page = |page: Vec<Box<RawValue>>| {
            for json in page {
                self.add(json.get(), accounts.as_ref(), namespace, summary)?;
            }
            self.progress.show(format!("{} pods that opted in", summary.opted_in));
            Ok(())
        };
        paginate::list_pods(self.client, self.namespace, on_page).await
    }

    async fn accounts(&self) -> Result<BTreeMap<String, ServiceAccount>, CliError> {
        let api: Api<v1::ServiceAccount> = Api::namespaced(self.client.clone(), self.namespace);
        let mut accounts = BTreeMap::new();
        let subject = format!("the service accounts of the namespace {}", self.namespace);
        paginate::list_metadata(&subject, &api, |page| {
            accounts.extend(page.into_iter().map(|mut metadata| {
                (metadata.name.take().unwrap_or_default(), ServiceAccount::new(metadata))
            }));
        })
        .await?;
        Ok(accounts)
    }

    fn add(
        &self,
        json: &str,
        accounts: Option<&BTreeMap<String, ServiceAccount>>,
        (namespace_metadata, namespace_labels): (Option<&ObjectMetadata>, Option<&Labels>),
        summary: &mut PodSummary,
    ) -> Result<(), CliError> {
        let format_error = |error: serde_json::Error| CliError::Format(error.to_string());
        let pod: Pod = serde_json::from_str(json).map_err(format_error)?;
        let view: rolebridge_inject::Pod<'_> = serde_json::from_str(json).map_err(format_error)?;
        let PodCheckContext { defaults, now, scope } = self.context;
        // Without the labels of namespaces, the name decides.
        let no_labels = Labels::new();
        let pod_labels = pod.metadata.labels.as_ref().unwrap_or(&no_labels);
        let membership =
            scope.pod_membership(self.namespace, namespace_labels.unwrap_or(&no_labels), pod_labels);
        if membership == Membership::Other && namespace_labels.is_some() {
            return Ok(());
        }
        let built_in = Defaults::default();
        let account = accounts.and_then(|accounts| accounts.get(view.service_account()));
        let context = PodContext {
            context: Context {
                namespace: self.namespace,
                service_account: account.map(|account| &account.metadata),
                namespace_metadata,
                defaults: defaults.as_ref().unwrap_or(&built_in),
            },
            is_complete: accounts.is_some() && defaults.is_some(),
            is_excluded: membership == Membership::Excluded,
            image: defaults.as_ref().map(Defaults::image),
            now: *now,
        };
        if let Some(state) = classify(&pod, &view, &context) {
            if matches!(state, PodState::Injected { .. })
                && let Some(exchanges) = Exchanges::of(&pod)
            {
                demand::add(&mut summary.demand, &exchanges);
            }
            summary.add(self.namespace, &Owner::of(&pod), name(&pod), state);
            summary.add_account(self.namespace, view.service_account(), account);
        }
        Ok(())
    }
}
