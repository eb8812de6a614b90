//! The reasons for a denial or a skip: a closed set, shared by responses, logs, metrics and the documentation.

macro_rules! reasons {
    ($($(#[doc = $doc:literal])+ $name:ident = $code:literal, $message:literal;)+) => {
        /// The reason for a denial or a skip.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Reason {
            $($(#[doc = $doc])+ $name,)+
        }

        impl Reason {
            /// All reasons, in the order of the documentation.
            pub const ALL: &[Self] = &[$(Self::$name,)+];

            /// Returns the kebab-case code: a metric label and a log field. It never contains a user's value.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self {
                    $(Self::$name => $code,)+
                }
            }

            /// Returns a sentence that explains the reason.
            #[must_use]
            pub const fn message(self) -> &'static str {
                match self {
                    $(Self::$name => $message,)+
                }
            }
        }
    };
}

reasons! {
    /// Neither the pod nor its namespace opted in.
    NotOptedIn = "not-opted-in", "Neither the pod nor its namespace opted in.";
    /// The pod is annotated with `"false"`.
    OptedOut = "opted-out", "The pod opted out with rolebridge.io/inject: \"false\".";
    /// The pod is the kubelet's mirror of a static pod.
    MirrorPod = "mirror-pod", "The pod mirrors a static pod of its node, and webhooks cannot change it.";
    /// A reinvocation found nothing to add.
    AlreadyInjected = "already-injected", "The pod is already injected.";
    /// No provider is configured.
    NoProvider = "no-provider", "No workload identity pool provider is configured (pod, service account, namespace or defaults).";
    /// No IAM role is configured.
    NoAwsIdentity = "no-aws-identity", "No IAM role is configured (pod, service account, namespace or defaults).";
    /// No container is selected for credentials.
    NoContainers = "no-containers", "No container of the pod would get credentials.";
    /// The sidecar runs only on Linux.
    Windows = "windows", "The pod runs on Windows, but the sidecar runs only on Linux.";
    /// The sidecar would listen on the node's network.
    HostNetwork = "host-network", "The pod uses its node's network, so the sidecar's ports would be open to the whole node.";
    /// A setting has an invalid value.
    BadValue = "bad-value", "A setting has an invalid value.";
    /// The pod has an unknown Rolebridge annotation.
    UnknownAnnotation = "unknown-annotation", "The pod has an unknown Rolebridge annotation.";
    /// The service account or the namespace has more settings than the webhook keeps.
    TooLarge = "too-large", "The settings of the service account or the namespace are too large.";
    /// The platform team's `allowed` lists exclude the value.
    NotAllowed = "not-allowed", "The platform team does not allow the value.";
    /// Only the namespace and the chart's defaults may set the annotation.
    Locked = "locked", "The platform team locked the annotation: only the namespace or the chart's defaults may set it.";
    /// The pod already uses one of the sidecar's names, mount paths or ports.
    Clash = "clash", "The pod already uses a name, mount path or port of the sidecar.";
    /// The pod has more containers, or items in their lists, than a node runs.
    PodTooLarge = "pod-too-large", "The pod has more containers, variables or mounts than a node runs.";
}

#[cfg(test)]
mod tests {
    use super::Reason;

    #[test]
    fn reason_codes_are_unique_and_kebab_case() {
        let mut codes: Vec<_> = Reason::ALL.iter().map(|reason| reason.code()).collect();
        assert!(codes.iter().all(|code| code.bytes().all(|b| b.is_ascii_lowercase() || b == b'-')));
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), Reason::ALL.len());
    }

    #[test]
    fn reason_sentences_are_punctuated() {
        for reason in Reason::ALL {
            let sentence = reason.message();
            assert!(sentence.starts_with(char::is_uppercase) && sentence.ends_with('.'), "{sentence}");
        }
    }
}
