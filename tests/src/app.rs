//! The app: a nightly batch job that reads a BigQuery table with Google's own library (google-cloud-auth), unchanged.
//! The app has no code for AWS, Rolebridge or tests. Its whole configuration is in its environment, as in any pod.
//!
//! The app writes one line of JSON for each run, a [`RunResult`].

use std::error::Error;
use std::time::Duration;

use google_cloud_auth::credentials::{Builder, CacheableResource, Credentials};
use reqwest::Client;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Names of the environment variables that the app reads. Google's library reads its own.
pub mod env_vars {
    /// Project in which the query runs.
    pub const PROJECT: &str = "GOOGLE_CLOUD_PROJECT";
    /// Base URL of BigQuery, `https://…`.
    pub const BIGQUERY: &str = "BIGQUERY_URL";
    /// SQL of the query.
    pub const QUERY: &str = "REPORT_QUERY";
    /// Milliseconds between two runs. If absent, the app runs once, as a batch job.
    pub const INTERVAL_MS: &str = "REPORT_EVERY_MS";
}

/// Result of one run, as the app writes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum RunResult {
    /// The rows of the table.
    Rows(Vec<Vec<String>>),
    /// The error of a failed run, with its source chain.
    Failed(String),
}

type BoxError = Box<dyn Error + Send + Sync>;

/// Runs the app once, or forever if an interval is set, and returns its exit code.
#[must_use]
pub fn main() -> std::process::ExitCode {
    // Google's library leaves the choice of a crypto provider to the app. Installing fails only if one is installed.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    match runtime.map_err(BoxError::from).and_then(|runtime| runtime.block_on(run())) {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            write(&RunResult::Failed(display_chain(error.as_ref())));
            std::process::ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), BoxError> {
    let interval = match std::env::var(env_vars::INTERVAL_MS) {
        Ok(interval) => Some(Duration::from_millis(interval.parse()?)),
        Err(_) => None,
    };
    let credentials = Builder::default().build()?;
    let client = Client::new();
    let Some(interval) = interval else {
        write(&RunResult::Rows(query(&credentials, &client).await?));
        return Ok(());
    };
    let mut ticks = tokio::time::interval(interval);
    loop {
        ticks.tick().await;
        write(&match query(&credentials, &client).await {
            Ok(rows) => RunResult::Rows(rows),
            Err(error) => RunResult::Failed(display_chain(error.as_ref())),
        });
    }
}

/// Runs the query by `jobs.query`: <https://cloud.google.com/bigquery/docs/reference/rest/v2/jobs/query>.
async fn query(credentials: &Credentials, client: &Client) -> Result<Vec<Vec<String>>, BoxError> {
    let variable = |name| std::env::var(name).map_err(|_| format!("{name} is not set"));
    let (base_url, project) = (variable(env_vars::BIGQUERY)?, variable(env_vars::PROJECT)?);
    let CacheableResource::New { data: headers, .. } = credentials.headers(http::Extensions::new()).await?
    else {
        return Err("the library returned no headers".into());
    };
    let response = client
        .post(format!("{base_url}/bigquery/v2/projects/{project}/queries"))
        .headers(headers)
        .json(&json!({"query": variable(env_vars::QUERY)?, "useLegacySql": false}))
        .send()
        .await?;
    let status = response.status();
    let body: Value = response.json().await?;
    if !status.is_success() {
        return Err(format!("BigQuery returned {status}: {}", body["error"]["message"]).into());
    }
    let text = |field: &Value| field["v"].as_str().map_or_else(|| field["v"].to_string(), str::to_owned);
    let row = |row: &Value| row["f"].as_array().into_iter().flatten().map(text).collect();
    Ok(body["rows"].as_array().into_iter().flatten().map(row).collect())
}

fn display_chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text
}

#[expect(clippy::print_stdout, reason = "the app's log is its standard output")]
fn write(result: &RunResult) {
    println!("{}", json!(result));
}
