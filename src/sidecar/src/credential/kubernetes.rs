//! The projected token of the identity `kubernetes`.
//!
//! The kubelet replaces the file before the token expires. The sidecar reads it again after a fraction of the remaining
//! lifetime, and so more often as the expiry approaches.

use std::path::Path;
use std::time::{Duration, SystemTime};

use crate::clock::Clock;
use crate::error::{Error, ErrorKind};
use crate::schedule::Lifetime;
use crate::subject_token::SubjectToken;
use crate::{jwt, projected_token};

/// The remaining lifetime below which a token counts as expired.
const PROJECTED_TOKEN_MIN_REMAINING: Duration = Duration::from_secs(10);

/// Reads the token and its lifetime.
pub(super) fn token(file: &Path, clock: &Clock) -> Result<(SubjectToken, Lifetime), Error> {
    let token = projected_token::read(file)?;
    let obtained = clock.now();
    let expires = jwt::expires(token.expose());
    let expires = expires.ok_or_else(|| Error::new(ErrorKind::TokenMalformed, file.display().to_string()))?;
    let expires = expires.max(expires_by_age(file, token.expose(), obtained).unwrap_or(expires));
    if expires <= obtained + PROJECTED_TOKEN_MIN_REMAINING {
        return Err(Error::new(ErrorKind::TokenStale, file.display().to_string()));
    }
    Ok((SubjectToken::new(token.expose()), Lifetime { obtained, expires }))
}

/// Returns the time at which the token expires by the node's clock, which may be ahead of the issuer's. The kubelet writes a
/// token as soon as it is issued, so the age of the file is the age of the token.
fn expires_by_age(file: &Path, token: &str, now: SystemTime) -> Option<SystemTime> {
    let written = std::fs::metadata(file).and_then(|metadata| metadata.modified()).ok()?;
    (written <= now).then_some(written)?.checked_add(jwt::validity(token)?)
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use rstest::rstest;

    use super::*;

    /// {"exp":1772409600}
    const TOKEN: &str = "eyJh.eyJleHAiOjE3NzI0MDk2MDB9.c2ln";

    #[rstest]
    #[case::valid(TOKEN, 60, Ok(60))]
    #[case::about_to_expire(TOKEN, 10, Err(ErrorKind::TokenStale))]
    #[case::expired(TOKEN, -60, Err(ErrorKind::TokenStale))]
    #[case::without_exp("eyJh.e30.c2ln", 60, Err(ErrorKind::TokenMalformed))]
    #[case::empty("", 60, Err(ErrorKind::TokenEmpty))]
    fn token_is_read_only_while_it_is_valid(
        #[case] content: &str,
        #[case] remaining: i64,
        #[case] expected: Result<u64, ErrorKind>,
    ) {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), content).unwrap();
        let now = SystemTime::UNIX_EPOCH
            + Duration::from_secs(1_772_409_600_u64.checked_add_signed(-remaining).unwrap());
        let token = token(file.path(), &Clock::from_fn(move || now));
        let seconds = token.map(|(_, lifetime)| lifetime.total().as_secs());
        assert_eq!(seconds.map_err(|error| error.kind()), expected);
    }

    /// {"iat":1772406000,"exp":1772409600}
    const HOUR_TOKEN: &str = "eyJh.eyJpYXQiOjE3NzI0MDYwMDAsImV4cCI6MTc3MjQwOTYwMH0.c2ln";

    #[rstest]
    #[case::just_written(0, Ok(3600))]
    #[case::half_old(1800, Ok(1800))]
    #[case::about_to_expire(3595, Err(ErrorKind::TokenStale))]
    #[case::written_in_the_future(-60, Err(ErrorKind::TokenStale))]
    fn token_of_a_node_whose_clock_is_ahead_is_valid_as_long_as_its_file_is_young(
        #[case] age: i64,
        #[case] expected: Result<u64, ErrorKind>,
    ) {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), HOUR_TOKEN).unwrap();
        let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        let seconds: u64 = 1_772_409_600 + 7200;
        let (now, written) = (at(seconds), at(seconds.checked_add_signed(-age).unwrap()));
        File::options().append(true).open(file.path()).unwrap().set_modified(written).unwrap();
        let token = token(file.path(), &Clock::from_fn(move || now));
        let seconds = token.map(|(_, lifetime)| lifetime.total().as_secs());
        assert_eq!(seconds.map_err(|error| error.kind()), expected);
    }
}
