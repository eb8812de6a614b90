//! Options that several commands share.

use std::path::PathBuf;

use clap::Args;

/// Options that add to what a pod's decision is based on.
#[derive(Debug, Args)]
pub(crate) struct InputOptions {
    /// The platform team's defaults.yaml, or the ConfigMap that contains it
    #[arg(long, value_name = "FILE")]
    pub(crate) defaults: Option<PathBuf>,
    /// The namespace of objects without one [default for files: default; for a cluster: kubectl's]
    #[arg(short, long)]
    pub(crate) namespace: Option<String>,
}

/// Options that select the cluster and the release in it.
#[derive(Debug, Args)]
pub(crate) struct ClusterOptions {
    /// The kubeconfig context to use instead of the current one
    #[arg(long)]
    pub(crate) context: Option<String>,
    /// The namespace of the installed chart [default: that of the Service in the webhook configuration]
    #[arg(long, value_name = "NAMESPACE")]
    pub(crate) release_namespace: Option<String>,
}
