//! Remembered injections. Pods of one workload differ only in what does not decide, such as their names, and a rollout creates
//! hundreds of them.
//!
//! [`rolebridge_inject::admit`] is a function of the pod, its service account, its namespace and the defaults. An answer is
//! found only if all of them are equal to those for which it was given. Of the pod, the bytes that decide are compared
//! ([`Pod::key`]), and of the other objects the contents. So a changed annotation, or changed defaults, hold for the next review.
//!
//! Only injections without warnings are remembered: they do not depend on what is not in the key.
//!
//! [`Pod::key`]: rolebridge_inject::Pod::key

use std::sync::{Arc, Mutex, PoisonError};

use rolebridge_inject::{Admission, Decision, Defaults, ObjectMetadata, Patch};

use crate::metadata::lookup::PodMetadata;

/// Maximum size of all answers: a dozen of large pods, or [`MAX_ANSWERS`] of usual ones.
pub(crate) const MAX_TOTAL_BYTES: usize = 1 << 20;
/// Maximum size of an answer, so that a few do not replace all others.
const MAX_ANSWER_BYTES: usize = MAX_TOTAL_BYTES / 8;
/// Maximum number of answers: the workloads of which pods are created at the same time. Each review is compared with all.
const MAX_ANSWERS: usize = 32;

/// The inputs of a decision other than the pod.
#[derive(Debug, Clone, Copy)]
pub struct Inputs<'a> {
    /// The metadata of the service account and the namespace.
    pub metadata: &'a PodMetadata,
    /// The platform team's defaults.
    pub defaults: &'a Arc<Defaults>,
}

/// Remembered injections, the most recently used one first.
#[derive(Debug, Default)]
pub struct Answers(Mutex<Vec<Answer>>);

#[derive(Debug)]
struct Answer {
    key: Box<[u8]>,
    service_account: Option<Arc<ObjectMetadata>>,
    namespace: Option<Arc<ObjectMetadata>>,
    defaults: Arc<Defaults>,
    patch: Arc<Patch>,
    /// The memory of the answer, except that of the defaults.
    bytes: usize,
}

impl Answers {
    /// Returns the patch of an equal pod with equal inputs.
    pub fn find(&self, key: &[u8], inputs: Inputs<'_>) -> Option<Arc<Patch>> {
        let mut answers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let index = answers.iter().position(|answer| answer.is_for(key, inputs))?;
        answers[..=index].rotate_right(1);
        let patch = Arc::clone(&answers[0].patch);
        drop(answers);
        Some(patch)
    }

    /// Remembers an injection without warnings that was not found, and forgets the least recently used ones for which there is
    /// no room.
    pub fn remember(&self, key: &[u8], inputs: Inputs<'_>, admission: &Admission<'_>) {
        let Decision::Patch(patch) = &admission.decision else { return };
        if !admission.warnings.is_empty() {
            return;
        }
        let PodMetadata { service_account, namespace } = inputs.metadata.clone();
        let objects = [&service_account, &namespace].into_iter().flatten();
        let metadata: usize =
            objects.map(|metadata| size_of::<ObjectMetadata>() + metadata.heap_bytes()).sum();
        let bytes = size_of::<Answer>() + key.len() + patch.as_json().len() + metadata;
        if bytes > MAX_ANSWER_BYTES {
            return;
        }
        let answer = Answer {
            key: key.into(),
            service_account,
            namespace,
            defaults: Arc::clone(inputs.defaults),
            patch: Arc::new(patch.clone()),
            bytes,
        };
        let mut answers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Answers of other defaults are not found again, but would keep these in memory. Two threads may remember the same
        // answer, which is harmless.
        answers.retain(|known| Arc::ptr_eq(&known.defaults, inputs.defaults));
        answers.insert(0, answer);
        let mut bytes = 0;
        let kept = answers.iter().take(MAX_ANSWERS).take_while(|answer| {
            bytes += answer.bytes;
            bytes <= MAX_TOTAL_BYTES
        });
        let kept = kept.count();
        answers.truncate(kept);
    }
}

impl Answer {
    fn is_for(&self, key: &[u8], inputs: Inputs<'_>) -> bool {
        let PodMetadata { service_account, namespace } = inputs.metadata;
        *self.key == *key
            && self.service_account == *service_account
            && self.namespace == *namespace
            && self.defaults == *inputs.defaults
    }
}

#[cfg(test)]
mod tests {
    use rolebridge_inject::{Pod, admit};

    use super::*;

    const ROLE: (&str, &str) = ("eks.amazonaws.com/role-arn", "arn:aws:iam::111122223333:role/batch");
    const POD: &str = r#"{"metadata":{"annotations":{"rolebridge.io/inject":"true",
        "rolebridge.io/provider":"projects/1/locations/global/workloadIdentityPools/pool/providers/prod"}},
        "spec":{"containers":[{"name":"NAME"}],"volumes":[{"name":"kube-api-access-abcde","projected":{"sources":[]}}]}}"#;

    struct World {
        answers: Answers,
        metadata: PodMetadata,
        defaults: Arc<Defaults>,
    }

    impl World {
        fn new() -> Self {
            let metadata = PodMetadata {
                service_account: Some(Arc::new(ObjectMetadata::new([ROLE], []))),
                namespace: Some(Arc::default()),
            };
            Self { answers: Answers::default(), metadata, defaults: Arc::default() }
        }

        const fn inputs(&self) -> Inputs<'_> {
            Inputs { metadata: &self.metadata, defaults: &self.defaults }
        }

        fn find(&self, pod: &str) -> Option<Arc<Patch>> {
            let mut pod: Pod<'_> = serde_json::from_str(pod).unwrap();
            self.answers.find(&pod.key("shop"), self.inputs())
        }

        /// Decides about the pod and remembers the answer.
        fn admit(&self, pod: &str) -> Decision {
            let mut pod: Pod<'_> = serde_json::from_str(pod).unwrap();
            let key = pod.key("shop");
            let admission = admit(&pod, &self.metadata.admission_context("shop", &self.defaults));
            self.answers.remember(&key, self.inputs(), &admission);
            admission.decision
        }
    }

    fn with_annotation(key: &str, value: &str) -> Arc<ObjectMetadata> {
        Arc::new(ObjectMetadata::new([ROLE, (key, value)], []))
    }

    #[test]
    fn find_returns_the_patch_of_an_equal_pod() {
        let world = World::new();
        assert!(world.find(POD).is_none());
        let Decision::Patch(patch) = world.admit(POD) else { panic!("the pod is not injected") };
        assert_eq!(world.find(POD).as_deref(), Some(&patch));
        assert_eq!(world.find(&POD.replace("abcde", "fghij")).as_deref(), Some(&patch));
        assert_eq!(world.find(&POD.replace("NAME", "other")), None);
    }

    #[test]
    fn find_compares_the_contents_of_all_inputs() {
        let mut world = World::new();
        world.admit(POD);
        let known = world.metadata.clone();
        world.metadata.service_account = Some(Arc::new(ObjectMetadata::new([ROLE], [])));
        assert!(world.find(POD).is_some(), "an equal service account");
        for other in [None, Some(Arc::default()), Some(with_annotation("rolebridge.io/project", "shop"))] {
            world.metadata.service_account = other;
            assert!(world.find(POD).is_none());
        }
        world.metadata = known.clone();
        world.metadata.namespace = Some(with_annotation("rolebridge.io/project", "shop"));
        assert!(world.find(POD).is_none());
        world.metadata = known;
        let yaml = "settings:\n  project: shop-data\n";
        world.defaults = Arc::new(Defaults::from_yaml(yaml).unwrap());
        assert!(world.find(POD).is_none());
    }

    #[test]
    fn only_injections_without_warnings_are_remembered() {
        let world = World::new();
        let own = r#"{"name":"a","env":[{"name":"GOOGLE_APPLICATION_CREDENTIALS","value":"/x"}]}"#;
        for (pod, is_injected) in [
            (POD.replace(r#"inject":"true""#, r#"inject":"yes""#), false),
            (POD.replace(r#"inject":"true""#, r#"inject":"false""#), false),
            (POD.replace(r#"{"name":"NAME"}"#, own), true),
        ] {
            assert_eq!(matches!(world.admit(&pod), Decision::Patch(_)), is_injected, "{pod}");
            assert_eq!(world.find(&pod), None, "{pod}");
        }
    }

    #[test]
    fn answers_are_bounded_and_the_least_recently_used_one_is_forgotten() {
        let world = World::new();
        let pod = |number: usize| POD.replace("NAME", &format!("a{number}"));
        for number in 0..=MAX_ANSWERS {
            world.admit(&pod(number));
            assert!(world.find(&pod(0)).is_some(), "{number}");
        }
        assert_eq!(world.find(&pod(1)), None);
        let large = |number: usize| {
            let containers: Vec<_> = (0..490).map(|n| format!(r#"{{"name":"c{number}-{n}"}}"#)).collect();
            POD.replace(r#"{"name":"NAME"}"#, &containers.join(","))
        };
        world.admit(&large(0));
        assert!(world.find(&large(0)).is_none(), "too large");
        let answers = world.answers.0.lock().unwrap();
        assert_eq!(answers.len(), MAX_ANSWERS);
        assert!(answers.iter().map(|answer| answer.bytes).sum::<usize>() <= MAX_TOTAL_BYTES);
    }

    #[test]
    fn other_defaults_replace_the_answers() {
        let mut world = World::new();
        world.admit(POD);
        world.defaults = Arc::new(Defaults::clone(&world.defaults));
        assert!(world.find(POD).is_some(), "equal defaults");
        world.admit(POD);
        assert_eq!(world.answers.0.lock().unwrap().len(), 1);
    }
}
