//! BigQuery: `jobs.query`, and the methods that the client libraries use instead: `jobs.insert`, `jobs.get` and
//! `jobs.getQueryResults`. A job finishes at once.

mod jobs;
mod query;
mod table;

use http::Method;

use self::jobs::Jobs;
use super::policy::Policy;
use crate::config;
use crate::error::ConfigError;
use crate::operation::Operation;
use crate::wire::Request;

const SCOPES: [&str; 2] =
    ["https://www.googleapis.com/auth/bigquery", "https://www.googleapis.com/auth/bigquery.readonly"];

/// The projects, their datasets, and the jobs that ran.
#[derive(Debug)]
pub(crate) struct BigQuery {
    projects: Vec<Project>,
    jobs: Jobs,
}

#[derive(Debug)]
struct Project {
    id: String,
    policy: Policy,
    datasets: Vec<Dataset>,
}

#[derive(Debug)]
struct Dataset {
    id: String,
    policy: Policy,
    tables: Vec<config::Table>,
}

impl BigQuery {
    pub(crate) fn new(config: &[config::Project]) -> Result<Self, ConfigError> {
        let projects = config.iter().map(Project::new).collect::<Result<_, _>>()?;
        Ok(Self { projects, jobs: Jobs::default() })
    }

    fn project(&self, id: &str) -> Option<&Project> {
        self.projects.iter().find(|project| project.id == id)
    }
}

impl Project {
    fn new(config: &config::Project) -> Result<Self, ConfigError> {
        let policy = Policy::new(&format!("the project {}", config.id), &config.bindings)?;
        let datasets = config.datasets.iter().map(|dataset| Dataset::new(&config.id, dataset));
        Ok(Self { id: config.id.clone(), policy, datasets: datasets.collect::<Result<_, _>>()? })
    }
}

impl Dataset {
    fn new(project: &str, config: &config::Dataset) -> Result<Self, ConfigError> {
        let location = format!("the dataset {project}.{}", config.id);
        let policy = Policy::new(&location, &config.bindings)?;
        for table in &config.tables {
            table::check(&format!("the table {project}.{}.{}", config.id, table.id), table)?;
        }
        Ok(Self { id: config.id.clone(), policy, tables: config.tables.clone() })
    }
}

/// The project of a request, and its job.
struct Target<'a> {
    project: &'a str,
    job: Option<&'a str>,
    operation: Operation,
}

impl<'a> Target<'a> {
    fn parse(request: &'a Request) -> Option<Self> {
        let parts: Vec<_> = request.uri().path().strip_prefix("/bigquery/v2/projects/")?.split('/').collect();
        let get = request.method() == Method::GET;
        let post = request.method() == Method::POST;
        Some(match parts[..] {
            [project, "queries"] if post => Self { project, job: None, operation: Operation::Query },
            [project, "jobs"] if post => Self { project, job: None, operation: Operation::InsertJob },
            [project, "jobs", job] if get => Self { project, job: Some(job), operation: Operation::GetJob },
            [project, "queries", job] if get => {
                Self { project, job: Some(job), operation: Operation::GetQueryResults }
            }
            _ => return None,
        })
    }
}

pub(crate) fn operation(request: &Request) -> Operation {
    Target::parse(request).map_or(Operation::Unknown, |target| target.operation)
}
