//! Checks of any injected pod, independent of the injecting code: the allowed differences from the user's pod, and the
//! requirements of the API server, the kubelet and the design.

use rolebridge_core::annotations::{CONFIG_FILE, CONFIG_LOOPBACK, CONTAINERS, START_AFTER, STATUS};
use rolebridge_core::env::{app, sidecar};
use rolebridge_core::external_account::ConfigKind;
use rolebridge_core::pod_names::{
    AWS_TOKEN_VOLUME, CA_VOLUME, CONFIG_VOLUME, CONTAINER, IDENTITY_VOLUME, PROGRAM, READY_COMMAND, RUN_ARGS,
    TOKEN_VOLUME, USER,
};
use rolebridge_core::service_accounts::AccountNumber;
use serde_json::{Value, json};

use crate::changes::{Change, Kind, changes};
use crate::facts::{
    LISTS, MESH, amount, containers, has_pod_level, is_guaranteed, is_mesh, is_proxy, list, shared_user,
};

const VOLUMES: [&str; 5] =
    [TOKEN_VOLUME.name, CONFIG_VOLUME.name, AWS_TOKEN_VOLUME.name, IDENTITY_VOLUME.name, CA_VOLUME.name];

/// The VPN that the defaults of a case name.
const VPN: &str = "corp-uplink";

/// The variables that the patch may add to an app container.
const VARIABLES: [&str; 10] = [
    app::CREDENTIALS,
    app::CLOUDSDK_CREDENTIALS,
    app::METADATA_HOST,
    app::METADATA_IP,
    app::METADATA_ROOT,
    app::CLOUDSDK_ACCOUNT,
    app::PROJECT,
    app::CLOUDSDK_PROJECT,
    app::QUOTA_PROJECT,
    app::CLOUDSDK_QUOTA_PROJECT,
];

/// Returns every difference that is not allowed.
pub(crate) fn forbidden_changes(before: &Value, after: &Value) -> Vec<Change> {
    let before = with_sidecar_at(before, sidecar_position(after));
    changes(&before, after).into_iter().filter(|change| !is_allowed(change)).collect()
}

fn sidecar_position(pod: &Value) -> Option<usize> {
    list(pod, "initContainers").iter().position(|container| container["name"] == CONTAINER)
}

/// Returns true if a value is the path of a configuration, of any account.
fn is_config_of(kind: ConfigKind, value: &Value) -> bool {
    AccountNumber::ALL.iter().any(|account| *value == kind.config_path(*account))
}

/// Moves the sidecar of the pod, if it has one.
fn with_sidecar_at(pod: &Value, target: Option<usize>) -> Value {
    let mut pod = pod.clone();
    if let (Some(index), Some(target)) = (sidecar_position(&pod), target) {
        let init = pod["spec"]["initContainers"].as_array_mut().unwrap();
        let sidecar = init.remove(index);
        init.insert(target, sidecar);
    }
    pod
}

fn is_allowed(Change { path, kind }: &Change) -> bool {
    let path: Vec<_> = path.iter().map(String::as_str).collect();
    match (&path[..], kind) {
        (["metadata", "annotations", key], Kind::Added(_) | Kind::Changed(..)) => {
            [STATUS, CONFIG_LOOPBACK].contains(key) || CONFIG_FILE.contains(key)
        }
        // The pull secrets of the defaults are for the sidecar's image. A sidecar that the pod already had is brought to what
        // is decided now.
        (["spec", "initContainers", CONTAINER] | ["spec", "imagePullSecrets", _], Kind::Added(_))
        | (["spec", "initContainers", CONTAINER, "envFrom" | "volumeMounts" | "startupProbe", ..], _) => true,
        (["spec", "initContainers", CONTAINER, "env", name, ..], _) => sidecar::ALL.contains(name),
        // The source `metadata-host`.
        (["spec", "hostAliases", _], Kind::Added(alias)) => {
            *alias == json!({"ip": "127.0.0.1", "hostnames": ["metadata.google.internal", "metadata"]})
        }
        (["spec", "securityContext", "sysctls", _], Kind::Added(sysctl)) => {
            *sysctl == json!({"name": "net.ipv4.ip_unprivileged_port_start", "value": "80"})
        }
        (["spec", "volumes", name], Kind::Added(_)) | (["spec", "volumes", name, ..], _) => {
            VOLUMES.contains(name)
        }
        (["spec", list, _, "env", name], Kind::Added(_)) if LISTS.contains(list) => {
            VARIABLES.contains(name) || is_no_proxy(name)
        }
        (["spec", list, _, "env", name, "value"], Kind::Changed(old, new)) if LISTS.contains(list) => {
            is_no_proxy(name) && extends(old, new)
        }
        // A variable without a value is empty.
        (["spec", list, _, "env", name, "value"], Kind::Added(new)) if LISTS.contains(list) => {
            is_no_proxy(name) && extends(&Value::from(""), new)
        }
        (["spec", list, _, "volumeMounts", path], Kind::Added(_)) if LISTS.contains(list) => {
            [TOKEN_VOLUME.path, CONFIG_VOLUME.path, IDENTITY_VOLUME.path].contains(path)
        }
        _ => false,
    }
}

fn is_no_proxy(name: &str) -> bool {
    ["NO_PROXY", "no_proxy"].contains(&name)
}

/// Returns true if only names of this host are appended to the list.
fn extends(old: &Value, new: &Value) -> bool {
    let (Some(old), Some(new)) = (old.as_str(), new.as_str()) else { return false };
    let Some(rest) = new.strip_prefix(old) else { return false };
    rest.split(',').all(|part| ["", "127.0.0.1", "localhost"].contains(&part))
}

/// Returns a message for everything in an injected pod that is wrong.
pub(crate) fn problems(before: &Value, after: &Value) -> Vec<String> {
    let mut problems = Problems(Vec::new());
    problems.position(before, after);
    problems.sidecar(before, after);
    problems.volumes(before, after);
    problems.configuration(after);
    for (list, container) in containers(after).filter(|(_, container)| container["name"] != CONTAINER) {
        problems.app(list, container, before);
    }
    if is_guaranteed(before) && !is_guaranteed(after) {
        problems.0.push("the pod was Guaranteed and no longer is".to_owned());
    }
    problems.0
}

/// Returns true if the pod has the volume, and not only because the user's pod has one with its name that nothing mounts.
fn is_in_use(before: &Value, after: &Value, name: &str) -> bool {
    let count = count_volumes(after, name);
    count > count_volumes(before, name)
        || count > 0 && containers(after).any(|(_, container)| mounts(container, name))
}

fn count_volumes(pod: &Value, name: &str) -> usize {
    list(pod, "volumes").iter().filter(|volume| volume["name"] == name).count()
}

fn mounts(container: &Value, volume: &str) -> bool {
    list(container, "volumeMounts").iter().any(|mount| mount["name"] == volume)
}

struct Problems(Vec<String>);

impl Problems {
    fn check(&mut self, condition: bool, problem: impl FnOnce() -> String) {
        if !condition {
            self.0.push(problem());
        }
    }

    fn position(&mut self, before: &Value, pod: &Value) {
        let count = containers(pod).filter(|(_, container)| container["name"] == CONTAINER).count();
        let has_token = is_in_use(before, pod, TOKEN_VOLUME.name);
        if count == 0 && is_in_use(before, pod, IDENTITY_VOLUME.name) && !has_token {
            // Only the kubelet refreshes the token.
            return;
        }
        self.check(count == 1, || format!("{count} containers are named {CONTAINER}"));
        let names: Vec<_> = list(pod, "initContainers").iter().map(|container| &container["name"]).collect();
        let native = list(pod, "initContainers")
            .iter()
            .any(|container| is_proxy(container) && container["restartPolicy"] == "Always");
        let after = pod["metadata"]["annotations"][START_AFTER].as_str().unwrap_or_default();
        let is_before = |name: &&Value| {
            native && is_mesh(name) || **name == VPN || after.split(',').any(|other| **name == other)
        };
        let expected = names.iter().rposition(is_before).map_or(0, |index| index + 1);
        let actual = names.iter().position(|name| *name == CONTAINER);
        self.check(actual == Some(expected), || {
            format!("the sidecar is at {actual:?}, not at {expected}: {names:?}")
        });
    }

    fn sidecar(&mut self, before: &Value, after: &Value) {
        let Some(sidecar) =
            list(after, "initContainers").iter().find(|container| container["name"] == CONTAINER)
        else {
            return;
        };
        let security = &sidecar["securityContext"];
        let root = security["runAsUser"] == 0;
        for (field, actual, expected) in [
            ("restartPolicy", &sidecar["restartPolicy"], json!("Always")),
            ("command", &sidecar["command"], json!([PROGRAM])),
            ("args", &sidecar["args"], json!(RUN_ARGS)),
            ("probe", &sidecar["startupProbe"]["exec"]["command"], json!(READY_COMMAND)),
            ("privileges", &security["allowPrivilegeEscalation"], json!(false)),
            ("capabilities", &security["capabilities"], json!({"drop": ["ALL"]})),
            ("root file system", &security["readOnlyRootFilesystem"], json!(true)),
            ("runAsNonRoot", &security["runAsNonRoot"], json!(!root)),
            ("seccomp", &security["seccompProfile"], json!({"type": "RuntimeDefault"})),
            ("user", &security["runAsUser"], json!(shared_user(before).unwrap_or(USER))),
        ] {
            self.check(*actual == expected, || format!("the sidecar's {field} is {actual}, not {expected}"));
        }
        self.resources(before, &sidecar["resources"]);
    }

    fn resources(&mut self, before: &Value, resources: &Value) {
        for name in ["cpu", "memory"] {
            if has_pod_level(before, name) {
                let is_set = ["requests", "limits"].iter().any(|kind| !resources[kind][name].is_null());
                self.check(!is_set, || {
                    format!("the pod has pod-level {name}, and the sidecar has {resources}")
                });
                continue;
            }
            // A quota on the limits of one resource does not apply to the other.
            let limited =
                containers(before).any(|(_, container)| !container["resources"]["limits"][name].is_null());
            let (request, limit) = (&resources["requests"][name], &resources["limits"][name]);
            self.check(request.is_string(), || format!("the sidecar requests no {name}"));
            self.check(!limited || limit.is_string(), || format!("the sidecar has no limit of {name}"));
            self.check(limit.is_null() || amount(request) <= amount(limit), || {
                format!("the sidecar requests {request} of {name}, more than its limit of {limit}")
            });
        }
    }

    fn volumes(&mut self, before: &Value, pod: &Value) {
        for name in VOLUMES {
            let count = count_volumes(pod, name);
            let mounted: Vec<_> = containers(pod)
                .filter(|(_, container)| mounts(container, name))
                .map(|(_, container)| container["name"].as_str().unwrap_or_default())
                .collect();
            let used = usize::from(!mounted.is_empty());
            // A later webhook may add the container of an override.
            let is_config = count == 1 && name == CONFIG_VOLUME.name;
            self.check(count == used || is_config || !is_in_use(before, pod, name), || {
                format!("{count} volumes {name}, mounted in {mounted:?}")
            });
            let sidecar_only = [AWS_TOKEN_VOLUME.name, CA_VOLUME.name].contains(&name);
            self.check(!sidecar_only || mounted.iter().all(|container| *container == CONTAINER), || {
                format!("{name} is mounted in {mounted:?}, but only the sidecar may mount it")
            });
        }
    }

    /// Checks that only the sidecar can change the configuration, if there is a sidecar.
    fn configuration(&mut self, pod: &Value) {
        let sidecar = list(pod, "initContainers").iter().find(|container| container["name"] == CONTAINER);
        let volume = list(pod, "volumes").iter().find(|volume| volume["name"] == CONFIG_VOLUME.name);
        let (Some(sidecar), Some(volume)) = (sidecar, volume) else { return };
        let mount = list(sidecar, "volumeMounts").iter().find(|mount| mount["name"] == CONFIG_VOLUME.name);
        if mount.is_none() && volume["emptyDir"].is_null() {
            // The set of an earlier release.
            return;
        }
        self.check(volume["emptyDir"]["medium"] == "Memory", || {
            format!("the sidecar cannot write to {volume}")
        });
        self.check(mount.is_some_and(|mount| mount["readOnly"].is_null()), || {
            "the sidecar cannot write the configuration".to_owned()
        });
        for kind in ConfigKind::ALL {
            let writes = list(sidecar, "env").iter().any(|env| env["name"] == kind.variable());
            let used = containers(pod).any(|(_, container)| {
                list(container, "env")
                    .iter()
                    .any(|env| is_config_of(kind, &env["value"]) && env["name"] != kind.variable())
            });
            self.check(writes || !used, || format!("the sidecar does not write {kind:?}"));
        }
    }

    fn app(&mut self, list_name: &str, container: &Value, before: &Value) {
        let name = &container["name"];
        let original = list(&before["spec"], list_name).iter().find(|container| container["name"] == *name);
        let items = |container: &Value, key: &str| -> Vec<Value> { list(container, key).to_vec() };
        let mounts = items(container, "volumeMounts");
        let rolebridge = mounts.iter().filter(|mount| VOLUMES.iter().any(|volume| mount["name"] == *volume));
        for mount in rolebridge {
            let path = &mount["mountPath"];
            let count = mounts.iter().filter(|other| other["mountPath"] == *path).count();
            self.check(count == 1, || format!("{name} has {count} mounts at {path}"));
            self.check(mount["readOnly"] == true, || format!("{name} may write to {path}"));
            let misleads_vault = path.as_str().is_some_and(|path| path.contains("serviceaccount"));
            self.check(!misleads_vault, || {
                format!("Vault's injector treats {path} as the API token's mount")
            });
        }
        let old = original.map_or_else(Vec::new, |original| items(original, "env"));
        for env in items(container, "env").iter().filter(|env| !old.contains(env)) {
            let count = items(container, "env").iter().filter(|other| other["name"] == env["name"]).count();
            let before = old.iter().filter(|other| other["name"] == env["name"]).count();
            self.check(count == before.max(1), || format!("{name} has {count} variables {}", env["name"]));
        }
        let now = items(container, "env");
        let first_own = now.iter().position(|env| old.contains(env));
        let late = now.iter().skip(first_own.unwrap_or(now.len())).find(|env| {
            VARIABLES
                .iter()
                .any(|name| env["name"] == *name && !old.iter().any(|other| other["name"] == *name))
        });
        self.check(late.is_none(), || format!("{name} cannot refer to {late:?}, which comes after its own"));
        let folder = format!("{}/", CONFIG_VOLUME.path);
        let configured = items(container, "env")
            .iter()
            .any(|env| env["value"].as_str().is_some_and(|value| value.starts_with(&folder)));
        let is_config =
            |mount: &Value| mount["name"] == CONFIG_VOLUME.name && mount["mountPath"] == CONFIG_VOLUME.path;
        let mounted = mounts.iter().any(is_config);
        let credentials = [app::CREDENTIALS, app::CLOUDSDK_CREDENTIALS];
        let has_own = old.iter().any(|env| credentials.iter().any(|name| env["name"] == *name));
        self.check(if has_own { mounted || !configured } else { mounted == configured }, || {
            format!("{name} {} the configuration", if mounted { "is not pointed to" } else { "lacks" })
        });
        let named = before["metadata"]["annotations"][CONTAINERS].as_str().unwrap_or_default();
        let mesh = MESH.iter().find(|mesh| *name == **mesh && !named.contains(**mesh));
        let has = |value: &str| list(container, "env").iter().any(|env| env["value"] == value);
        let ports = [15_080, 16_080]
            .into_iter()
            .flat_map(|first| AccountNumber::ALL.map(|number| number.port(first)));
        let by_metadata = ports.flatten().any(|port| has(&format!("127.0.0.1:{port}")));
        self.check(mesh.is_none() || !(configured || by_metadata), || {
            format!("{name} belongs to a mesh and has credentials")
        });
        self.check(!(configured && by_metadata), || {
            format!("{name} has a configuration and a metadata server")
        });
        let is_loopback = |env: &Value| is_config_of(ConfigKind::Loopback, &env["value"]);
        if list(container, "env").iter().any(is_loopback) || by_metadata {
            self.proxy(container);
        }
    }

    /// Checks that a container with a literal proxy does not send calls for credentials to it.
    fn proxy(&mut self, container: &Value) {
        let variable = |name: &str| list(container, "env").iter().rfind(|env| env["name"] == name);
        let literal = |name: &str| match variable(name) {
            Some(env) if env["valueFrom"].is_null() => Some(env["value"].as_str().unwrap_or_default()),
            _ => None,
        };
        let variables = ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy"];
        if !variables.iter().any(|name| literal(name).is_some_and(|value| !value.is_empty())) {
            return;
        }
        for list in ["NO_PROXY", "no_proxy"].into_iter().filter_map(literal) {
            let has = |host: &str| list.split(',').map(str::trim).any(|entry| entry == host);
            self.check(has("*") || (has("127.0.0.1") && has("localhost")), || {
                format!("{} would send calls for credentials to its proxy: {list:?}", container["name"])
            });
        }
    }
}
