//! Why a pod was refused or left as it was: a closed set, shared by answers, logs, metrics and the documentation.

macro_rules! reasons {
    ($($(#[doc = $doc:literal])+ $name:ident = $code:literal, $sentence:literal;)+) => {
        /// Why a pod was refused or left as it was.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Reason {
            $($(#[doc = $doc])+ $name,)+
        }

        impl Reason {
            /// Every reason, in the order of the documentation.
            pub const ALL: &[Self] = &[$(Self::$name,)+];

            /// In kebab case: a label of metrics, a field of logs. It never carries a user's value.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self {
                    $(Self::$name => $code,)+
                }
            }

            /// What it means, for people.
            #[must_use]
            pub const fn sentence(self) -> &'static str {
                match self {
                    $(Self::$name => $sentence,)+
                }
            }
        }
    };
}

reasons! {
    /// Neither the pod nor its namespace asked.
    NotOptedIn = "not-opted-in", "Neither the pod nor its namespace opted in.";
    /// The pod said `"false"`.
    OptedOut = "opted-out", "The pod opted out with rolebridge.io/inject: \"false\".";
    /// The kubelet's own pod; nobody can change it.
    MirrorPod = "mirror-pod", "The pod mirrors a static pod of its node, which no webhook can change.";
    /// A second call found nothing to add.
    AlreadyInjected = "already-injected", "The pod already has everything.";
    /// Nobody named a provider.
    NoProvider = "no-provider", "No workload identity pool provider is named anywhere.";
    /// Nobody named an IAM role.
    NoAwsIdentity = "no-aws-identity", "No IAM role is named anywhere.";
    /// No container is left that would get credentials.
    NoContainers = "no-containers", "No container is left that would get credentials.";
    /// The sidecar is a Linux program.
    Windows = "windows", "The pod runs on Windows, for which there is no sidecar.";
    /// A listener would stand on the node.
    HostNetwork = "host-network", "The pod shares its node's network, where a listener would serve the whole node.";
    /// A value that means nothing.
    BadValue = "bad-value", "A setting has a value that means nothing.";
    /// A key that does not exist.
    UnknownAnnotation = "unknown-annotation", "An annotation of the pod does not exist.";
    /// Outside of what the platform team allows.
    NotAllowed = "not-allowed", "The platform team does not allow the value.";
    /// Reserved for the namespace and the chart.
    Locked = "locked", "The platform team lets only the namespace or the chart set the annotation.";
    /// A name, mount path or port that the pod uses otherwise.
    Clash = "clash", "The pod uses a name, mount path or port of the sidecar for something else.";
}

#[cfg(test)]
mod tests {
    use super::Reason;

    #[test]
    fn codes_are_kebab_case_and_differ() {
        let mut codes: Vec<_> = Reason::ALL.iter().map(|reason| reason.code()).collect();
        assert!(codes.iter().all(|code| code.bytes().all(|b| b.is_ascii_lowercase() || b == b'-')));
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), Reason::ALL.len());
    }

    #[test]
    fn sentences_are_sentences() {
        for reason in Reason::ALL {
            let sentence = reason.sentence();
            assert!(sentence.starts_with(char::is_uppercase) && sentence.ends_with('.'), "{sentence}");
        }
    }
}
