//! Options that several commands share.

use std::path::PathBuf;

use clap::Args;

/// The options that kubectl has for all commands, before or after the command.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct KubectlOptions {
    /// The kubeconfig file [default: KUBECONFIG, then ~/.kube/config, then the pod's service account]
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) kubeconfig: Option<PathBuf>,
    /// The kubeconfig context to use instead of the current one
    #[arg(long, global = true)]
    pub(crate) context: Option<String>,
    /// The namespace [default for files and setup: default; for a cluster: the context's]
    #[arg(short, long, global = true, value_parser = namespace)]
    pub(crate) namespace: Option<String>,
    /// The user to impersonate for requests to the cluster
    #[arg(long = "as", global = true, value_name = "USER")]
    pub(crate) impersonated_user: Option<String>,
    /// A group to impersonate, with --as. Can be repeated
    #[arg(long = "as-group", global = true, value_name = "GROUP")]
    pub(crate) impersonated_groups: Vec<String>,
}

impl KubectlOptions {
    /// Returns the first option that only a request to a cluster needs.
    pub(crate) fn cluster_option(&self) -> Option<&'static str> {
        let options = [
            ("--kubeconfig", self.kubeconfig.is_some()),
            ("--context", self.context.is_some()),
            ("--as", self.impersonated_user.is_some()),
            ("--as-group", !self.impersonated_groups.is_empty()),
        ];
        options.iter().find(|(_, is_set)| *is_set).map(|(name, _)| *name)
    }
}

/// Accepts the characters of a namespace's name, none of which needs an escape in a printed command.
fn namespace(text: &str) -> Result<String, String> {
    let is_valid = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if !text.is_empty() && text.bytes().all(is_valid) {
        Ok(text.to_owned())
    } else {
        Err("expected lower-case letters, digits and -".to_owned())
    }
}

/// Options that add to what a pod's decision is based on.
#[derive(Debug, Args)]
pub(crate) struct InputOptions {
    /// The platform team's defaults.yaml, or the ConfigMap that contains it
    #[arg(long, value_name = "FILE")]
    pub(crate) defaults: Option<PathBuf>,
}

/// Options that select the release in the cluster.
#[derive(Debug, Args)]
pub(crate) struct ClusterOptions {
    /// The namespace of the installed chart [default: that of the release with selectors that match the pod]
    #[arg(long, value_name = "NAMESPACE")]
    pub(crate) release_namespace: Option<String>,
}
