//! A fake Kubernetes API server. It serves lists, watches and reads of service accounts and namespaces, as the webhook's
//! reflectors request them. It also serves reads and writes of the objects that the webhook uses to manage its
//! certificate, with conflicts as in Kubernetes. It has no TLS and no authorization; the cluster tests cover them.

mod server;
mod store;
#[cfg(test)]
mod tests;
mod watch;

use std::path::Path;
use std::sync::Arc;

use serde_json::{Value, json};
pub use store::{Kind, Outage, RequestCounts};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use self::store::Store;
use crate::error::{Context, Result};

/// A running fake API server. Dropping it stops it.
#[derive(Debug)]
pub struct FakeApiServer {
    url: String,
    store: Arc<Store>,
    server: JoinHandle<()>,
}

impl FakeApiServer {
    /// Starts a server without objects on a port of 127.0.0.1.
    ///
    /// # Errors
    /// Returns an error if no port is free.
    pub async fn start() -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.context("bind the fake API server")?;
        let url = format!("http://{}", listener.local_addr().context("read the port")?);
        let store = Arc::new(Store::default());
        let router = server::router(Arc::clone(&store));
        let server = tokio::spawn(async move {
            // The server runs until the task is aborted. A connection error affects that connection only.
            let _ = axum::serve(listener, router).await;
        });
        Ok(Self { url, store, server })
    }

    /// Returns the base URL, `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Writes a kubeconfig for this server.
    ///
    /// # Errors
    /// Returns an error if the file cannot be written.
    pub fn write_kubeconfig(&self, file: &Path) -> Result<()> {
        let config = json!({
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "fake",
            "contexts": [{"name": "fake", "context": {"cluster": "fake", "user": "fake"}}],
            "clusters": [{"name": "fake", "cluster": {"server": self.url}}],
            "users": [{"name": "fake", "user": {}}],
        });
        // JSON is YAML.
        std::fs::write(file, config.to_string()).context(format_args!("write {}", file.display()))
    }

    /// Creates or replaces a namespace with these labels and annotations.
    pub fn put_namespace(&self, name: &str, labels: &Value, annotations: &Value) {
        self.store.put(Kind::Namespace, "", name, metadata_object(labels, annotations));
    }

    /// Creates or replaces a service account with these annotations.
    pub fn put_service_account(&self, namespace: &str, name: &str, annotations: &Value) {
        self.store.put(Kind::ServiceAccount, namespace, name, metadata_object(&json!({}), annotations));
    }

    /// Creates or replaces an object of any kind; its metadata is optional. `namespace` is empty for a cluster-scoped kind.
    pub fn put(&self, kind: Kind, namespace: &str, name: &str, object: Value) {
        self.store.put(kind, namespace, name, object);
    }

    /// Returns a service account with the metadata that the server sets.
    #[must_use]
    pub fn service_account(&self, namespace: &str, name: &str) -> Option<Value> {
        self.read(Kind::ServiceAccount, namespace, name)
    }

    /// Returns an object with the metadata that the server sets.
    #[must_use]
    pub fn read(&self, kind: Kind, namespace: &str, name: &str) -> Option<Value> {
        self.store.read(kind, namespace, name).map(|object| Value::clone(&object))
    }

    /// Deletes an object. `namespace` is empty for a cluster-scoped kind.
    pub fn delete(&self, kind: Kind, namespace: &str, name: &str) {
        self.store.delete(kind, namespace, name);
    }

    /// Pauses all watches (`true`), so that reads return newer objects than the caches have, or resumes them (`false`).
    pub fn pause_watches(&self, pause: bool) {
        self.store.pause_watches(pause);
    }

    /// Makes every request fail in this way, or succeed again (`None`).
    pub fn set_outage(&self, outage: Option<Outage>) {
        self.store.set_outage(outage);
    }

    /// Drops old resource versions, as etcd's compaction does. A watch from one of them then gets status 410.
    pub fn compact(&self) {
        self.store.compact();
    }

    /// Returns the number of requests so far.
    #[must_use]
    pub fn request_counts(&self) -> RequestCounts {
        self.store.request_counts()
    }
}

/// Builds an object with nothing but metadata.
fn metadata_object(labels: &Value, annotations: &Value) -> Value {
    let mut metadata = json!({});
    for (field, map) in [("labels", labels), ("annotations", annotations)] {
        if map.as_object().is_some_and(|map| !map.is_empty()) {
            metadata[field] = map.clone();
        }
    }
    json!({"metadata": metadata})
}

impl Drop for FakeApiServer {
    fn drop(&mut self) {
        self.server.abort();
    }
}
