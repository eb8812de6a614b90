//! The projected token that proves the pod to AWS STS. The kubelet replaces it, so it is read again at each use.

use std::path::Path;

use crate::fault::{Fault, Reason};
use crate::json_web_token;
use crate::secret::Secret;

/// Reads the token and checks its shape: three parts of base64url. Whether it is true or has expired is AWS's to say,
/// whose clock is right.
///
/// # Errors
/// If the file cannot be read, is empty (the kubelet has not filled it yet) or holds no JSON web token.
pub fn read(path: &Path) -> Result<Secret, Fault> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| Fault::new(Reason::TokenUnreadable, format!("{}: {error}", path.display())))?;
    let token = text.trim();
    if token.is_empty() {
        return Err(Fault::new(Reason::TokenEmpty, path.display().to_string()));
    }
    if !json_web_token::is_one(token) {
        return Err(Fault::new(Reason::TokenMalformed, path.display().to_string()));
    }
    Ok(Secret::new(token))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::nothing("", Err(Reason::TokenEmpty))]
    #[case::a_newline("\n", Err(Reason::TokenEmpty))]
    #[case::torn("eyJhbGciOiJSUzI1NiJ9.eyJpc3M", Err(Reason::TokenMalformed))]
    #[case::empty_signature("eyJh.eyJp.", Err(Reason::TokenMalformed))]
    #[case::something_else("<html>a.b.c</html>", Err(Reason::TokenMalformed))]
    #[case::good("eyJh.eyJp.c2ln-_", Ok("eyJh.eyJp.c2ln-_"))]
    #[case::good_with_a_newline("eyJh.eyJp.c2ln\n", Ok("eyJh.eyJp.c2ln"))]
    fn what_the_file_holds(#[case] content: &str, #[case] wanted: Result<&str, Reason>) {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), content).unwrap();
        let read = read(file.path());
        let read = read.as_ref().map(Secret::expose).map_err(Fault::reason);
        assert_eq!(read, wanted);
    }

    #[test]
    fn no_file_is_said_with_its_path() {
        let fault = read(Path::new("/nonexistent/token")).unwrap_err();
        assert_eq!(fault.reason(), Reason::TokenUnreadable);
        assert!(fault.to_string().contains("/nonexistent/token: No such file"), "{fault}");
    }
}
