//! A record of every request and answer, for checks against the vendors' own descriptions of their services.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use http::HeaderMap;
use serde::Serialize;

use crate::operation::Operation;
use crate::service::Service;
use crate::wire::{Request, Response};

/// Environment variable that names the folder of the records. Absent: nothing is recorded.
pub const RECORDS: &str = "FAKE_CLOUDS_RECORDS";

/// A file with one line of JSON for each call.
#[derive(Debug)]
pub(crate) struct Recorder(Mutex<File>);

/// A line of the file.
#[derive(Serialize)]
struct Record<'a> {
    service: Service,
    operation: Operation,
    method: &'a str,
    uri: String,
    request_headers: Vec<(&'a str, String)>,
    request_body: String,
    status: u16,
    response_headers: Vec<(&'a str, String)>,
    response_body: String,
}

impl Recorder {
    /// Creates a file in the folder that the environment names.
    pub(crate) fn from_env() -> io::Result<Option<Self>> {
        std::env::var_os(RECORDS).map(|folder| Self::in_folder(Path::new(&folder))).transpose()
    }

    fn in_folder(folder: &Path) -> io::Result<Self> {
        // A process may run many clouds, and a folder may have the records of many processes.
        static NEXT: AtomicU64 = AtomicU64::new(0);
        std::fs::create_dir_all(folder)?;
        let name = format!("{}-{}.jsonl", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let file = OpenOptions::new().append(true).create(true).open(folder.join(name))?;
        Ok(Self(Mutex::new(file)))
    }

    /// Appends a call.
    pub(crate) fn record(
        &self,
        service: Service,
        operation: Operation,
        request: &Request,
        response: &Response,
    ) -> io::Result<()> {
        let record = Record {
            service,
            operation,
            method: request.method().as_str(),
            uri: request.uri().to_string(),
            request_headers: headers(request.headers()),
            request_body: text(request.body()),
            status: response.status.as_u16(),
            response_headers: headers(&response.headers),
            response_body: text(&response.body),
        };
        let mut line = serde_json::to_vec(&record)?;
        line.push(b'\n');
        self.0.lock().unwrap_or_else(PoisonError::into_inner).write_all(&line)
    }
}

fn headers(headers: &HeaderMap) -> Vec<(&str, String)> {
    headers.iter().map(|(name, value)| (name.as_str(), text(value.as_bytes()))).collect()
}

/// Returns a body as text. Only gRPC's bodies are not UTF-8, and their checks read no body.
fn text(bytes: impl AsRef<[u8]>) -> String {
    String::from_utf8_lossy(bytes.as_ref()).into_owned()
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::StatusCode;

    use super::*;

    #[test]
    fn record_appends_a_line_for_each_call() {
        let folder = tempfile::tempdir().unwrap();
        let recorder = Recorder::in_folder(folder.path()).unwrap();
        let request = http::Request::post("/v1/token?a=b")
            .header("host", "sts.googleapis.com")
            .body(Bytes::from("grant_type=x"))
            .unwrap();
        let response = Response::new(StatusCode::BAD_REQUEST, "text/plain", "no");
        for _ in 0..2 {
            recorder.record(Service::GoogleSts, Operation::ExchangeToken, &request, &response).unwrap();
        }
        let files: Vec<_> =
            std::fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().path()).collect();
        let [file] = &files[..] else { panic!("{files:?}") };
        let content = std::fs::read_to_string(file).unwrap();
        let lines: Vec<serde_json::Value> =
            content.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let expected = serde_json::json!({
            "service": "GoogleSts",
            "operation": "ExchangeToken",
            "method": "POST",
            "uri": "/v1/token?a=b",
            "request_headers": [["host", "sts.googleapis.com"]],
            "request_body": "grant_type=x",
            "status": 400,
            "response_headers": [["content-type", "text/plain"]],
            "response_body": "no",
        });
        assert_eq!(lines, [expected.clone(), expected]);
    }
}
