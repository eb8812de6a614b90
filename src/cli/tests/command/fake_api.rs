//! A fake Kubernetes API: paged lists, gets, a dry run of a pod, and ports forwarded to fake replicas.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use serde::Deserialize;
use serde_json::{Value, json};
use tempfile::NamedTempFile;

use crate::fake_replica;

/// The number of objects in a page, so small that most lists have several pages.
const PAGE_SIZE: usize = 2;

/// The issuer of the cluster's tokens.
const ISSUER: &str = "https://oidc.eks.eu-west-1.amazonaws.com/id/5F2A9C1B7D3E4F60A1B2C3D4E5F60718";

/// The path of the webhook configurations.
pub(crate) const CONFIGURATIONS: &str = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations";

/// The resources that can be listed.
const LISTABLE: [&str; 8] = [
    "configmaps",
    "events",
    "limitranges",
    "mutatingwebhookconfigurations",
    "namespaces",
    "pods",
    "resourcequotas",
    "serviceaccounts",
];

/// The API server's response to a dry run.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum DryRun {
    /// The webhook injects the pod.
    #[default]
    Injected,
    /// The webhook injects a pod with these labels, and is not called for another one.
    Selected(BTreeMap<String, String>),
    /// The webhook is not called.
    Unchanged,
    /// The API server returns an error.
    Rejected { code: u16, reason: String, message: String },
}

/// A fake cluster.
#[derive(Debug, Default)]
pub(crate) struct Api {
    pub(crate) objects: Vec<Value>,
    /// The paths that return 403.
    pub(crate) forbidden: Vec<String>,
    /// The paths that return 503.
    pub(crate) unavailable: Vec<String>,
    pub(crate) dry_run: DryRun,
    /// The name of the certificate that each pod serves; `valid` for other pods.
    pub(crate) served: BTreeMap<String, String>,
    /// Receives the impersonated user and groups of each request.
    pub(crate) impersonated: Arc<Mutex<Vec<String>>>,
}

struct Request {
    method: String,
    path: String,
    query: BTreeMap<String, String>,
    headers: BTreeMap<String, String>,
    body: Vec<u8>,
}

impl Api {
    /// Serves the cluster and returns a kubeconfig for it.
    pub(crate) fn serve(self) -> NamedTempFile {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let api = Arc::new(self);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let api = Arc::clone(&api);
                thread::spawn(move || api.handle(stream.unwrap()));
            }
        });
        let mut config = NamedTempFile::new().unwrap();
        let text = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "here",
            "clusters": [{"name": "here", "cluster": {"server": format!("http://{address}")}}],
            "users": [{"name": "me", "user": {}}],
            "contexts": [{"name": "here", "context": {"cluster": "here", "user": "me", "namespace": "shop"}}],
        });
        write!(config, "{text}").unwrap();
        config
    }

    fn handle(&self, mut stream: TcpStream) {
        let request = Request::read(&stream);
        let header = |name| request.headers.get(name).map(String::as_str).unwrap_or_default();
        let impersonated = format!("{} {}", header("impersonate-user"), header("impersonate-group"));
        self.impersonated.lock().unwrap().push(impersonated);
        let (code, body) = match self.respond(&request) {
            Ok(Some(body)) => (200, body),
            Ok(None) => return self.forward(&request, stream),
            Err((code, reason, message)) => (
                code,
                json!({"apiVersion": "v1", "kind": "Status", "status": "Failure", "code": code, "reason": reason,
                    "message": message}),
            ),
        };
        let body = body.to_string();
        write!(
            stream,
            "HTTP/1.1 {code} X\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        )
        .unwrap();
    }

    /// Returns the body of the response, or `None` to switch protocols.
    fn respond(&self, request: &Request) -> Result<Option<Value>, (u16, String, String)> {
        let path = &*request.path;
        if self.forbidden.iter().any(|one| one == path) {
            let message = format!("User \"me\" cannot get or list {path}");
            return Err((403, "Forbidden".to_owned(), message));
        }
        if self.unavailable.iter().any(|one| one == path) {
            let message = "the server is currently unable to handle the request".to_owned();
            return Err((503, "ServiceUnavailable".to_owned(), message));
        }
        match path {
            "/version" => return Ok(Some(version())),
            "/.well-known/openid-configuration" => return Ok(Some(json!({"issuer": ISSUER}))),
            _ => {}
        }
        if request.method == "POST" {
            assert_eq!(request.query.get("dryRun").map(String::as_str), Some("All"), "{path}");
            return self.create_dry_run(&request.body).map(Some);
        }
        if path.ends_with("/portforward") {
            return Ok(None);
        }
        if let Some(object) = self.objects.iter().find(|object| item_path(object) == path) {
            return Ok(Some(object.clone()));
        }
        if LISTABLE.contains(&path.rsplit('/').next().unwrap()) {
            return Ok(Some(self.list(request)));
        }
        Err((404, "NotFound".to_owned(), format!("{path} not found")))
    }

    fn create_dry_run(&self, body: &[u8]) -> Result<Value, (u16, String, String)> {
        let mut pod: Value = serde_json::from_slice(body).unwrap();
        let has_label = |(key, value): (&String, &String)| pod["metadata"]["labels"][key] == **value;
        match &self.dry_run {
            DryRun::Unchanged => Ok(pod),
            DryRun::Selected(labels) if !labels.iter().all(has_label) => Ok(pod),
            DryRun::Injected | DryRun::Selected(_) => {
                pod["spec"]["volumes"] = json!([{"name": "rolebridge-config"}]);
                Ok(pod)
            }
            DryRun::Rejected { code, reason, message } => Err((*code, reason.clone(), message.clone())),
        }
    }

    fn list(&self, request: &Request) -> Value {
        let has_path = |object: &&Value| list_paths(object).contains(&request.path);
        let selected: Vec<_> =
            self.objects.iter().filter(has_path).filter(|object| request.selects(object)).collect();
        let from: usize = request.query.get("continue").map_or(0, |token| token.parse().unwrap());
        let page = if request.query.contains_key("limit") { PAGE_SIZE } else { usize::MAX };
        let items: Vec<_> =
            selected.iter().skip(from).take(page).map(|object| request.representation(object)).collect();
        let next = from.saturating_add(page);
        let token = if next < selected.len() { next.to_string() } else { String::new() };
        json!({"apiVersion": "v1", "kind": "List", "metadata": {"continue": token}, "items": items})
    }

    fn forward(&self, request: &Request, stream: TcpStream) {
        let pod = request.path.split('/').nth_back(1).unwrap();
        let certificate = self.served.get(pod).map_or("valid", String::as_str);
        let port = request.query["ports"].parse().unwrap();
        fake_replica::serve(stream, &request.headers["sec-websocket-key"], port, certificate);
    }
}

impl Request {
    fn read(stream: &TcpStream) -> Self {
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let mut line = || {
            let mut line = String::new();
            reader.read_line(&mut line).unwrap();
            line.trim_end().to_owned()
        };
        let request_line = line();
        let mut headers = BTreeMap::new();
        while let Some((name, value)) = line().split_once(": ") {
            // A header with several values has a line for each.
            let values = headers.entry(name.to_ascii_lowercase()).or_insert_with(String::new);
            values.push_str(if values.is_empty() { "" } else { "," });
            values.push_str(value);
        }
        let length = headers.get("content-length").map_or(0, |length| length.parse().unwrap());
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        let mut parts = request_line.split(' ');
        let (method, target) = (parts.next().unwrap().to_owned(), parts.next().unwrap());
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        let query = pairs.map(|(key, value)| (key.to_owned(), decode(value))).collect();
        Self { method, path: path.to_owned(), query, headers, body }
    }

    fn selects(&self, object: &Value) -> bool {
        let terms = |key: &str| self.query.get(key).cloned().unwrap_or_default();
        let matches = |selector: String, find: &dyn Fn(&str) -> Value| {
            let mut terms = selector.split(',').filter_map(|term| term.split_once('='));
            terms.all(|(key, value)| find(key) == value)
        };
        matches(terms("labelSelector"), &|key| object["metadata"]["labels"][key].clone())
            && matches(terms("fieldSelector"), &|key| {
                object.pointer(&format!("/{}", key.replace('.', "/"))).cloned().unwrap_or_default()
            })
    }

    /// Returns the part of an object that the request accepts.
    fn representation(&self, object: &Value) -> Value {
        let accepted = self.headers.get("accept").map(String::as_str).unwrap_or_default();
        let is_partial = accepted.contains("as=PartialObjectMetadata");
        if is_partial { json!({"metadata": object["metadata"]}) } else { object.clone() }
    }
}

fn decode(text: &str) -> String {
    text.replace("%3D", "=").replace("%2C", ",").replace("%2F", "/").replace('+', " ")
}

fn version() -> Value {
    let names = ["gitVersion", "gitCommit", "gitTreeState", "buildDate", "goVersion", "compiler", "platform"];
    let mut version = json!({"major": "1", "minor": "33"});
    for name in names {
        version[name] = "".into();
    }
    version
}

/// Returns the path of an object's kind, in a namespace or in all.
fn kind_path(object: &Value, namespace: Option<&str>) -> String {
    let version = object["apiVersion"].as_str().unwrap();
    let root = if version == "v1" { "/api/v1".to_owned() } else { format!("/apis/{version}") };
    let kind = format!("{}s", object["kind"].as_str().unwrap().to_ascii_lowercase());
    match namespace {
        Some(namespace) => format!("{root}/namespaces/{namespace}/{kind}"),
        None => format!("{root}/{kind}"),
    }
}

fn item_path(object: &Value) -> String {
    let metadata = &object["metadata"];
    format!("{}/{}", kind_path(object, metadata["namespace"].as_str()), metadata["name"].as_str().unwrap())
}

fn list_paths(object: &Value) -> [String; 2] {
    [kind_path(object, object["metadata"]["namespace"].as_str()), kind_path(object, None)]
}
