//! `--keep`: everything goes on, for a look around.

use rolebridge_core::annotations::METRICS_PORT;
use rolebridge_core::env::sidecar::LOOPBACK_PORT;
use rolebridge_core::external_account::ConfigKind;
use rolebridge_core::imds::{CREDENTIALS_PATH, SESSION_TOKEN_HEADER, SESSION_TOKEN_PATH, SESSION_TTL_HEADER};
use rolebridge_core::pod_names::TOKEN_FILE;

use crate::show::Show;
use crate::story::Cast;

/// Says where to look.
pub(crate) fn look_around(show: &Show, cast: &Cast, source: ConfigKind) {
    show.say("Everything is still running. Look around:");
    show.command("the webhook's metrics", &format!("curl -s http://{}/metrics", cast.world.webhook.health()));
    let annotations = &cast.pod.manifest()["metadata"]["annotations"];
    if let Some(port) = annotations[METRICS_PORT].as_str() {
        show.command("the sidecar's metrics", &format!("curl -s http://127.0.0.1:{port}/metrics"));
    }
    show.command("the subject token", &format!("cat {}", cast.pod.path(TOKEN_FILE).display()));
    show.command("the configuration", &format!("cat {}", cast.pod.path(source.config_path()).display()));
    if let Some(port) = loopback_port(cast) {
        let base = format!("http://127.0.0.1:{port}");
        show.command(
            "what loopback serves (a session that may do nothing)",
            &format!(
                "T=$(curl -s -X PUT -H '{SESSION_TTL_HEADER}: 300' {base}{SESSION_TOKEN_PATH})\n\
                 R=$(curl -s -H \"{SESSION_TOKEN_HEADER}: $T\" {base}{CREDENTIALS_PATH})\n\
                 curl -s -H \"{SESSION_TOKEN_HEADER}: $T\" {base}{CREDENTIALS_PATH}/$R"
            ),
        );
    }
    show.command("the pod's files", &format!("find {}/ -follow -type f", cast.pod.root().display()));
    for process in [&cast.sidecar, &cast.app] {
        if let Some(id) = process.id() {
            show.command(
                &format!("the environment of {}", process.name()),
                &format!("tr '\\0' '\\n' </proc/{id}/environ"),
            );
        }
    }
    show.say("Ctrl-C ends it all.");
}

/// As the patched pod says it to the sidecar.
fn loopback_port(cast: &Cast) -> Option<String> {
    let containers = cast.pod.manifest()["spec"]["initContainers"].as_array()?;
    let mut env = containers.iter().filter_map(|container| container["env"].as_array()).flatten();
    env.find(|variable| variable["name"] == LOOPBACK_PORT)?["value"].as_str().map(str::to_owned)
}
