//! Judges, from the fakes' events, a run that is longer than a token: everything was renewed twice, and nothing refused.

use std::collections::BTreeSet;

use rolebridge_fake_clouds::config::Config;
use rolebridge_fake_clouds::{Detail, Event, Operation};

use crate::callers;

/// The number of sessions and tokens of each kind that a run must get: the first and two renewals.
const GENERATIONS: usize = 3;

/// The lifetime of an AWS session, in seconds. The sidecar renews one after 60 to 70 % of it.
const SESSION_SECONDS: i64 = 14;
/// The lifetime of Google's tokens, in seconds. Rust's library renews a token every ten seconds if it is to expire soon.
const TOKEN_SECONDS: i64 = 14;
/// The same with `metadata` and `metadata-host`. The sidecar returns no token that expires within ten seconds, and renews one after at most 70 % of
/// its lifetime.
const METADATA_TOKEN_SECONDS: i64 = 40;
/// The time of a run that remains after two lifetimes.
const REST_SECONDS: i64 = 5;

/// Returns the lifetime of each of Google's tokens with a source.
pub(crate) fn token_seconds(source: &str) -> i64 {
    if source.starts_with("metadata") { METADATA_TOKEN_SECONDS } else { TOKEN_SECONDS }
}

/// Returns the duration for which a program repeats its work, in seconds.
pub(crate) fn repeat_seconds(source: &str) -> i64 {
    2 * token_seconds(source) + REST_SECONDS
}

/// Shortens the lifetimes of everything in the fake clouds.
pub(crate) fn shorten(config: &mut Config, source: &str) {
    let tokens = Some(token_seconds(source));
    for role in config.aws.accounts.iter_mut().flat_map(|account| &mut account.roles) {
        role.session_seconds = Some(SESSION_SECONDS);
    }
    config.google.providers.iter_mut().for_each(|provider| provider.token_seconds = tokens);
    config.google.service_accounts.iter_mut().for_each(|account| account.token_seconds = tokens);
}

/// Returns the reason why the events are not those of a successful run, if they are not. They are all events of fakes that
/// served this run alone.
pub(crate) fn check(events: &[Event], token_seconds: i64) -> Result<(), String> {
    let known = || events.iter().filter(|event| !is_lacking(event));
    if let Some((event, error)) = known().find_map(|event| Some((event, event.error.as_ref()?))) {
        return Err(format!("a call was refused: {:?}: {error}", event.operation));
    }
    let (mut sessions, mut subject_tokens) = (BTreeSet::new(), BTreeSet::new());
    let (mut federated, mut impersonated) = (0, Vec::new());
    let mut last_use = None;
    for event in events {
        match &event.detail {
            Detail::RoleAssumed(session) => {
                sessions.insert(&*session.access_key_id);
            }
            Detail::TokenExchanged(exchange) => {
                federated += 1;
                subject_tokens.extend(exchange.signed_request().map(|request| &*request.access_key_id));
            }
            Detail::Impersonated { .. } => impersonated.push(event.at),
            detail if callers::caller(detail).is_some() => last_use = Some(event.at),
            _ => {}
        }
    }
    let found = [
        ("AWS sessions", sessions.len()),
        ("sessions that signed a subject token", subject_tokens.len()),
        ("federated tokens", federated),
        ("impersonated tokens", impersonated.len()),
    ];
    if let Some((kind, count)) = found.iter().find(|(_, count)| *count < GENERATIONS) {
        return Err(format!("{kind}: expected at least {GENERATIONS}, found {count}"));
    }
    // The fakes accept no expired token. So the last call had not the first token, nor one issued before that expired.
    match (impersonated.first(), last_use) {
        (Some(first), Some(last)) if last.0 - first.0 >= 2 * token_seconds => Ok(()),
        _ => Err("no call of Google after two lifetimes of a token".to_owned()),
    }
}

/// Returns true for a call that an API refused, because its token had expired.
pub(crate) fn is_expiry(event: &Event) -> bool {
    event.error.as_ref().is_some_and(|error| error.starts_with("UNAUTHENTICATED"))
}

/// Returns true for a call that the fakes lack, such as one for the bucket's metadata or by gRPC. Some libraries try it, and go on
/// without it.
fn is_lacking(event: &Event) -> bool {
    let error = event.error.as_deref().unwrap_or_default();
    event.operation == Operation::Unknown || error.starts_with("UNIMPLEMENTED")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use rolebridge_fake_clouds::{RoleAssumed, SignedRequest, SubjectToken, Timestamp, TokenExchanged};
    use rolebridge_tests::world::{GOOGLE_ACCOUNT, PROVIDER, ROLE};

    use super::*;

    fn event(operation: Operation, at: i64, detail: Detail) -> Event {
        Event { operation, nth: 1, at: Timestamp(at), status: 200, error: None, detail }
    }

    /// The events of a generation: a session, its subject token, both of Google's tokens, and a use.
    fn generation(at: i64) -> Vec<Event> {
        let (key, principal) = (format!("ASIA{at}"), "principal://p".to_owned());
        let session = RoleAssumed {
            role_arn: ROLE.to_owned(),
            session_arn: String::new(),
            access_key_id: key.clone(),
            subject: String::new(),
            session_policy: None,
            expires: Timestamp(at + SESSION_SECONDS),
        };
        let request = SignedRequest { access_key_id: key, host: String::new(), audience_signed: true };
        let exchange = TokenExchanged {
            provider: PROVIDER.to_owned(),
            principal: principal.clone(),
            attributes: BTreeMap::new(),
            subject_token: SubjectToken::SignedRequest(request),
            expires_in: TOKEN_SECONDS,
        };
        let service_account = GOOGLE_ACCOUNT.to_owned();
        let impersonated =
            Detail::Impersonated { principal: principal.clone(), service_account, lifetime: TOKEN_SECONDS };
        vec![
            event(Operation::AssumeRoleWithWebIdentity, at, Detail::RoleAssumed(session)),
            event(Operation::ExchangeToken, at, Detail::TokenExchanged(exchange)),
            event(Operation::GenerateAccessToken, at, impersonated),
            event(Operation::GetObject, at, Detail::ObjectRead { principal, object: String::new() }),
        ]
    }

    fn check_of(generations: &[i64]) -> Result<(), String> {
        let events: Vec<_> = generations.iter().flat_map(|at| generation(*at)).collect();
        check(&events, TOKEN_SECONDS)
    }

    #[test]
    fn run_needs_three_generations_and_two_lifetimes() {
        assert_eq!(check_of(&[0, 14, 28]), Ok(()));
        assert_eq!(check_of(&[0, 28]), Err("AWS sessions: expected at least 3, found 2".to_owned()));
        assert_eq!(check_of(&[0, 9, 27]), Err("no call of Google after two lifetimes of a token".to_owned()));
    }

    #[test]
    fn each_kind_counts() {
        let without = |operation: Operation| {
            let mut events: Vec<_> = [0, 14, 28].into_iter().flat_map(generation).collect();
            let last = events.iter().rposition(|event| event.operation == operation).unwrap();
            events.remove(last);
            check(&events, TOKEN_SECONDS).unwrap_err()
        };
        assert!(without(Operation::AssumeRoleWithWebIdentity).starts_with("AWS sessions"));
        assert!(without(Operation::ExchangeToken).starts_with("sessions that signed"));
        assert!(without(Operation::GenerateAccessToken).starts_with("impersonated tokens"));
        assert!(without(Operation::GetObject).starts_with("no call of Google"));
    }

    #[test]
    fn refused_call_fails_a_run_even_if_the_library_repeated_it() {
        let mut events: Vec<_> = [0, 14, 28].into_iter().flat_map(generation).collect();
        let mut refused = event(Operation::GetObject, 15, Detail::Nothing);
        refused.error = Some("UNAUTHENTICATED: expired".to_owned());
        events.insert(6, refused);
        assert_eq!(
            check(&events, TOKEN_SECONDS),
            Err("a call was refused: GetObject: UNAUTHENTICATED: expired".to_owned())
        );
        for (operation, error) in
            [(Operation::Unknown, "NOT_FOUND: a path"), (Operation::CallEmulator, "UNIMPLEMENTED: gRPC")]
        {
            (events[6].operation, events[6].error) = (operation, Some(error.to_owned()));
            assert_eq!(check(&events, TOKEN_SECONDS), Ok(()), "the fakes lack {operation:?}: {error}");
        }
    }
}
