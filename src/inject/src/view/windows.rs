//! The fields that schedule a pod on Windows.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, SeqAccess, Visitor};

use super::borrowed_str::BorrowedStr;
use super::present::Present;

/// The labels of a node's operating system: the current one, and the one of old releases.
const OS_LABELS: [&str; 2] = ["kubernetes.io/os", "beta.kubernetes.io/os"];
/// The label of the build, which only Windows nodes have.
const BUILD_LABEL: &str = "node.kubernetes.io/windows-build";

/// The field of a pod on Windows, what it should hold, and what it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct WindowsField {
    pub(crate) path: &'static str,
    pub(crate) expected: &'static str,
    pub(crate) found: &'static str,
}

impl WindowsField {
    const fn os(path: &'static str) -> Self {
        Self { path, expected: "\"linux\"", found: "\"windows\"" }
    }

    const fn no_value(path: &'static str) -> Self {
        Self { path, expected: "no value", found: "one" }
    }
}

/// The fields of a pod that decide its operating system.
pub(super) struct Fields<'s, 'a> {
    /// `spec.os.name`; empty if absent.
    pub(super) os: &'s str,
    pub(super) node_selector: Option<&'s NodeSelector<'a>>,
    pub(super) affinity: Option<&'s Affinity>,
    /// True if the pod has `windowsOptions`.
    pub(super) pod_options: bool,
    /// True if a container has `windowsOptions`.
    pub(super) container_options: bool,
    /// The runtime class; empty if absent.
    pub(super) runtime_class: &'s str,
}

/// Returns the field that schedules the pod on Windows, if one does. A field that names Linux decides against it.
pub(super) fn field(fields: &Fields<'_, '_>) -> Option<WindowsField> {
    let os = Some(("spec.os.name", fields.os)).filter(|(_, name)| !name.is_empty());
    let selected = || fields.node_selector?.os();
    if let Some((path, name)) = os.or_else(selected) {
        return (name == "windows").then_some(WindowsField::os(path));
    }
    if fields.node_selector.is_some_and(|selector| selector.windows_build.is_some()) {
        Some(WindowsField::no_value("spec.nodeSelector node.kubernetes.io/windows-build"))
    } else if fields.affinity.is_some_and(Affinity::requires_windows) {
        Some(WindowsField::os("spec.affinity.nodeAffinity"))
    } else if fields.pod_options {
        Some(WindowsField::no_value("spec.securityContext.windowsOptions"))
    } else if fields.container_options {
        Some(WindowsField::no_value("securityContext.windowsOptions of a container"))
    } else if ["windows", "wcow"].iter().any(|word| fields.runtime_class.contains(word)) {
        let expected = "a runtime class of Linux";
        Some(WindowsField { path: "spec.runtimeClassName", expected, found: "one of Windows" })
    } else {
        None
    }
}

/// The labels of nodes that a pod selects.
#[derive(Debug, Clone, Hash, Deserialize)]
pub(crate) struct NodeSelector<'a> {
    #[serde(borrow, rename = "kubernetes.io/os")]
    os: Option<BorrowedStr<'a>>,
    #[serde(borrow, rename = "beta.kubernetes.io/os")]
    beta_os: Option<BorrowedStr<'a>>,
    #[serde(rename = "node.kubernetes.io/windows-build")]
    windows_build: Option<Present>,
}

impl NodeSelector<'_> {
    fn os(&self) -> Option<(&'static str, &str)> {
        let current = self.os.as_deref().map(|os| ("spec.nodeSelector kubernetes.io/os", os));
        current.or_else(|| Some(("spec.nodeSelector beta.kubernetes.io/os", self.beta_os.as_deref()?)))
    }
}

/// The rules for nodes.
#[derive(Debug, Clone, Hash, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Affinity {
    node_affinity: Option<NodeAffinity>,
}

#[derive(Debug, Clone, Hash, Deserialize)]
#[serde(rename_all = "camelCase")]
struct NodeAffinity {
    required_during_scheduling_ignored_during_execution: Option<Required>,
}

/// A node must satisfy one of the terms.
#[derive(Debug, Clone, Hash, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Required {
    node_selector_terms: Option<Every<Term>>,
}

/// A node must satisfy all expressions of a term.
#[derive(Debug, Clone, Hash, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Term {
    match_expressions: Option<Any<Expression>>,
}

/// An expression, reduced to whether only Windows nodes satisfy it.
#[derive(Debug, Clone, Hash)]
struct Expression(bool);

impl Affinity {
    fn requires_windows(&self) -> bool {
        let required = self.node_affinity.as_ref();
        let required = required
            .and_then(|affinity| affinity.required_during_scheduling_ignored_during_execution.as_ref());
        required.and_then(|required| required.node_selector_terms.as_ref()).is_some_and(|terms| terms.0)
    }
}

/// A condition on nodes.
trait Condition {
    /// Returns true if only Windows nodes satisfy it.
    fn requires_windows(&self) -> bool;
}

impl Condition for Term {
    fn requires_windows(&self) -> bool {
        self.match_expressions.as_ref().is_some_and(|any| any.0)
    }
}

impl Condition for Expression {
    fn requires_windows(&self) -> bool {
        self.0
    }
}

impl<'de> Deserialize<'de> for Expression {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Fields<'a> {
            #[serde(borrow, default)]
            key: BorrowedStr<'a>,
            #[serde(borrow, default)]
            operator: BorrowedStr<'a>,
            values: Option<Values>,
        }
        let Fields { key, operator, values } = Fields::deserialize(deserializer)?;
        let values = values.unwrap_or_default();
        Ok(Self(match &*operator {
            "In" if OS_LABELS.contains(&&*key) => values.has_windows && !values.has_other,
            "NotIn" if OS_LABELS.contains(&&*key) => values.has_linux,
            "In" | "Exists" => *key == *BUILD_LABEL,
            _ => false,
        }))
    }
}

/// The values of an expression, of which only the operating systems matter.
#[derive(Debug, Clone, Default, Hash)]
struct Values {
    has_windows: bool,
    has_linux: bool,
    has_other: bool,
}

impl<'de> Deserialize<'de> for Values {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut values = Self::default();
        each(deserializer, |value: BorrowedStr<'de>| {
            values.has_windows |= *value == *"windows";
            values.has_linux |= *value == *"linux";
            values.has_other |= *value != *"windows";
        })?;
        Ok(values)
    }
}

/// A list that is reduced to whether every item requires Windows, and there is one. The list itself is not kept, because it
/// is not bounded.
#[derive(Debug, Clone, Hash)]
struct Every<T>(bool, std::marker::PhantomData<T>);

/// A list that is reduced to whether an item requires Windows.
#[derive(Debug, Clone, Hash)]
struct Any<T>(bool, std::marker::PhantomData<T>);

impl<'de, T: Condition + Deserialize<'de>> Deserialize<'de> for Every<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (mut count, mut matching) = (0, 0);
        each(deserializer, |item: T| {
            count += 1;
            matching += usize::from(item.requires_windows());
        })?;
        Ok(Self(count > 0 && matching == count, std::marker::PhantomData))
    }
}

impl<'de, T: Condition + Deserialize<'de>> Deserialize<'de> for Any<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut is_any = false;
        each(deserializer, |item: T| is_any |= item.requires_windows())?;
        Ok(Self(is_any, std::marker::PhantomData))
    }
}

/// Visits each item of a list.
fn each<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
    visit: impl FnMut(T),
) -> Result<(), D::Error> {
    struct Each<T, F>(F, std::marker::PhantomData<T>);

    impl<'de, T: Deserialize<'de>, F: FnMut(T)> Visitor<'de> for Each<T, F> {
        type Value = ();

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a list")
        }

        fn visit_seq<A: SeqAccess<'de>>(mut self, mut list: A) -> Result<(), A::Error> {
            while let Some(item) = list.next_element()? {
                (self.0)(item);
            }
            Ok(())
        }
    }
    deserializer.deserialize_seq(Each(visit, std::marker::PhantomData))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use crate::view::Pod;

    const LINUX: &str = r#"{"key":"kubernetes.io/os","operator":"In","values":["linux"]}"#;
    const WINDOWS: &str = r#"{"key":"kubernetes.io/os","operator":"In","values":["windows"]}"#;

    #[rstest]
    #[case::os(r#""os":{"name":"windows"}"#, Some("spec.os.name"))]
    #[case::linux(r#""os":{"name":"linux"},"runtimeClassName":"windows-2022""#, None)]
    #[case::beta_label(
        r#""nodeSelector":{"beta.kubernetes.io/os":"windows"}"#,
        Some("spec.nodeSelector beta.kubernetes.io/os")
    )]
    #[case::linux_label(
        r#""nodeSelector":{"kubernetes.io/os":"linux"},"securityContext":{"windowsOptions":{"runAsUserName":"a"}}"#,
        None
    )]
    #[case::build(
        r#""nodeSelector":{"node.kubernetes.io/windows-build":"10.0.20348"}"#,
        Some("spec.nodeSelector node.kubernetes.io/windows-build")
    )]
    #[case::pod_options(
        r#""securityContext":{"windowsOptions":{"hostProcess":true}}"#,
        Some("spec.securityContext.windowsOptions")
    )]
    #[case::container_options(
        r#""containers":[{"name":"a","securityContext":{"windowsOptions":{"runAsUserName":"a"}}}]"#,
        Some("securityContext.windowsOptions of a container")
    )]
    #[case::empty_options(r#""securityContext":{"windowsOptions":{}}"#, None)]
    #[case::no_host_process(r#""securityContext":{"windowsOptions":{"hostProcess":false}}"#, None)]
    #[case::runtime_class(r#""runtimeClassName":"runhcs-wcow-process""#, Some("spec.runtimeClassName"))]
    #[case::other_class(r#""runtimeClassName":"gvisor""#, None)]
    fn field_of_a_windows_pod_is_found(#[case] spec: &str, #[case] expected: Option<&str>) {
        let json = format!(r#"{{"spec":{{{spec}}}}}"#);
        let pod: Pod<'_> = serde_json::from_str(&json).unwrap();
        assert_eq!(pod.runs_on_windows().map(|field| field.path), expected);
    }

    #[rstest]
    #[case::windows(&[WINDOWS], true)]
    #[case::linux(&[LINUX], false)]
    #[case::either(&[WINDOWS, LINUX], false)]
    #[case::both_windows(&[WINDOWS, r#"{"key":"node.kubernetes.io/windows-build","operator":"Exists"}"#], true)]
    #[case::not_linux(&[r#"{"key":"kubernetes.io/os","operator":"NotIn","values":["linux"]}"#], true)]
    #[case::any_of_both(&[r#"{"key":"kubernetes.io/os","operator":"In","values":["windows","linux"]}"#], false)]
    #[case::beta(&[r#"{"key":"beta.kubernetes.io/os","operator":"In","values":["windows"]}"#], true)]
    #[case::not_windows(&[r#"{"key":"kubernetes.io/os","operator":"NotIn","values":["windows"]}"#], false)]
    #[case::no_terms(&[], false)]
    fn node_affinity_requires_windows_in_every_term(#[case] terms: &[&str], #[case] expected: bool) {
        let zone = r#"{"key":"topology.kubernetes.io/zone","operator":"In","values":["a"]}"#;
        let terms: Vec<_> =
            terms.iter().map(|term| format!(r#"{{"matchExpressions":[{zone},{term}]}}"#)).collect();
        let required = "requiredDuringSchedulingIgnoredDuringExecution";
        let json = format!(
            r#"{{"spec":{{"affinity":{{"nodeAffinity":{{"{required}":{{"nodeSelectorTerms":[{}]}}}}}}}}}}"#,
            terms.join(",")
        );
        let pod: Pod<'_> = serde_json::from_str(&json).unwrap();
        assert_eq!(pod.runs_on_windows().is_some(), expected);
    }
}
