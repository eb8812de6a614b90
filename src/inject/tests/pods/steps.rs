//! Sequences of webhooks: Rolebridge is reinvoked whenever a later webhook changed the pod (`reinvocationPolicy: IfNeeded`),
//! and the API server may call the webhooks in any order.

use std::fmt::Write;

use rolebridge_inject::{Decision, Reason};
use serde_json::Value;

use crate::case::{named, patched};
use crate::fixtures::compare;
use crate::{audit, facts, others, render};

/// A change of a pod.
#[derive(Clone, Copy)]
enum Step {
    /// Rolebridge's admission.
    Rolebridge,
    /// A change by another program, with its description.
    Other(&'static str, fn(&mut Value)),
}
use Step::{Other, Rolebridge};

/// A case and the changes of its pod, in order.
pub(crate) struct Sequence {
    name: &'static str,
    description: &'static str,
    case: &'static str,
    steps: &'static [Step],
}

impl Sequence {
    pub(crate) fn snapshot(&self) -> String {
        format!("reinvocation-{}", self.name)
    }
}

const EKS: Step = Other("EKS's pod identity webhook", others::eks);
const EKS_ASSOCIATION: Step =
    Other("EKS's pod identity webhook, with an association", others::eks_association);
const ISTIO_NATIVE: Step = Other("Istio with a native proxy", others::istio_native);
const ISTIO_CLASSIC: Step = Other("Istio with a proxy that is not native", others::istio_classic);
const LINKERD: Step = Other("Linkerd", others::linkerd_native);
const KUMA: Step = Other("Kuma with a native proxy, at the end", others::kuma_native);
const VPN: Step = Other("a webhook that adds a VPN, at the end", others::vpn);
const VAULT: Step = Other("Vault's agents as the first containers", others::vault_in_front);
const POLICIES: Step = Other("registry, resource and security policies", others::policies);
const API_SERVER: Step = Other("the API server's defaults", others::api_server);

pub(crate) const SEQUENCES: &[Sequence] = &[
    Sequence {
        name: "eks-before",
        description: "EKS's webhook, then Rolebridge twice: the app keeps EKS's values, and the sidecar has its own token.",
        case: "init-containers",
        steps: &[EKS, Rolebridge, Rolebridge, EKS, Rolebridge],
    },
    Sequence {
        name: "eks-after",
        description: "Rolebridge, then EKS's webhook, which also changes the sidecar: nothing is missing.",
        case: "init-containers",
        steps: &[Rolebridge, EKS, Rolebridge, Rolebridge],
    },
    Sequence {
        name: "policies",
        description: "Later webhooks changed the sidecar's image, resources and security context: their values are kept.",
        case: "init-containers",
        steps: &[Rolebridge, POLICIES, Rolebridge, API_SERVER, Rolebridge],
    },
    Sequence {
        name: "containers-in-front",
        description: "A later webhook added containers before all others: only those are patched, at their new indexes.",
        case: "init-containers",
        steps: &[Rolebridge, VAULT, Rolebridge, Rolebridge],
    },
    Sequence {
        name: "istio-native-after",
        description: "Istio's native proxy was injected after Rolebridge and is the first container, as required: nothing is missing.",
        case: "init-containers",
        steps: &[Rolebridge, ISTIO_NATIVE, Rolebridge],
    },
    Sequence {
        name: "istio-native-before",
        description: "Istio's native proxy was injected first: the sidecar comes directly after it and stays there.",
        case: "init-containers",
        steps: &[ISTIO_NATIVE, Rolebridge, Rolebridge],
    },
    Sequence {
        name: "istio-classic-after",
        description: "Istio's proxy, which is not native, was injected after Rolebridge: the reinvocation warns.",
        case: "minimal",
        steps: &[Rolebridge, ISTIO_CLASSIC, Rolebridge],
    },
    Sequence {
        name: "linkerd-after",
        description: "Linkerd was injected after Rolebridge.",
        case: "minimal",
        steps: &[Rolebridge, LINKERD, Rolebridge],
    },
    Sequence {
        name: "linkerd-before",
        description: "Linkerd was injected before Rolebridge.",
        case: "minimal",
        steps: &[LINKERD, Rolebridge, Rolebridge],
    },
    Sequence {
        name: "kuma-native-after",
        description: "Kuma's native proxy was injected after Rolebridge, at the end: the sidecar moves after it and stays there.",
        case: "init-containers",
        steps: &[Rolebridge, KUMA, Rolebridge, Rolebridge],
    },
    Sequence {
        name: "start-after-vpn",
        description: "A later webhook adds the VPN that the pod names: the sidecar moves after it.",
        case: "start-after",
        steps: &[Rolebridge, VPN, Rolebridge, Rolebridge],
    },
    Sequence {
        name: "unknown-vpn-after",
        description: "A later webhook adds a VPN that no setting names: the reinvocation warns.",
        case: "minimal",
        steps: &[Rolebridge, VPN, Rolebridge],
    },
    Sequence {
        name: "all-of-them",
        description: "All webhooks, in an arbitrary order.",
        case: "proxy-literal",
        steps: &[LINKERD, Rolebridge, EKS, VAULT, Rolebridge, POLICIES, API_SERVER, Rolebridge, Rolebridge],
    },
    Sequence {
        name: "metadata",
        description: "The source `metadata`: a later webhook's container gets the server's address too.",
        case: "metadata",
        steps: &[ISTIO_NATIVE, Rolebridge, VAULT, POLICIES, API_SERVER, Rolebridge, Rolebridge],
    },
    Sequence {
        name: "metadata-host",
        description: "The source `metadata-host`: the names and the sysctl are added once.",
        case: "metadata-host",
        steps: &[ISTIO_NATIVE, Rolebridge, VAULT, POLICIES, API_SERVER, Rolebridge, Rolebridge],
    },
    Sequence {
        name: "metadata-then-metadata-host",
        description: "A later webhook extends the source `metadata` by the names and the port of Google's server.",
        case: "metadata",
        steps: &[
            Rolebridge,
            API_SERVER,
            Other("a webhook that changes the source", others::source_metadata_host),
            Rolebridge,
            Rolebridge,
        ],
    },
    Sequence {
        name: "kubernetes",
        description: "No sidecar: the volumes show that Rolebridge has injected the pod.",
        case: "kubernetes",
        steps: &[Rolebridge, VAULT, API_SERVER, Rolebridge, EKS, Rolebridge, Rolebridge],
    },
    Sequence {
        name: "kubernetes-then-metadata",
        description: "No sidecar at first, then a later webhook makes it necessary.",
        case: "kubernetes",
        steps: &[
            Rolebridge,
            API_SERVER,
            Other("a webhook that changes the source", others::source_metadata),
            Rolebridge,
            Rolebridge,
        ],
    },
    Sequence {
        name: "pod-identity-before",
        description: "EKS's webhook ran first, with an association: the sidecar calls the agent with its own token.",
        case: "no-aws-identity",
        steps: &[EKS_ASSOCIATION, Rolebridge, Rolebridge, EKS_ASSOCIATION, Rolebridge],
    },
    Sequence {
        name: "pod-identity-after",
        description: "EKS's webhook ran after Rolebridge, with an association that an annotation declared: nothing is missing.",
        case: "pod-identity",
        steps: &[Rolebridge, EKS_ASSOCIATION, Rolebridge, Rolebridge],
    },
    Sequence {
        name: "pod-identity-and-role",
        description: "A role for IRSA and an association: the role wins, even if EKS's webhook changes the sidecar too.",
        case: "minimal",
        steps: &[EKS_ASSOCIATION, Rolebridge, EKS_ASSOCIATION, Rolebridge, Rolebridge],
    },
    Sequence {
        name: "too-late",
        description: "A later webhook changed settings of the sidecar, which keeps the earlier values: a warning names them.",
        case: "source-file",
        steps: &[
            Rolebridge,
            Other("a webhook that changes the source", others::source_metadata),
            Rolebridge,
            Rolebridge,
        ],
    },
    Sequence {
        name: "tampered",
        description: "A later webhook replaced the configuration and removed the status: the reinvocation restores both.",
        case: "minimal",
        steps: &[
            Rolebridge,
            Other("a webhook that tampers with the annotations", others::tamper),
            Rolebridge,
            Rolebridge,
        ],
    },
    Sequence {
        name: "moved",
        description: "A later webhook added an init container and moved the sidecar to the end: the sidecar is detected by its \
                structure, not by its position.",
        case: "minimal",
        steps: &[
            Rolebridge,
            Other("a webhook that sorts init containers", others::sidecar_last),
            Rolebridge,
            Rolebridge,
        ],
    },
];

#[test]
fn each_reinvocation_adds_only_what_is_missing() {
    for Sequence { name, description, case, steps } in SEQUENCES {
        let case = named(case);
        let mut pod = case.pod.clone();
        let mut text = String::new();
        let mut is_changed = true;
        for step in *steps {
            match step {
                Other(program, change) => {
                    writeln!(text, "=== {program}\n").unwrap();
                    change(&mut pod);
                    is_changed = true;
                }
                Rolebridge => {
                    let admission = case.admit(&pod);
                    writeln!(text, "=== Rolebridge\n{}", render::admission(&admission)).unwrap();
                    if let Some(after) = patched(&pod, &admission) {
                        assert_eq!(audit::forbidden_changes(&pod, &after), [], "{name}");
                        pod = after;
                    }
                    let skipped = Decision::Skip(Reason::AlreadyInjected);
                    assert!(
                        is_changed || admission.decision == skipped,
                        "{name}: a second admission changes the pod again:\n{text}"
                    );
                    is_changed = false;
                }
            }
        }
        assert_eq!(case.admit(&pod).decision, Decision::Skip(Reason::AlreadyInjected), "{name}");
        compare(&format!("reinvocation-{name}"), description, &text);
    }
}

#[test]
fn eks_webhook_before_or_after_results_in_the_same_app_container() {
    let case = named("minimal");
    let inject = |pod: &Value| patched(pod, &case.admit(pod)).unwrap();
    let mut after = inject(&case.pod);
    others::eks(&mut after);
    let mut before = case.pod.clone();
    others::eks(&mut before);
    let before = inject(&before);

    let app = |pod: &Value| {
        let container = &pod["spec"]["containers"][0];
        let mut names: Vec<_> = ["env", "volumeMounts"]
            .iter()
            .flat_map(|list| facts::list(container, list))
            .map(Value::to_string)
            .collect();
        names.sort();
        names
    };
    assert_eq!(app(&before), app(&after), "the app's container does not depend on the order");
}
