//! The reviews that the servers get.

use std::path::Path;

use bytes::Bytes;

use crate::error::Error;
use crate::table::Limit;

/// The fixtures, by size.
pub(crate) const FIXTURES: [&str; 3] = ["tiny", "typical", "large"];

/// Pods of each fixture in a load.
pub(crate) const PODS_OF_EACH: usize = 100;

/// The pods of a measurement.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pods {
    /// Pods of one workload: they differ in name, uid and generated volume name.
    Alike,
    /// Pods that differ in something that is decided on.
    New,
}

impl Pods {
    /// Returns the review's name.
    pub(crate) fn describe(self, fixture: &str) -> String {
        match self {
            Self::Alike => fixture.to_owned(),
            Self::New => format!("new {fixture}"),
        }
    }

    /// Returns the goal for the CPU of the fixture with this index, relative to the echo.
    pub(crate) const fn cpu_goal(self, fixture: usize) -> Limit {
        Limit::AtMost(match self {
            Self::Alike => [1.3, 1.05, 0.9][fixture],
            Self::New => [2.0, 1.5, 1.05][fixture],
        })
    }
}

/// Returns the reviews of some pods.
///
/// # Errors
/// Returns an error if the file cannot be read.
pub(crate) fn of_pods(fixture: &str, pods: Pods, count: usize) -> Result<Vec<Bytes>, Error> {
    let review = read(fixture)?;
    let body = |n| {
        let review = of_another_pod(&review, n);
        if pods == Pods::New { of_another_workload(&review, n) } else { review }
    };
    Ok((0..count).map(|n| body(n).into()).collect())
}

/// Returns a fixture: the review of a pod of `bench-sa` in `bench-webhooks`.
///
/// # Errors
/// Returns an error if the file cannot be read.
pub(crate) fn read(name: &str) -> Result<String, Error> {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../fixtures/reviews"));
    Ok(std::fs::read_to_string(folder.join(format!("{name}.json")))?)
}

/// Returns the fixtures in turn. No two pods have the same name, uid and generated volume name.
///
/// # Errors
/// Returns an error if a file cannot be read.
pub(crate) fn read_all() -> Result<Vec<Bytes>, Error> {
    let fixtures = FIXTURES.into_iter().map(read).collect::<Result<Vec<_>, _>>()?;
    let pods = (0..PODS_OF_EACH)
        .flat_map(|n| fixtures.iter().map(move |review| Bytes::from(of_another_pod(review, n))));
    Ok(pods.collect())
}

/// Returns the review of another pod of the same workload: with another name, uid and generated volume name.
fn of_another_pod(review: &str, n: usize) -> String {
    let mut result = String::new();
    let mut rest = review;
    while let Some((before, after)) = rest.split_once("kube-api-access-") {
        result.push_str(before);
        result.push_str("kube-api-access-");
        result.push_str(&number(n));
        rest = &after[number(n).len()..];
    }
    result.push_str(rest);
    result
        .replacen("-8e7f-00000000", &format!("-{:04x}-00000000", n % 0x10000), 1)
        .replace(r#""name":"tiny""#, &format!(r#""name":"tiny-{n:05}""#))
}

/// Returns a number as long as the suffix of a generated name.
fn number(n: usize) -> String {
    format!("{n:05}")
}

/// Returns the review of a pod with another mount path, on which the decision depends.
fn of_another_workload(review: &str, n: usize) -> String {
    review.replace(
        "/var/run/secrets/kubernetes.io/serviceaccount",
        &format!("/var/run/secrets/kubernetes.io/{n:014}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reviews_of_other_pods_differ_and_have_the_same_length() {
        for fixture in FIXTURES {
            let review = read(fixture).unwrap();
            let (one, other) = (of_another_pod(&review, 1), of_another_pod(&review, 70_000));
            assert_ne!(one, other);
            assert_eq!(one.len(), other.len());
            let workload = of_another_workload(&one, 2);
            assert_ne!(workload, one);
            assert_eq!(workload.len(), one.len());
            serde_json::from_str::<serde_json::Value>(&workload).unwrap();
        }
    }
}
