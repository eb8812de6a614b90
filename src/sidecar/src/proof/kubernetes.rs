//! The projected token of the identity `kubernetes`. The kubelet replaces it before its end, so it is read again now and
//! then: each time at a share of what it has left, so more often the nearer its end.

use std::path::Path;
use std::time::Duration;

use super::Proof;
use crate::clock::Clock;
use crate::fault::{Fault, Reason};
use crate::schedule::Life;
use crate::subject_token::SubjectToken;
use crate::{json_web_token, web_identity};

/// A token with less left than this is as good as expired.
const LEAST_LEFT: Duration = Duration::from_secs(10);

pub(super) fn token(file: &Path, clock: &Clock) -> Result<Proof, Fault> {
    let token = web_identity::read(file)?;
    let obtained = clock.now();
    let expires = json_web_token::expires(token.expose());
    let expires = expires.ok_or_else(|| Fault::new(Reason::TokenMalformed, file.display().to_string()))?;
    if expires <= obtained + LEAST_LEFT {
        return Err(Fault::new(Reason::TokenStale, file.display().to_string()));
    }
    Ok(Proof::Token(SubjectToken::new(token.expose()), Life { obtained, expires }))
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use rstest::rstest;

    use super::*;

    /// {"exp":1772409600}
    const TOKEN: &str = "eyJh.eyJleHAiOjE3NzI0MDk2MDB9.c2ln";

    #[rstest]
    #[case::good(TOKEN, 60, Ok(60))]
    #[case::at_its_end(TOKEN, 10, Err(Reason::TokenStale))]
    #[case::expired(TOKEN, -60, Err(Reason::TokenStale))]
    #[case::without_an_end("eyJh.e30.c2ln", 60, Err(Reason::TokenMalformed))]
    #[case::empty("", 60, Err(Reason::TokenEmpty))]
    fn what_the_file_holds(#[case] content: &str, #[case] left: i64, #[case] wanted: Result<u64, Reason>) {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), content).unwrap();
        let now = SystemTime::UNIX_EPOCH
            + Duration::from_secs(1_772_409_600_u64.checked_add_signed(-left).unwrap());
        let proof = token(file.path(), &Clock::from_fn(move || now));
        let left = proof.map(|proof| {
            let Life { obtained, expires } = proof.life();
            expires.duration_since(obtained).unwrap().as_secs()
        });
        assert_eq!(left.map_err(|fault| fault.reason()), wanted);
    }
}
