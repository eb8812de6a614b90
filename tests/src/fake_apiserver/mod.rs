//! A stand-in for the Kubernetes API server: lists, watches and live reads of service accounts and namespaces, as the
//! webhook's reflectors ask for them, and reads and writes of the objects by which it manages its certificate, that
//! conflict as they do there. No TLS and no authorisation: the cluster tests have the real ones.

mod server;
mod store;
#[cfg(test)]
mod tests;
mod watch;

use std::path::Path;
use std::sync::Arc;

use serde_json::{Value, json};
pub use store::{Calls, Kind, Outage};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use self::store::Store;
use crate::error::{Context, Result};

/// A running API server. Ends when dropped.
#[derive(Debug)]
pub struct Kubernetes {
    url: String,
    store: Arc<Store>,
    serving: JoinHandle<()>,
}

impl Kubernetes {
    /// Starts one, empty, on a port of 127.0.0.1.
    ///
    /// # Errors
    /// No port is free.
    pub async fn start() -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.context("listen for Kubernetes clients")?;
        let url = format!("http://{}", listener.local_addr().context("read the port")?);
        let store = Arc::new(Store::default());
        let router = server::router(Arc::clone(&store));
        let serving = tokio::spawn(async move {
            // Serving ends with the task alone: errors of a connection are that connection's.
            let _ = axum::serve(listener, router).await;
        });
        Ok(Self { url, store, serving })
    }

    /// Where it listens, `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Writes a kubeconfig that leads here.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write_kubeconfig(&self, file: &Path) -> Result<()> {
        let config = json!({
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "stand-in",
            "contexts": [{"name": "stand-in", "context": {"cluster": "stand-in", "user": "stand-in"}}],
            "clusters": [{"name": "stand-in", "cluster": {"server": self.url}}],
            "users": [{"name": "stand-in", "user": {}}],
        });
        // JSON is YAML.
        std::fs::write(file, config.to_string()).context(format_args!("write {}", file.display()))
    }

    /// Creates or replaces a namespace with these labels and annotations.
    pub fn put_namespace(&self, name: &str, labels: &Value, annotations: &Value) {
        self.store.put(Kind::Namespace, "", name, object(labels, annotations));
    }

    /// Creates or replaces a service account with these annotations.
    pub fn put_service_account(&self, namespace: &str, name: &str, annotations: &Value) {
        self.store.put(Kind::ServiceAccount, namespace, name, object(&json!({}), annotations));
    }

    /// Creates or replaces an object of any kind, which needs no metadata; a namespaced one's `namespace` is not empty.
    pub fn put(&self, kind: Kind, namespace: &str, name: &str, object: Value) {
        self.store.put(kind, namespace, name, object);
    }

    /// The service account as the API shows it, with its uid.
    #[must_use]
    pub fn service_account(&self, namespace: &str, name: &str) -> Option<Value> {
        self.read(Kind::ServiceAccount, namespace, name)
    }

    /// An object as the API shows it, with its uid and resource version.
    #[must_use]
    pub fn read(&self, kind: Kind, namespace: &str, name: &str) -> Option<Value> {
        self.store.read(kind, namespace, name)
    }

    /// Deletes an object; a namespaced one's `namespace` is not empty.
    pub fn delete(&self, kind: Kind, namespace: &str, name: &str) {
        self.store.delete(kind, namespace, name);
    }

    /// From now on watches are told nothing (`true`), as if the connection lagged: reads show what the caches
    /// cannot know. Or they catch up (`false`).
    pub fn hold_watches(&self, hold: bool) {
        self.store.hold_watches(hold);
    }

    /// From now on the server fails like this, or works again (`None`).
    pub fn fail(&self, outage: Option<Outage>) {
        self.store.fail(outage);
    }

    /// Forgets old versions, as etcd's compaction does: a watch from one of them is answered 410.
    pub fn compact(&self) {
        self.store.compact();
    }

    /// How often it was asked.
    #[must_use]
    pub fn calls(&self) -> Calls {
        self.store.calls()
    }
}

/// An object that is nothing but metadata.
fn object(labels: &Value, annotations: &Value) -> Value {
    let mut metadata = json!({});
    for (field, map) in [("labels", labels), ("annotations", annotations)] {
        if map.as_object().is_some_and(|map| !map.is_empty()) {
            metadata[field] = map.clone();
        }
    }
    json!({"metadata": metadata})
}

impl Drop for Kubernetes {
    fn drop(&mut self) {
        self.serving.abort();
    }
}
