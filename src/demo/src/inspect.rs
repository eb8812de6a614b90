//! `--keep`: prints commands to inspect the running environment.

use rolebridge_core::annotations::METRICS_PORT;
use rolebridge_core::env::sidecar::LOOPBACK_PORT;
use rolebridge_core::external_account::ConfigKind;
use rolebridge_core::imds::{CREDENTIALS_PATH, SESSION_TOKEN_HEADER, SESSION_TOKEN_PATH, SESSION_TTL_HEADER};
use rolebridge_core::pod_names::TOKEN_FILE;
use rolebridge_core::service_accounts::AccountNumber;

use crate::console::Console;
use crate::scenario::Environment;

/// Prints the commands.
pub(crate) fn print_commands(console: &Console, environment: &Environment, source: ConfigKind) {
    let Environment { world, pod, sidecar, app } = environment;
    console.heading("Everything is still running. To inspect it:");
    console.command("metrics of the webhook", &format!("curl -s http://{}/metrics", world.webhook.health()));
    let annotations = &pod.manifest()["metadata"]["annotations"];
    if let Some(port) = annotations[METRICS_PORT].as_str() {
        console.command("metrics of the sidecar", &format!("curl -s http://127.0.0.1:{port}/metrics"));
    }
    console.command("subject token", &format!("cat {}", pod.path(TOKEN_FILE).display()));
    let config = pod.path(&source.config_path(AccountNumber::DEFAULT));
    console.command("credential configuration", &format!("cat {}", config.display()));
    if let Some(port) = loopback_port(environment) {
        let base = format!("http://127.0.0.1:{port}");
        console.command(
            "AWS credentials from loopback (their session policy denies every action)",
            &format!(
                "T=$(curl -s -X PUT -H '{SESSION_TTL_HEADER}: 300' {base}{SESSION_TOKEN_PATH})\n\
                 R=$(curl -s -H \"{SESSION_TOKEN_HEADER}: $T\" {base}{CREDENTIALS_PATH})\n\
                 curl -s -H \"{SESSION_TOKEN_HEADER}: $T\" {base}{CREDENTIALS_PATH}/$R"
            ),
        );
    }
    console.command("files of the pod", &format!("find {}/ -follow -type f", pod.root().display()));
    for process in [sidecar, app] {
        if let Some(id) = process.id() {
            console.command(
                &format!("environment of {}", process.name()),
                &format!("tr '\\0' '\\n' </proc/{id}/environ"),
            );
        }
    }
    console.heading("Press Ctrl-C to stop.");
}

/// Returns the loopback port from the injected sidecar's environment.
fn loopback_port(environment: &Environment) -> Option<String> {
    let containers = environment.pod.manifest()["spec"]["initContainers"].as_array()?;
    let mut env = containers.iter().filter_map(|container| container["env"].as_array()).flatten();
    env.find(|variable| variable["name"] == LOOPBACK_PORT)?["value"].as_str().map(str::to_owned)
}
