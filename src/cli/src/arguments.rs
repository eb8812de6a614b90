//! The command line.

use std::io::{ErrorKind, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use anstyle::AnsiColor;
use clap::{Args, Parser, Subcommand};

use crate::failure::Failure;
use crate::inject;
use crate::manifests::Manifests;

/// Shows what Rolebridge does with a pod, and why
///
/// It decides with the very code of the webhook, on a laptop or in CI, without a cluster.
#[derive(Debug, Parser)]
#[command(name = "rolebridge", version, after_help = AFTER, max_term_width = 100)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

const AFTER: &str = "\
Examples:
  rolebridge inject -f batch.yaml --diff          what the webhook would add
  kustomize build . | rolebridge inject -f -      the same for everything that is deployed

Exit codes:
  0  done
  1  a pod would be refused; standard error says why
  2  it could not be done: a bad argument, a file that cannot be read

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
    /// is kept; its comments, its anchors and the style of its YAML are not. A pod that would be refused goes out as it came,
    /// and standard error says why.
    #[command(after_help = AFTER_INJECT)]
    Inject {
        #[command(flatten)]
        input: Input,
        /// Show what is added instead of the result
        #[arg(long)]
        diff: bool,
    },
}

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

/// What a command reads.
#[derive(Debug, Args)]
pub(crate) struct Input {
    /// A file or folder of manifests; `-` is standard input. May be given again
    #[arg(short = 'f', long = "filename", value_name = "FILE", required = true)]
    pub(crate) files: Vec<PathBuf>,
    /// The platform team's defaults.yaml, or the ConfigMap that carries it
    #[arg(long, value_name = "FILE")]
    pub(crate) defaults: Option<PathBuf>,
    /// The namespace of what names none
    #[arg(short, long, default_value = "default")]
    pub(crate) namespace: String,
}

impl Arguments {
    pub(crate) fn from_command_line() -> Self {
        Self::parse()
    }

    pub(crate) fn run(self) -> ExitCode {
        match self.command.execute() {
            Ok(()) => ExitCode::SUCCESS,
            // Whoever reads has enough, as `head` has.
            Err(Failure::Write(error)) if error.kind() == ErrorKind::BrokenPipe => ExitCode::SUCCESS,
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
    fn execute(self) -> Result<(), Failure> {
        match self {
            Self::Inject { input, diff: true } => inject::run(
                &Manifests::read(input)?,
                true,
                &mut anstream::stdout().lock(),
                &mut anstream::stderr(),
            ),
            // Documents go out as they are, whatever is in them.
            Self::Inject { input, diff: false } => inject::run(
                &Manifests::read(input)?,
                false,
                &mut std::io::stdout().lock(),
                &mut anstream::stderr(),
            ),
        }
    }
}
