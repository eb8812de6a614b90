//! Several webhooks, one after another: ours is called again whenever a later one changed the pod
//! (`reinvocationPolicy: IfNeeded`), and in whatever order the API server has them.

use std::fmt::Write;

use rolebridge_inject::{Decision, Reason};
use serde_json::Value;

use crate::case::{named, patched};
use crate::fixtures::compare;
use crate::{audit, facts, others, render};

/// What happens to a pod.
#[derive(Clone, Copy)]
enum Step {
    /// Ours.
    Us,
    /// Another's.
    Other(&'static str, fn(&mut Value)),
}
use Step::{Other, Us};

/// A case's pod and what happens to it.
pub(crate) struct Sequence {
    name: &'static str,
    about: &'static str,
    case: &'static str,
    steps: &'static [Step],
}

impl Sequence {
    pub(crate) fn snapshot(&self) -> String {
        format!("again-{}", self.name)
    }
}

const EKS: Step = Other("EKS's pod identity webhook", others::eks);
const EKS_ASSOCIATION: Step =
    Other("EKS's pod identity webhook, for an association", others::eks_association);
const ISTIO_NATIVE: Step = Other("Istio, a native proxy", others::istio_native);
const ISTIO_CLASSIC: Step = Other("Istio, a proxy that is no native one", others::istio_classic);
const LINKERD: Step = Other("Linkerd", others::linkerd_native);
const VAULT: Step = Other("Vault's agents in front", others::vault_in_front);
const POLICIES: Step = Other("registry, resource and security policies", others::policies);
const API_SERVER: Step = Other("the API server's defaults", others::api_server);

pub(crate) const STEPS: &[Sequence] = &[
    Sequence {
        name: "eks-before",
        about: "EKS's webhook, then ours twice: the app keeps what EKS gave it, our sidecar brings its own token.",
        case: "init-containers",
        steps: &[EKS, Us, Us, EKS, Us],
    },
    Sequence {
        name: "eks-after",
        about: "Ours, then EKS's webhook, which takes our sidecar for one more container: nothing is left to add.",
        case: "init-containers",
        steps: &[Us, EKS, Us, Us],
    },
    Sequence {
        name: "policies",
        about: "Later webhooks changed the sidecar's image, resources and security: theirs to decide, and left.",
        case: "init-containers",
        steps: &[Us, POLICIES, Us, API_SERVER, Us],
    },
    Sequence {
        name: "containers-in-front",
        about: "A later webhook put containers in front of all: only those get something, at their new precedence.",
        case: "init-containers",
        steps: &[Us, VAULT, Us, Us],
    },
    Sequence {
        name: "istio-native-after",
        about: "Istio's native proxy came after ours and stands first, as it must: nothing is left to add.",
        case: "init-containers",
        steps: &[Us, ISTIO_NATIVE, Us],
    },
    Sequence {
        name: "istio-native-before",
        about: "Istio's native proxy came first: ours stands right after it, and stays there.",
        case: "init-containers",
        steps: &[ISTIO_NATIVE, Us, Us],
    },
    Sequence {
        name: "istio-classic-after",
        about: "Istio's proxy that is no native one came after ours: the warning comes with the second call.",
        case: "minimal",
        steps: &[Us, ISTIO_CLASSIC, Us],
    },
    Sequence {
        name: "linkerd-after",
        about: "Linkerd came after ours.",
        case: "minimal",
        steps: &[Us, LINKERD, Us],
    },
    Sequence {
        name: "linkerd-before",
        about: "Linkerd came before ours.",
        case: "minimal",
        steps: &[LINKERD, Us, Us],
    },
    Sequence {
        name: "all-of-them",
        about: "Everybody, in an order that nobody chose.",
        case: "proxy-literal",
        steps: &[LINKERD, Us, EKS, VAULT, Us, POLICIES, API_SERVER, Us, Us],
    },
    Sequence {
        name: "metadata",
        about: "The source metadata: a later webhook's container is told where the server is too.",
        case: "metadata",
        steps: &[ISTIO_NATIVE, Us, VAULT, POLICIES, API_SERVER, Us, Us],
    },
    Sequence {
        name: "kubernetes",
        about: "No sidecar: the volumes tell that ours was here.",
        case: "kubernetes",
        steps: &[Us, VAULT, API_SERVER, Us, EKS, Us, Us],
    },
    Sequence {
        name: "kubernetes-then-metadata",
        about: "No sidecar at first, and a later webhook that makes one needed.",
        case: "kubernetes",
        steps: &[Us, API_SERVER, Other("one that changes the source", others::source_metadata), Us, Us],
    },
    Sequence {
        name: "pod-identity-before",
        about: "EKS's webhook came first, for an association: the sidecar asks the agent, by a token of its own.",
        case: "no-aws-identity",
        steps: &[EKS_ASSOCIATION, Us, Us, EKS_ASSOCIATION, Us],
    },
    Sequence {
        name: "pod-identity-after",
        about: "EKS's webhook came after ours, for an association that an annotation foretold: nothing is left to add.",
        case: "pod-identity",
        steps: &[Us, EKS_ASSOCIATION, Us, Us],
    },
    Sequence {
        name: "pod-identity-and-role",
        about: "A role for IRSA and an association: the role decides, whatever EKS's webhook adds, to the sidecar too.",
        case: "minimal",
        steps: &[EKS_ASSOCIATION, Us, EKS_ASSOCIATION, Us, Us],
    },
    Sequence {
        name: "too-late",
        about: "A later webhook that makes the sidecar another one came too late: a warning says what it keeps.",
        case: "source-file",
        steps: &[Us, Other("one that changes the source", others::source_metadata), Us, Us],
    },
    Sequence {
        name: "tampered",
        about: "Somebody replaced the configuration and took the status away after ours: both are ours, and come back.",
        case: "minimal",
        steps: &[Us, Other("a forger", others::tamper), Us, Us],
    },
    Sequence {
        name: "moved",
        about: "A later webhook put an init container before ours and ours last: it is recognised by what it is, not \
                by its place.",
        case: "minimal",
        steps: &[Us, Other("one that sorts init containers", others::ours_last), Us, Us],
    },
];

#[test]
fn each_call_adds_only_what_a_later_webhook_brought() {
    for Sequence { name, about, case, steps } in STEPS {
        let case = named(case);
        let mut pod = case.pod.clone();
        let mut text = String::new();
        let mut fresh = true;
        for step in *steps {
            match step {
                Other(who, change) => {
                    writeln!(text, "=== {who}\n").unwrap();
                    change(&mut pod);
                    fresh = true;
                }
                Us => {
                    let admission = case.admit(&pod);
                    writeln!(text, "=== ours\n{}", render::admission(&admission)).unwrap();
                    if let Some(after) = patched(&pod, &admission) {
                        assert_eq!(audit::trespasses(&pod, &after), [], "{name}");
                        pod = after;
                    }
                    let settled = Decision::Skip(Reason::AlreadyInjected);
                    assert!(fresh || admission.decision == settled, "{name} never settles:\n{text}");
                    fresh = false;
                }
            }
        }
        let last = case.admit(&pod);
        assert_eq!(last.decision, Decision::Skip(Reason::AlreadyInjected), "{name}");
        compare(&format!("again-{name}"), about, &text);
    }
}

#[test]
fn eks_before_or_after_makes_the_same_pod() {
    let case = named("minimal");
    let us = |pod: &Value| patched(pod, &case.admit(pod)).unwrap();
    let mut after = us(&case.pod);
    others::eks(&mut after);
    let mut before = case.pod.clone();
    others::eks(&mut before);
    let before = us(&before);

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
