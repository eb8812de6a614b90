//! The projected token that identifies the pod to AWS STS. The kubelet replaces it, so it is read again at each use.

use std::fmt::Display;
use std::path::Path;

use crate::error::{Error, ErrorKind};
use crate::jwt;
use crate::regular_file::{Symlink, read as read_file};
use crate::secret::Secret;

/// Maximum size of a projected token. The API server issues tokens of up to a few kilobytes.
const MAX_TOKEN_BYTES: u64 = 64 * 1024;

/// Reads the token and checks its shape: three parts of base64url. AWS verifies the signature and the expiry.
///
/// # Errors
/// Returns an error if the file cannot be read, is empty (the kubelet has not filled it yet) or contains no JSON web
/// token.
pub fn read(path: &Path) -> Result<Secret, Error> {
    let unreadable =
        |error: &dyn Display| Error::new(ErrorKind::TokenUnreadable, format!("{}: {error}", path.display()));
    let content = read_file(path, Symlink::Follow, MAX_TOKEN_BYTES).map_err(|error| unreadable(&error))?;
    let text = String::from_utf8(content).map_err(|error| unreadable(&error))?;
    let token = text.trim();
    if token.is_empty() {
        return Err(Error::new(ErrorKind::TokenEmpty, path.display().to_string()));
    }
    if !jwt::is_well_formed(token) {
        return Err(Error::new(ErrorKind::TokenMalformed, path.display().to_string()));
    }
    Ok(Secret::new(token))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::empty("", Err(ErrorKind::TokenEmpty))]
    #[case::a_newline("\n", Err(ErrorKind::TokenEmpty))]
    #[case::torn("eyJhbGciOiJSUzI1NiJ9.eyJpc3M", Err(ErrorKind::TokenMalformed))]
    #[case::empty_signature("eyJh.eyJp.", Err(ErrorKind::TokenMalformed))]
    #[case::html("<html>a.b.c</html>", Err(ErrorKind::TokenMalformed))]
    #[case::valid("eyJh.eyJp.c2ln-_", Ok("eyJh.eyJp.c2ln-_"))]
    #[case::valid_with_a_newline("eyJh.eyJp.c2ln\n", Ok("eyJh.eyJp.c2ln"))]
    fn read_checks_the_shape_of_the_token(#[case] content: &str, #[case] expected: Result<&str, ErrorKind>) {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), content).unwrap();
        let token = read(file.path());
        let token = token.as_ref().map(Secret::expose).map_err(Error::kind);
        assert_eq!(token, expected);
    }

    #[test]
    fn read_of_a_missing_file_names_its_path() {
        let error = read(Path::new("/nonexistent/token")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TokenUnreadable);
        assert!(error.to_string().contains("/nonexistent/token: No such file"), "{error}");
    }
}
