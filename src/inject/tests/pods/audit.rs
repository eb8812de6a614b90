//! What must hold of any injected pod, said again without the code that injects: what may differ from the pod that
//! the user wrote, and what the API server, the kubelet and the design ask of the rest.

use rolebridge_core::annotations::{CONFIG_FILE, CONFIG_LOOPBACK, CONTAINERS, STATUS};
use rolebridge_core::env::app;
use rolebridge_core::external_account::ConfigKind;
use rolebridge_core::pod_names::{
    AWS_TOKEN_VOLUME, CA_VOLUME, CONFIG_VOLUME, CONTAINER, IDENTITY_VOLUME, PROGRAM, READY_COMMAND, RUN_ARGS,
    TOKEN_VOLUME, USER,
};
use serde_json::{Value, json};

use crate::changes::{Change, Kind, changes};
use crate::facts::{
    LISTS, MESH, amount, common_user, containers, has_resources_as_a_whole, is_guaranteed, is_proxy, list,
};

const VOLUMES: [&str; 5] =
    [TOKEN_VOLUME.name, CONFIG_VOLUME.name, AWS_TOKEN_VOLUME.name, IDENTITY_VOLUME.name, CA_VOLUME.name];

/// The variables that an app's container may get.
const VARIABLES: [&str; 9] = [
    app::CREDENTIALS,
    app::CLOUDSDK_CREDENTIALS,
    app::METADATA_HOST,
    app::METADATA_IP,
    app::METADATA_ROOT,
    app::PROJECT,
    app::CLOUDSDK_PROJECT,
    app::QUOTA_PROJECT,
    app::CLOUDSDK_QUOTA_PROJECT,
];

/// Every difference that may not be.
pub(crate) fn trespasses(before: &Value, after: &Value) -> Vec<Change> {
    changes(before, after).into_iter().filter(|change| !may_be(change)).collect()
}

fn may_be(Change { path, kind }: &Change) -> bool {
    let path: Vec<_> = path.iter().map(String::as_str).collect();
    match (&path[..], kind) {
        (["metadata", "annotations", key], Kind::Added(_) | Kind::Changed(..)) => {
            [STATUS, CONFIG_LOOPBACK, CONFIG_FILE].contains(key)
        }
        // The pull secrets are the chart's own, for the sidecar's image.
        (["spec", "initContainers", CONTAINER] | ["spec", "imagePullSecrets", _], Kind::Added(_)) => true,
        (["spec", "volumes", name], Kind::Added(_)) => VOLUMES.contains(name),
        (["spec", list, _, "env", name], Kind::Added(_)) if LISTS.contains(list) => {
            VARIABLES.contains(name) || is_no_proxy(name)
        }
        (["spec", list, _, "env", name, "value"], Kind::Changed(old, new)) if LISTS.contains(list) => {
            is_no_proxy(name) && extends(old, new)
        }
        // A variable without a value is an empty one.
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

/// A list with nothing but this host's names put behind it.
fn extends(old: &Value, new: &Value) -> bool {
    let (Some(old), Some(new)) = (old.as_str(), new.as_str()) else { return false };
    let Some(rest) = new.strip_prefix(old) else { return false };
    rest.split(',').all(|part| ["", "127.0.0.1", "localhost"].contains(&part))
}

/// Everything about an injected pod that is not as it should be, in sentences.
pub(crate) fn faults(before: &Value, after: &Value) -> Vec<String> {
    let mut faults = Faults(Vec::new());
    faults.place(after);
    faults.sidecar(before, after);
    faults.volumes(after);
    for (list, container) in containers(after).filter(|(_, container)| container["name"] != CONTAINER) {
        faults.app(list, container, before);
    }
    if is_guaranteed(before) && !is_guaranteed(after) {
        faults.0.push("the pod was Guaranteed and is no more".to_owned());
    }
    faults.0
}

struct Faults(Vec<String>);

impl Faults {
    fn check(&mut self, holds: bool, otherwise: impl FnOnce() -> String) {
        if !holds {
            self.0.push(otherwise());
        }
    }

    fn place(&mut self, pod: &Value) {
        let all = containers(pod).filter(|(_, container)| container["name"] == CONTAINER).count();
        let has = |name: &str| list(pod, "volumes").iter().any(|volume| volume["name"] == name);
        if all == 0 && has(IDENTITY_VOLUME.name) && !has(TOKEN_VOLUME.name) {
            // The kubelet does all the work.
            return;
        }
        self.check(all == 1, || format!("{all} containers are called {CONTAINER}"));
        let names: Vec<_> = list(pod, "initContainers").iter().map(|one| &one["name"]).collect();
        let native =
            list(pod, "initContainers").iter().any(|one| is_proxy(one) && one["restartPolicy"] == "Always");
        let mesh = names.iter().rposition(|name| MESH.iter().any(|mesh| *name == mesh));
        let wanted = mesh.filter(|_| native).map_or(0, |at| at + 1);
        let found = names.iter().position(|name| *name == CONTAINER);
        self.check(found == Some(wanted), || {
            format!("the sidecar stands at {found:?}, not at {wanted}: {names:?}")
        });
    }

    fn sidecar(&mut self, before: &Value, after: &Value) {
        let Some(sidecar) = list(after, "initContainers").iter().find(|one| one["name"] == CONTAINER) else {
            return;
        };
        let security = &sidecar["securityContext"];
        let root = security["runAsUser"] == 0;
        for (what, found, wanted) in [
            ("restartPolicy", &sidecar["restartPolicy"], json!("Always")),
            ("command", &sidecar["command"], json!([PROGRAM])),
            ("args", &sidecar["args"], json!(RUN_ARGS)),
            ("probe", &sidecar["startupProbe"]["exec"]["command"], json!(READY_COMMAND)),
            ("privileges", &security["allowPrivilegeEscalation"], json!(false)),
            ("capabilities", &security["capabilities"], json!({"drop": ["ALL"]})),
            ("root file system", &security["readOnlyRootFilesystem"], json!(true)),
            ("runAsNonRoot", &security["runAsNonRoot"], json!(!root)),
            ("seccomp", &security["seccompProfile"], json!({"type": "RuntimeDefault"})),
            ("user", &security["runAsUser"], json!(common_user(before).unwrap_or(USER))),
        ] {
            self.check(*found == wanted, || format!("the sidecar's {what} is {found}, not {wanted}"));
        }
        self.resources(before, &sidecar["resources"]);
    }

    fn resources(&mut self, before: &Value, resources: &Value) {
        if has_resources_as_a_whole(before) {
            return self.check(*resources == Value::Null, || {
                format!("the pod has resources as a whole, and the sidecar has {resources}")
            });
        }
        for name in ["cpu", "memory"] {
            // A quota on the limits of one resource demands nothing of the other.
            let limited = containers(before).any(|(_, one)| !one["resources"]["limits"][name].is_null());
            let (request, limit) = (&resources["requests"][name], &resources["limits"][name]);
            self.check(request.is_string(), || format!("the sidecar requests no {name}"));
            self.check(!limited || limit.is_string(), || format!("the sidecar has no limit of {name}"));
            self.check(limit.is_null() || amount(request) <= amount(limit), || {
                format!("the sidecar requests {request} of {name}, more than its limit of {limit}")
            });
        }
    }

    fn volumes(&mut self, pod: &Value) {
        for name in VOLUMES {
            let there = list(pod, "volumes").iter().filter(|volume| volume["name"] == name).count();
            let mounted: Vec<_> = containers(pod)
                .filter(|(_, one)| list(one, "volumeMounts").iter().any(|mount| mount["name"] == name))
                .map(|(_, one)| one["name"].as_str().unwrap_or_default())
                .collect();
            let used = usize::from(!mounted.is_empty());
            // A container that is set apart may come later.
            let expected = there == 1 && name == CONFIG_VOLUME.name;
            self.check(there == used || expected, || {
                format!("{there} volumes {name}, mounted in {mounted:?}")
            });
            let apart = [AWS_TOKEN_VOLUME.name, CA_VOLUME.name].contains(&name);
            self.check(!apart || mounted.iter().all(|container| *container == CONTAINER), || {
                format!("{name} is mounted in {mounted:?}: it is the sidecar's alone")
            });
        }
    }

    fn app(&mut self, list_name: &str, container: &Value, before: &Value) {
        let name = &container["name"];
        let was = list(&before["spec"], list_name).iter().find(|one| one["name"] == *name);
        let of = |container: &Value, key: &str| -> Vec<Value> { list(container, key).to_vec() };
        let mounts = of(container, "volumeMounts");
        let ours = mounts.iter().filter(|mount| VOLUMES.iter().any(|volume| mount["name"] == *volume));
        for mount in ours {
            let path = &mount["mountPath"];
            let there = mounts.iter().filter(|other| other["mountPath"] == *path).count();
            self.check(there == 1, || format!("{name} has {there} mounts at {path}"));
            self.check(mount["readOnly"] == true, || format!("{name} may write to {path}"));
            let fooled = path.as_str().is_some_and(|path| path.contains("serviceaccount"));
            self.check(!fooled, || format!("Vault's injector takes {path} for the API token's mount"));
        }
        let old = was.map_or_else(Vec::new, |was| of(was, "env"));
        for env in of(container, "env").iter().filter(|env| !old.contains(env)) {
            let there = of(container, "env").iter().filter(|other| other["name"] == env["name"]).count();
            let before = old.iter().filter(|other| other["name"] == env["name"]).count();
            self.check(there == before.max(1), || format!("{name} has {there} variables {}", env["name"]));
        }
        let ours = format!("{}/", CONFIG_VOLUME.path);
        let configured = of(container, "env")
            .iter()
            .any(|env| env["value"].as_str().is_some_and(|value| value.starts_with(&ours)));
        let is_config =
            |mount: &Value| mount["name"] == CONFIG_VOLUME.name && mount["mountPath"] == CONFIG_VOLUME.path;
        let mounted = mounts.iter().any(is_config);
        let ours = [app::CREDENTIALS, app::CLOUDSDK_CREDENTIALS];
        let own = old.iter().any(|env| ours.iter().any(|name| env["name"] == *name));
        self.check(if own { mounted || !configured } else { mounted == configured }, || {
            format!("{name} {} the configuration", if mounted { "is not pointed to" } else { "lacks" })
        });
        let named = before["metadata"]["annotations"][CONTAINERS].as_str().unwrap_or_default();
        let mesh = MESH.iter().find(|mesh| *name == **mesh && !named.contains(**mesh));
        let has = |value: &str| list(container, "env").iter().any(|env| env["value"] == value);
        let by_metadata = has("127.0.0.1:15080") || has("127.0.0.1:16080");
        self.check(mesh.is_none() || !(configured || by_metadata), || {
            format!("{name} is a mesh's own and has credentials")
        });
        self.check(!(configured && by_metadata), || {
            format!("{name} has a configuration and a metadata server")
        });
        if has(ConfigKind::Loopback.config_path()) || by_metadata {
            self.proxy(container);
        }
    }

    /// A literal proxy would be asked for the loopback's credentials, unless it is told not to be.
    fn proxy(&mut self, container: &Value) {
        let variable = |name: &str| list(container, "env").iter().rfind(|env| env["name"] == name);
        let literal = |name: &str| match variable(name) {
            Some(env) if env["valueFrom"].is_null() => Some(env["value"].as_str().unwrap_or_default()),
            _ => None,
        };
        let proxied = ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy"];
        if !proxied.iter().any(|name| literal(name).is_some_and(|value| !value.is_empty())) {
            return;
        }
        for list in ["NO_PROXY", "no_proxy"].into_iter().filter_map(literal) {
            let has = |host: &str| list.split(',').map(str::trim).any(|entry| entry == host);
            self.check(has("*") || (has("127.0.0.1") && has("localhost")), || {
                format!("{} would ask its proxy for credentials: {list:?}", container["name"])
            });
        }
    }
}
