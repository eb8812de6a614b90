//! Projects and datasets.

use super::jobs::Jobs;
use super::table;
use crate::config;
use crate::error::ConfigError;
use crate::google::policy::Policy;
use crate::google::resource_policy::ResourcePolicy;

/// The projects, their datasets, and the jobs that ran.
#[derive(Debug)]
pub(crate) struct BigQuery {
    pub(super) projects: Vec<Project>,
    pub(super) jobs: Jobs,
}

#[derive(Debug)]
pub(in crate::google) struct Project {
    pub(in crate::google) id: String,
    pub(in crate::google) number: Option<String>,
    pub(in crate::google) policy: ResourcePolicy,
    pub(super) datasets: Vec<Dataset>,
}

#[derive(Debug)]
pub(super) struct Dataset {
    pub(super) id: String,
    pub(super) policy: Policy,
    pub(super) tables: Vec<config::Table>,
}

impl BigQuery {
    pub(crate) fn new(config: &[config::Project]) -> Result<Self, ConfigError> {
        let projects = config.iter().map(Project::new).collect::<Result<_, _>>()?;
        Ok(Self { projects, jobs: Jobs::default() })
    }

    pub(super) fn project(&self, id: &str) -> Option<&Project> {
        self.projects.iter().find(|project| project.id == id)
    }

    pub(in crate::google) fn project_by_id_or_number(&self, name: &str) -> Option<&Project> {
        self.projects.iter().find(|project| project.id == name || project.number.as_deref() == Some(name))
    }
}

impl Project {
    fn new(config: &config::Project) -> Result<Self, ConfigError> {
        let policy = ResourcePolicy::new(&format!("the project {}", config.id), &config.bindings)?;
        let datasets = config.datasets.iter().map(|dataset| Dataset::new(&config.id, dataset));
        Ok(Self {
            id: config.id.clone(),
            number: config.number.clone(),
            policy,
            datasets: datasets.collect::<Result<_, _>>()?,
        })
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
