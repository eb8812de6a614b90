//! The command line: subcommands, their arguments and their help.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Parser, Subcommand};
use clap_complete::Shell;

use crate::commands::check::CheckArgs;
use crate::commands::doctor::DoctorArgs;
use crate::commands::setup::{SetupArgs, SetupFormat};
use crate::input::object_ref::ObjectRef;
use crate::options::{ClusterOptions, InputOptions, KubectlOptions};
use crate::output::OutputFormat;

/// Shows what Rolebridge does with a pod, why, and what AWS and Google Cloud need for it
///
/// Decisions are made by the webhook's own code, on a laptop or in CI.
#[derive(Debug, Parser)]
#[command(name = "rolebridge", version, after_help = AFTER, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) kubectl: KubectlOptions,
    #[command(subcommand)]
    pub(crate) command: Command,
}

const AFTER: &str = "\
Examples:
  rolebridge inject -f batch.yaml --diff          show what the webhook would add
  kustomize build . | rolebridge inject -f -      inject everything that is deployed
  rolebridge explain -f batch.yaml                list each setting and its origin
  rolebridge explain deployment/batch -n shop     the same for an object in a cluster
  rolebridge doctor batch-7d4b9-x2x8k -n shop     find out why a pod cannot authenticate to Google
  rolebridge setup --help                         print what must exist at AWS and Google
  rolebridge check                                check the installation in a cluster

Exit codes:
  0  success
  1  a pod would be denied, cannot authenticate to Google or cannot sign, or a check found an error
  2  the command failed: an invalid argument, an unreadable file, no connection to a cluster

`kubectl rolebridge` works too if a link named kubectl-rolebridge is on the PATH.
Colors are used on terminals only; NO_COLOR=1 turns them off.";

/// A subcommand with its arguments.
#[derive(Debug, Subcommand)]
#[expect(clippy::doc_markdown, reason = "clap prints these comments as plain text")]
pub(crate) enum Command {
    /// Injects the pods and pod templates in files, as the webhook would
    ///
    /// Reads YAML or JSON with any number of documents. Writes them with the webhook's additions to Pods, Deployments,
    /// StatefulSets, DaemonSets, ReplicaSets, ReplicationControllers, Jobs, CronJobs, PodTemplates and Lists of them.
    ///
    /// A document without additions is written byte for byte. An injected document keeps the order of its fields, but
    /// loses its comments, its anchors and its YAML style.
    ///
    /// If a pod would be denied, only the reason is written, to standard error.
    #[command(after_help = AFTER_INJECT)]
    Inject {
        /// A file or a folder of manifests, without its subfolders; `-` is standard input. Can be repeated
        #[arg(short = 'f', long = "filename", value_name = "FILE", required = true)]
        files: Vec<PathBuf>,
        #[command(flatten)]
        input: InputOptions,
        /// Show the additions instead of the result
        #[arg(long)]
        diff: bool,
    },
    /// Explains a pod: each setting with its origin, what is injected, warnings and denials
    ///
    /// With --filename it explains the pods and pod templates in files, without a cluster. Otherwise it reads the object,
    /// its service account, its namespace and the installed defaults from the cluster that kubectl would use.
    ///
    /// Settings are read in this order of precedence: pod, service account, namespace, chart defaults, built-in default.
    /// If the pod is denied, the settings are shown as they were declared.
    #[command(after_help = AFTER_EXPLAIN)]
    Explain {
        /// The object, for example pod/NAME or deployment/NAME; with --filename, the only one to explain
        #[arg(value_name = "KIND/NAME", required_unless_present = "files", value_parser = ObjectRef::parse)]
        target: Option<ObjectRef>,
        /// A file or a folder of manifests, without its subfolders; `-` is standard input. Can be repeated
        #[arg(short = 'f', long = "filename", value_name = "FILE")]
        #[arg(conflicts_with = "release_namespace")]
        files: Vec<PathBuf>,
        #[command(flatten)]
        input: InputOptions,
        #[command(flatten)]
        cluster: ClusterOptions,
        /// The output format
        #[arg(short, long, value_enum, default_value_t = OutputFormat::Text)]
        output: OutputFormat,
    },
    /// Finds the step at which a pod fails to authenticate to Google, with its cause and its fix
    ///
    /// The pod's own sidecar runs every step once: the projected token, AWS STS, the clock, the role, the signature, Google
    /// STS, the principal, impersonation, an ID token. Earlier steps are checked from outside the pod: whether it runs,
    /// whether it was injected and why not, whether its sidecar runs. For the first step that fails, the output has the
    /// cause and a fix with the names of this pod.
    #[command(after_help = AFTER_DOCTOR)]
    Doctor {
        #[command(flatten)]
        args: DoctorArgs,
        #[command(flatten)]
        input: InputOptions,
        #[command(flatten)]
        cluster: ClusterOptions,
        /// The output format
        #[arg(short, long, value_enum, default_value_t = OutputFormat::Text)]
        output: OutputFormat,
    },
    /// Prints what must exist at AWS, at Google and in Kubernetes for the pods of a service account
    ///
    /// Makes no request and no change: it prints commands to read and then run, a Terraform module, or the Kubernetes
    /// objects. The webhook's own code has checked them, and google.subject fits into Google's 127 bytes.
    #[command(after_help = AFTER_SETUP)]
    Setup {
        #[command(flatten)]
        args: Box<SetupArgs>,
        /// The output format
        #[arg(short, long, value_enum, default_value_t = SetupFormat::Commands)]
        output: SetupFormat,
    },
    /// Checks a cluster: the webhook, its certificates, whether API servers reach it, and the pods that opted in
    ///
    /// Makes no change. Each finding has a severity, a message and a link to the documentation. Missing permissions are
    /// reported as warnings, and the other checks continue.
    ///
    /// Reads the webhook's objects, and forwards a port to each replica to read its serving certificate. The API server
    /// creates a pod as a dry run. Then the command pages through the pods that opted in.
    #[command(after_help = AFTER_CHECK)]
    Check {
        #[command(flatten)]
        args: CheckArgs,
        /// The output format
        #[arg(short, long, value_enum, default_value_t = OutputFormat::Text)]
        output: OutputFormat,
    },
    /// Prints completions for a shell
    #[command(after_help = AFTER_COMPLETIONS)]
    Completions { shell: Shell },
    /// Writes the man pages to a folder, which is created if it is missing
    #[command(after_help = "Example:\n  rolebridge man ~/.local/share/man/man1")]
    Man {
        #[arg(value_name = "FOLDER")]
        folder: PathBuf,
    },
    /// Prints the version, and the address of its documentation
    #[command(after_help = AFTER_VERSION)]
    Version {
        /// The output format
        #[arg(short, long, value_enum, default_value_t = OutputFormat::Text)]
        output: OutputFormat,
    },
    /// Prints completions of the last word, in the form of kubectl's plugins
    #[command(name = "__complete", hide = true)]
    Complete {
        #[arg(value_name = "WORD", trailing_var_arg = true, allow_hyphen_values = true)]
        words: Vec<OsString>,
    },
}

const AFTER_DOCTOR: &str = "\
Examples:
  rolebridge doctor batch-7d4b9-x2x8k -n shop
  rolebridge doctor batch-7d4b9-x2x8k -n shop -o json | \\
    jq -r '.steps[] | select(.status == \"failed\").reason'
  rolebridge doctor batch-7d4b9-x2x8k -n shop --ephemeral   for a pod without a running sidecar
  kubectl exec batch-7d4b9-x2x8k -n shop -c rolebridge -- /rolebridge-sidecar doctor --json | \\
    rolebridge doctor --report -                            from a report, without a cluster

The exit code is 1 if a step failed. The steps make the same requests to the clouds as the sidecar:
they change nothing there, and print no secret.";

const AFTER_SETUP: &str = "\
Examples:
  rolebridge setup --role-arn arn:aws:iam::111122223333:role/nightly-batch \\
    --project-number 123456789012 --pool aws-pool --provider prod -n shop -s batch \\
    --google-service-account nightly-batch@shop-data.iam.gserviceaccount.com --cluster prod
  rolebridge setup --identity kubernetes --project-number 123456789012 --pool eks-pool --provider prod \\
    -n shop -s batch --output terraform
  rolebridge setup --from clientLibraryConfig-aws.json --output kubernetes \\
    --role-arn arn:aws:iam::111122223333:role/nightly-batch -n shop -s batch

  aws iam get-role --role-name nightly-batch --output json >role.json
  rolebridge setup --trust-policy role.json …       check that the role trusts the service account

The exit code is 1 if the role does not trust the service account.";

const AFTER_CHECK: &str = "\
Examples:
  rolebridge check                                the installation, and the pods of all namespaces
  rolebridge check -n shop                        the installation, and the pods of one namespace
  rolebridge check --as jane --as-group platform  what another user may see
  rolebridge check -o json | jq -r '.[] | select(.severity == \"error\") | .object + \": \" + .message'
  rolebridge check --context prod || page-someone

Exit codes:
  0  no finding is an error; there may be warnings
  1  an error was found
  2  the check failed: no connection to the cluster, or several releases without --release-namespace";

const AFTER_COMPLETIONS: &str = "\
Examples:
  rolebridge completions bash >~/.local/share/bash-completion/completions/rolebridge
  rolebridge completions zsh >\"${fpath[1]}/_rolebridge\"
  rolebridge completions fish >~/.config/fish/completions/rolebridge.fish";

const AFTER_VERSION: &str = "\
Examples:
  rolebridge version
  rolebridge version -o json | jq -r .version";

const AFTER_EXPLAIN: &str = "\
Examples:
  rolebridge explain deployment/batch -n shop               an object in the cluster
  rolebridge explain pod/batch-7d4b9-x2x8k -n shop -o yaml  a running pod
  rolebridge explain -f batch.yaml                          a file, before it is deployed
  rolebridge explain -f batch.yaml -o json | jq -r '.[].settings[] | select(.from == \"namespace\")'

From a cluster it reads the object, its ServiceAccount, its Namespace, and the ConfigMap of the
release with selectors that match the pod. If permitted, it also reads the keys of ConfigMaps
and Secrets that containers get by envFrom, and the LimitRanges and ResourceQuotas of the namespace.
With --filename, such objects are read from the files.

Without permission to list webhook configurations, --release-namespace sets the ConfigMap's
namespace; --defaults reads a file instead.";

const AFTER_INJECT: &str = "\
Service accounts and namespaces among the documents have the same effect as in the cluster.

Examples:
  rolebridge inject -f batch.yaml                      an app and its service account in one file
  rolebridge inject -f batch.yaml -f account.yaml      or in two
  rolebridge inject -f deploy/ --diff                  all manifests of a folder
  kustomize build . | rolebridge inject -f - | kubectl apply -f -
                                                       deploy without the webhook

  kubectl -n rolebridge-system get configmap rolebridge-defaults -o yaml >defaults.yaml
  rolebridge inject -f batch.yaml --defaults defaults.yaml
                                                       with the defaults of that cluster's webhook";
