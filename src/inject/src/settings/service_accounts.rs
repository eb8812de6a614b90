//! Checks the Google service accounts of a pod by themselves: that they are allowed, and that their containers exist.

use rolebridge_core::annotations as key;
use rolebridge_core::service_accounts::ServiceAccounts;

use super::container_selection::check_all_exist;
use super::precedence::Precedence;
use crate::denial::Denial;
use crate::reason::Reason;

/// Denies a service account that the platform team's list excludes.
pub(super) fn check_allowed(
    precedence: &Precedence<'_>,
    accounts: &ServiceAccounts<'_>,
) -> Result<(), Denial> {
    const LIST: &str = "allowed.serviceAccounts";
    let (defaults, namespace) = (precedence.context.defaults, precedence.context.namespace);
    let is_excluded = |email: &str| !defaults.allows_service_account(email, namespace);
    let Some(raw) = precedence.find(key::SERVICE_ACCOUNT) else { return Ok(()) };
    if accounts.exceptions().next().is_none() {
        let excluded = accounts.default_account().is_some_and(is_excluded);
        return if excluded { Err(precedence.deny_excluded(raw, LIST)) } else { Ok(()) };
    }
    let default = accounts.default_account().map(|email| ("all other containers".to_owned(), email));
    let exceptions = accounts.exceptions().map(|(name, email)| (format!("the container {name}"), email));
    match default.into_iter().chain(exceptions).find(|(_, email)| is_excluded(email)) {
        None => Ok(()),
        Some((containers, email)) => {
            let expected =
                format!("values that the platform team's {LIST} allows in the namespace {namespace}");
            let fix = format!("replace {email} of {containers}");
            Err(precedence.deny(raw, Reason::NotAllowed, expected, &fix))
        }
    }
}

/// Denies an exception for a container that the pod does not have.
pub(super) fn check_containers_exist(
    precedence: &Precedence<'_>,
    accounts: &ServiceAccounts<'_>,
) -> Result<(), Denial> {
    precedence.find(key::SERVICE_ACCOUNT).map_or(Ok(()), |raw| {
        check_all_exist(precedence, raw, accounts.exceptions().map(|(container, _)| container))
    })
}
