//! The app: a nightly batch that reads a table of BigQuery, with Google's own library (google-cloud-auth), unchanged. It
//! knows nothing of AWS, of Rolebridge, nor of tests: all that it is told stands in its environment, as in any pod.
//!
//! It writes a line of JSON for each run, [`Line`].

use std::error::Error;
use std::time::Duration;

use google_cloud_auth::credentials::{Builder, CacheableResource, Credentials};
use reqwest::Client;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// The environment variables that the app reads; Google's library reads its own.
pub mod environment {
    /// The project whose BigQuery is asked.
    pub const PROJECT: &str = "GOOGLE_CLOUD_PROJECT";
    /// BigQuery's address, `https://…`.
    pub const BIGQUERY: &str = "BIGQUERY_URL";
    /// The query.
    pub const QUERY: &str = "REPORT_QUERY";
    /// Milliseconds between two runs. Absent: one run, as a batch.
    pub const EVERY: &str = "REPORT_EVERY_MS";
}

/// What the app writes about a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Line {
    /// What the table holds.
    Rows(Vec<Vec<String>>),
    /// Why the run failed, with every cause.
    Failed(String),
}

type Failure = Box<dyn Error + Send + Sync>;

/// Runs the app, to its end or for ever. Gives its exit status.
#[must_use]
pub fn main() -> std::process::ExitCode {
    // Google's library leaves the choice of a crypto provider to the app. Only a second choice could fail.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    match runtime.map_err(Failure::from).and_then(|runtime| runtime.block_on(run())) {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(failure) => {
            write(&Line::Failed(with_causes(failure.as_ref())));
            std::process::ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Failure> {
    let every = match std::env::var(environment::EVERY) {
        Ok(every) => Some(Duration::from_millis(every.parse()?)),
        Err(_) => None,
    };
    let credentials = Builder::default().build()?;
    let client = Client::new();
    let Some(every) = every else {
        write(&Line::Rows(rows(&credentials, &client).await?));
        return Ok(());
    };
    let mut ticks = tokio::time::interval(every);
    loop {
        ticks.tick().await;
        write(&match rows(&credentials, &client).await {
            Ok(rows) => Line::Rows(rows),
            Err(failure) => Line::Failed(with_causes(failure.as_ref())),
        });
    }
}

/// `jobs.query`: <https://cloud.google.com/bigquery/docs/reference/rest/v2/jobs/query>.
async fn rows(credentials: &Credentials, client: &Client) -> Result<Vec<Vec<String>>, Failure> {
    let variable = |name| std::env::var(name).map_err(|_| format!("{name} is not set"));
    let (address, project) = (variable(environment::BIGQUERY)?, variable(environment::PROJECT)?);
    let CacheableResource::New { data: headers, .. } = credentials.headers(http::Extensions::new()).await?
    else {
        return Err("the library kept its headers to itself".into());
    };
    let response = client
        .post(format!("{address}/bigquery/v2/projects/{project}/queries"))
        .headers(headers)
        .json(&json!({"query": variable(environment::QUERY)?, "useLegacySql": false}))
        .send()
        .await?;
    let status = response.status();
    let answer: Value = response.json().await?;
    if !status.is_success() {
        return Err(format!("BigQuery answered {status}: {}", answer["error"]["message"]).into());
    }
    let text = |field: &Value| field["v"].as_str().map_or_else(|| field["v"].to_string(), str::to_owned);
    let row = |row: &Value| row["f"].as_array().into_iter().flatten().map(text).collect();
    Ok(answer["rows"].as_array().into_iter().flatten().map(row).collect())
}

fn with_causes(failure: &dyn Error) -> String {
    let mut text = failure.to_string();
    let mut cause = failure.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

#[expect(clippy::print_stdout, reason = "the app's standard output is its log")]
fn write(line: &Line) {
    println!("{}", json!(line));
}
