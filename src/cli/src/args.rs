//! The command line.

use std::io::{ErrorKind, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use anstyle::AnsiColor;
use clap::{Args, CommandFactory, Parser, Subcommand};
use clap_complete::Shell;

use crate::cluster::fetch;
use crate::commands::explain::render;
use crate::commands::setup::{self, SetupFormat};
use crate::commands::{check, doctor, explain, inject};
use crate::error::CliError;
use crate::input::manifests::Manifests;
use crate::input::object_ref::ObjectRef;
use crate::output::OutputFormat;

/// Shows what Rolebridge does with a pod, and why, and what both clouds need for it
///
/// It decides with the very code of the webhook, on a laptop or in CI.
#[derive(Debug, Parser)]
#[command(name = "rolebridge", version, after_help = AFTER, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Command,
}

const AFTER: &str = "\
Examples:
  rolebridge inject -f batch.yaml --diff          what the webhook would add
  kustomize build . | rolebridge inject -f -      the same for everything that is deployed
  rolebridge explain -f batch.yaml                each setting and where it came from
  rolebridge explain deployment/batch -n shop     the same of what is in a cluster
  rolebridge doctor batch-7d4b9-x2x8k -n shop     why a pod does not get to Google
  rolebridge setup --help                         what must exist at AWS and at Google
  rolebridge check                                what is wrong with the cluster's installation

Exit codes:
  0  done
  1  a pod would be refused or does not get to Google, or a check found an error; what was written says why
  2  it could not be done: a bad argument, a file that cannot be read, no cluster

As `kubectl rolebridge` it works too, if a link named kubectl-rolebridge is on the PATH.
Colours are for terminals alone; NO_COLOR=1 turns them off.";

#[derive(Debug, Subcommand)]
#[expect(clippy::doc_markdown, reason = "a terminal shows it as it stands")]
enum Command {
    /// Injects the pods and pod templates of files, as the webhook would
    ///
    /// Reads YAML or JSON, many documents at once, and writes them with what the webhook adds to Pods, Deployments,
    /// StatefulSets, DaemonSets, ReplicaSets, ReplicationControllers, Jobs, CronJobs, PodTemplates and Lists of them.
    ///
    /// A document to which nothing is added goes out byte for byte. In one that is injected the order of what was there
    /// is kept; its comments, its anchors and the style of its YAML are not.
    ///
    /// Where a pod would be refused nothing goes out but the reason, on standard error.
    #[command(after_help = AFTER_INJECT)]
    Inject {
        /// A file or a folder of manifests, without the folders in it; `-` is standard input. May be given again
        #[arg(short = 'f', long = "filename", value_name = "FILE", required = true)]
        files: Vec<PathBuf>,
        #[command(flatten)]
        input: InputOptions,
        /// Show what is added instead of the result
        #[arg(long)]
        diff: bool,
    },
    /// Explains a pod: each setting, its value and where it came from, what is injected, warnings, refusals
    ///
    /// With --filename it explains the pods and pod templates of files, without a cluster. Without, it reads the object, its
    /// service account, its namespace and the installed defaults from the cluster that kubectl would talk to.
    ///
    /// A setting comes from the pod, else its service account, else its namespace, else the chart's defaults, else it is the
    /// default. Where the pod is refused, the settings are shown as they were said.
    #[command(after_help = AFTER_EXPLAIN)]
    Explain {
        /// Such as pod/NAME or deployment/NAME; of files, only this one
        #[arg(value_name = "KIND/NAME", required_unless_present = "files", value_parser = ObjectRef::parse)]
        target: Option<ObjectRef>,
        /// A file or a folder of manifests, without the folders in it; `-` is standard input. May be given again
        #[arg(short = 'f', long = "filename", value_name = "FILE")]
        #[arg(conflicts_with_all = ["context", "release_namespace"])]
        files: Vec<PathBuf>,
        #[command(flatten)]
        input: InputOptions,
        #[command(flatten)]
        cluster: ClusterOptions,
        /// How to write it
        #[arg(short, long, value_enum, default_value_t = OutputFormat::Text)]
        output: OutputFormat,
    },
    /// Finds where a pod's way to Google ends, why, and what mends it
    ///
    /// The pod's own sidecar tries every hop, once: the projected token, AWS STS, the clock, the role, the signature, Google
    /// STS, whom Google sees, impersonation, an ID token. What stands before that is looked at from outside: whether the
    /// pod runs, whether it was injected and why not, whether its sidecar runs. The first hop that fails says the cause, and
    /// what mends it in words for this very pod.
    #[command(after_help = AFTER_DOCTOR)]
    Doctor {
        #[command(flatten)]
        asked: doctor::DoctorArgs,
        #[command(flatten)]
        input: InputOptions,
        #[command(flatten)]
        cluster: ClusterOptions,
        /// How to write it
        #[arg(short, long, value_enum, default_value_t = OutputFormat::Text)]
        output: OutputFormat,
    },
    /// Prints what must exist at AWS, at Google and in Kubernetes for a service account's pods
    ///
    /// Nothing is asked and nothing is changed: it prints commands to read and then to run, a Terraform module, or the
    /// Kubernetes objects. The webhook's own engine has judged them, and google.subject fits into Google's 127 bytes.
    #[command(after_help = AFTER_SETUP)]
    Setup {
        #[command(flatten)]
        told: Box<setup::SetupArgs>,
        /// What to print
        #[arg(short, long, value_enum, default_value_t = SetupFormat::Commands)]
        output: SetupFormat,
    },
    /// Checks a cluster: the webhook, its certificates, the way to it, and the pods that opted in
    ///
    /// Nothing is changed. Each finding has a severity, a sentence, and a link into the book. What you may not read is a
    /// warning that says so, and the rest is looked at.
    ///
    /// It reads the webhook's objects, forwards a port of each replica to see the certificate that it serves, has the
    /// API server try a pod (a dry run), and pages through the pods that opted in.
    #[command(after_help = AFTER_CHECK)]
    Check {
        #[command(flatten)]
        asked: check::CheckArgs,
        /// How to write it
        #[arg(short, long, value_enum, default_value_t = OutputFormat::Text)]
        output: OutputFormat,
    },
    /// Prints completions for a shell
    #[command(after_help = AFTER_COMPLETIONS)]
    Completions { shell: Shell },
    /// Writes the manual's pages into a folder
    #[command(after_help = "Example:\n  rolebridge man ~/.local/share/man/man1")]
    Man {
        #[arg(value_name = "FOLDER")]
        folder: PathBuf,
    },
}

const AFTER_DOCTOR: &str = "\
Examples:
  rolebridge doctor batch-7d4b9-x2x8k -n shop
  rolebridge doctor batch-7d4b9-x2x8k -n shop -o json | jq -r '.steps[] | select(.outcome == \"failed\").reason'
  rolebridge doctor batch-7d4b9-x2x8k -n shop --ephemeral     where no sidecar runs
  kubectl exec batch-7d4b9-x2x8k -n shop -c rolebridge -- /rolebridge-sidecar doctor --json | \\
    rolebridge doctor --report -                              what somebody else may run

It exits with 1 if a hop failed. What it asks of the clouds is what the sidecar asks: it changes nothing there, and shows
no secret.";

const AFTER_SETUP: &str = "\
Examples:
  rolebridge setup --role-arn arn:aws:iam::111122223333:role/nightly-batch \\
    --project-number 123456789012 --pool aws --provider prod -n shop -s batch \\
    --google-service-account batch@shop-data.iam.gserviceaccount.com --cluster prod
  rolebridge setup --identity kubernetes --project-number 123456789012 --pool eks --provider prod \\
    -n shop -s batch --output terraform
  rolebridge setup --from clientLibraryConfig-aws.json --output kubernetes \\
    --role-arn arn:aws:iam::111122223333:role/nightly-batch -n shop -s batch

  aws iam get-role --role-name nightly-batch >role.json
  rolebridge setup --trust-policy role.json …       does the role trust the service account?

It exits with 1 if the role does not.";

const AFTER_CHECK: &str = "\
Examples:
  rolebridge check                                the installation, and the pods of all namespaces
  rolebridge check -n shop                        the installation, and the pods of one
  rolebridge check -o json | jq -r '.[] | select(.severity == \"error\") | .object + \": \" + .message'
  rolebridge check --context prod || page-someone

Exit codes:
  0  nothing is wrong, or there are warnings alone
  1  an error was found
  2  it could not be done: no cluster, or several releases and no --release-namespace";

const AFTER_COMPLETIONS: &str = "\
Examples:
  rolebridge completions bash >~/.local/share/bash-completion/completions/rolebridge
  rolebridge completions zsh >\"${fpath[1]}/_rolebridge\"
  rolebridge completions fish >~/.config/fish/completions/rolebridge.fish";

const AFTER_EXPLAIN: &str = "\
Examples:
  rolebridge explain deployment/batch -n shop               of the cluster
  rolebridge explain pod/batch-7d4b9-x2x8k -n shop -o yaml  a pod that runs
  rolebridge explain -f batch.yaml                          before anything is deployed
  rolebridge explain -f batch.yaml -o json | jq -r '.[].settings[] | select(.from == \"namespace\")'

In a cluster it reads the object, its ServiceAccount, its Namespace, and the ConfigMap of the chart:
--release-namespace says where that is, --defaults takes a file instead.";

const AFTER_INJECT: &str = "\
Service accounts and namespaces among the documents count, as they would in the cluster.

Examples:
  rolebridge inject -f batch.yaml                      an app and its account in one file
  rolebridge inject -f batch.yaml -f account.yaml      or in two
  rolebridge inject -f deploy/ --diff                  each manifest of a folder
  kustomize build . | rolebridge inject -f - | kubectl apply -f -
                                                       without the webhook

  kubectl -n rolebridge-system get configmap rolebridge-defaults -o yaml >defaults.yaml
  rolebridge inject -f batch.yaml --defaults defaults.yaml
                                                       as that cluster's webhook would";

/// What decides beside the pod.
#[derive(Debug, Args)]
pub(crate) struct InputOptions {
    /// The platform team's defaults.yaml, or the ConfigMap that carries it
    #[arg(long, value_name = "FILE")]
    pub(crate) defaults: Option<PathBuf>,
    /// The namespace of what names none [of files: default; else kubectl's]
    #[arg(short, long)]
    pub(crate) namespace: Option<String>,
}

/// Which cluster is asked.
#[derive(Debug, Args)]
pub(crate) struct ClusterOptions {
    /// The context of the kubeconfig, instead of its current one
    #[arg(long)]
    pub(crate) context: Option<String>,
    /// The namespace of the installed chart [default: looked for in all]
    #[arg(long, value_name = "NAMESPACE")]
    pub(crate) release_namespace: Option<String>,
}

impl Cli {
    pub(crate) fn from_command_line() -> Self {
        Self::parse()
    }

    pub(crate) fn run(self) -> ExitCode {
        match self.command.execute() {
            Ok(()) => ExitCode::SUCCESS,
            // Whoever reads has enough, as `head` has.
            Err(CliError::Write(error)) if error.kind() == ErrorKind::BrokenPipe => ExitCode::SUCCESS,
            Err(failure) => {
                let error = AnsiColor::Red.on_default().bold();
                // Standard error is the last resort.
                let _ = writeln!(anstream::stderr(), "{error}rolebridge:{error:#} {failure}");
                ExitCode::from(failure.exit_code())
            }
        }
    }
}

impl Command {
    fn execute(self) -> Result<(), CliError> {
        match self {
            Self::Inject { files, input, diff } => {
                let manifests = Manifests::read(&files, input)?;
                let err = &mut anstream::stderr();
                if diff {
                    inject::run(&manifests, true, &mut anstream::stdout().lock(), err)
                } else {
                    // Documents go out as they are, whatever is in them.
                    inject::run(&manifests, false, &mut std::io::stdout().lock(), err)
                }
            }
            Self::Explain { target, files, input, cluster, output } => {
                let manifests = match &target {
                    Some(target) if files.is_empty() => fetch::fetch(target, &input, &cluster)?,
                    _ => Manifests::read(&files, input)?,
                };
                let explanations = explain::all(&manifests, target.as_ref())?;
                render::write(&explanations, output, &mut anstream::stdout().lock())?;
                match explanations.iter().filter(|one| one.outcome == "denied").count() {
                    0 => Ok(()),
                    refused => Err(CliError::Denied(refused)),
                }
            }
            Self::Doctor { asked, input, cluster, output } => {
                doctor::run(&asked, &input, &cluster, output, &mut anstream::stdout().lock())
            }
            Self::Setup { told, output } => {
                setup::run(*told, output, &mut anstream::stdout().lock(), &mut anstream::stderr())
            }
            Self::Check { asked, output } => check::run(&asked, output, &mut anstream::stdout().lock()),
            Self::Completions { shell } => {
                let mut script = Vec::new();
                clap_complete::generate(shell, &mut Cli::command(), "rolebridge", &mut script);
                Ok(std::io::stdout().write_all(&script)?)
            }
            Self::Man { folder } => clap_mangen::generate_to(Cli::command(), &folder)
                .map_err(|source| CliError::Read { path: folder, source }),
        }
    }
}
