//! Mount paths as the kubelet and the runtime read them, so that another spelling of a path is the same path.

use std::borrow::Cow;

/// Cleans a mount path, as Go's `path.Clean` does. The kubelet makes a relative path absolute.
pub(crate) fn clean(path: &str) -> Cow<'_, str> {
    if is_clean(path) {
        return Cow::Borrowed(path);
    }
    let mut names = Vec::new();
    for name in path.split('/') {
        match name {
            "" | "." => {}
            ".." => {
                names.pop();
            }
            name => names.push(name),
        }
    }
    Cow::Owned(format!("/{}", names.join("/")))
}

/// Returns true for an absolute path in which no name is empty or begins with a dot. Most paths are like that.
fn is_clean(path: &str) -> bool {
    let bytes = path.as_bytes();
    let is_plain = |pair: &[u8]| !matches!(pair, [b'/', b'/' | b'.']);
    bytes.starts_with(b"/") && !bytes.ends_with(b"/") && bytes.windows(2).all(is_plain)
}

/// Cleans a mount path and replaces `/run` by `/var/run`: in almost every image, `/var/run` is a symbolic link to `/run`.
pub(crate) fn canonical(path: &str) -> Cow<'_, str> {
    let path = clean(path);
    if is_inside(&path, "/run") { Cow::Owned(format!("/var{path}")) } else { path }
}

/// Returns true if a cleaned path is the folder or inside it.
pub(crate) fn is_inside(path: &str, folder: &str) -> bool {
    let rest = path.strip_prefix(folder.trim_end_matches('/'));
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Returns true if one of two cleaned paths is the other or inside it.
pub(crate) fn overlaps(path: &str, other: &str) -> bool {
    is_inside(path, other) || is_inside(other, path)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::clean("/var/run/rolebridge/aws", "/var/run/rolebridge/aws")]
    #[case::root("/", "/")]
    #[case::empty("", "/")]
    #[case::relative("var/run", "/var/run")]
    #[case::trailing_slash("/var/run/", "/var/run")]
    #[case::repeated_slashes("//var///run//", "/var/run")]
    #[case::same_folder("/var/./run/.", "/var/run")]
    #[case::parent("/var/lib/../run", "/var/run")]
    #[case::parents("/a/b/../../c", "/c")]
    #[case::above_the_root("/../../var", "/var")]
    #[case::dots_in_a_name("/var/...run/..a/b..", "/var/...run/..a/b..")]
    fn clean_returns_the_shortest_path(#[case] path: &str, #[case] expected: &str) {
        assert_eq!(clean(path), expected);
    }

    #[rstest]
    #[case::run("/run", "/var/run")]
    #[case::below_run("//run/rolebridge/", "/var/run/rolebridge")]
    #[case::var_run("/var/run/x", "/var/run/x")]
    #[case::similar_name("/running", "/running")]
    #[case::root("/", "/")]
    fn canonical_replaces_run(#[case] path: &str, #[case] expected: &str) {
        assert_eq!(canonical(path), expected);
    }

    #[rstest]
    #[case::same("/var/run", "/var/run", true)]
    #[case::below("/var/run/x", "/var/run", true)]
    #[case::above("/var", "/var/run", true)]
    #[case::root("/", "/var/run", true)]
    #[case::folder_with_a_slash("/var/run", "/var/run/", true)]
    #[case::similar_name("/var/running", "/var/run", false)]
    #[case::other("/var/lib", "/var/run", false)]
    fn overlaps_is_true_for_the_same_line_of_folders(
        #[case] path: &str,
        #[case] other: &str,
        #[case] expected: bool,
    ) {
        assert_eq!((overlaps(path, other), overlaps(other, path)), (expected, expected));
    }
}
