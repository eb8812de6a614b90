//! Compares the versions of image references.

/// Returns the tag or digest of an image, which distinguishes its versions. The registry is ignored.
pub(crate) fn version(image: &str) -> &str {
    let name = image.rsplit_once('/').map_or(image, |(_, name)| name);
    name.find(['@', ':']).map_or("latest", |at| &name[at + 1..])
}

/// Returns the tag of an image, or `None` if the image has a digest.
pub(crate) fn tag(image: &str) -> Option<&str> {
    Some(version(image)).filter(|version| !version.contains(':'))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("ghcr.io/rolebridge/sidecar:1.2.3", "1.2.3", Some("1.2.3"))]
    #[case("localhost:5000/sidecar:1.2.3-rc.1", "1.2.3-rc.1", Some("1.2.3-rc.1"))]
    #[case("localhost:5000/sidecar", "latest", Some("latest"))]
    #[case("sidecar@sha256:ab", "sha256:ab", None)]
    #[case("a/sidecar:1.2.3@sha256:ab", "1.2.3@sha256:ab", None)]
    fn version_is_tag_or_digest(
        #[case] image: &str,
        #[case] expected_version: &str,
        #[case] expected_tag: Option<&str>,
    ) {
        assert_eq!((version(image), tag(image)), (expected_version, expected_tag));
    }
}
