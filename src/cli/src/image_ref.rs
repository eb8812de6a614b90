//! Images' names, as far as they tell versions apart.

/// What tells an image from another version of it: the tag or the digest. Another registry is no other version.
pub(crate) fn version(image: &str) -> &str {
    let name = image.rsplit_once('/').map_or(image, |(_, name)| name);
    name.find(['@', ':']).map_or("latest", |at| &name[at + 1..])
}

/// The tag; `None` where a digest says more.
pub(crate) fn tag(image: &str) -> Option<&str> {
    Some(version(image)).filter(|version| !version.contains(':'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_a_tag_or_a_digest() {
        for (image, expected, expected_tag) in [
            ("ghcr.io/rolebridge/sidecar:1.2.3", "1.2.3", Some("1.2.3")),
            ("localhost:5000/sidecar:1.2.3-rc.1", "1.2.3-rc.1", Some("1.2.3-rc.1")),
            ("localhost:5000/sidecar", "latest", Some("latest")),
            ("sidecar@sha256:ab", "sha256:ab", None),
            ("a/sidecar:1.2.3@sha256:ab", "1.2.3@sha256:ab", None),
        ] {
            assert_eq!((version(image), tag(image)), (expected, expected_tag), "{image}");
        }
    }
}
