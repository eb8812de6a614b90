//! The Google service accounts of a pod: one for all containers, and others by container,
//! `reader@shop.iam.gserviceaccount.com,worker=writer@shop.iam.gserviceaccount.com`.
//!
//! The account of a container is a convenience and no boundary, because all containers hold the proof of one identity.

use std::fmt;

use crate::invalid_value::InvalidValue;
use crate::parse::{email, is_container_name};
use crate::redact::Quoted;

/// The maximum number of accounts of a pod, direct access included.
///
/// With the source `metadata`, each account has a port, a server with its own connections and a cache of tokens, for which
/// the sidecar's memory must suffice. Each has up to two documents in a volume of a fixed size.
pub const MAX_ACCOUNTS: usize = 4;

/// The number of an account in its pod, in the names of documents and for the port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountNumber(u8);

impl AccountNumber {
    /// The account of all containers without their own, or direct access.
    pub const DEFAULT: Self = Self(0);

    /// All numbers that an account may have.
    pub const ALL: [Self; MAX_ACCOUNTS] = [Self(0), Self(1), Self(2), Self(3)];

    /// Returns the index in [`ServiceAccounts::accounts`].
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }

    /// Returns the port of the account's metadata server, if `first` is the port of the default one. `None` if there is no
    /// such port.
    #[must_use]
    pub const fn port(self, first: u16) -> Option<u16> {
        first.checked_add(self.0 as u16)
    }
}

/// The Google service account of each container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceAccounts<'a> {
    /// The default account, and those of the exceptions in the order of their containers, each once.
    accounts: Vec<Option<&'a str>>,
    /// The containers with another account, in ascending order of their names.
    exceptions: Vec<(&'a str, AccountNumber)>,
}

const LIST: &str = "a service account for all containers, others by container, or both: \
                    NAME@PROJECT.iam.gserviceaccount.com,CONTAINER=OTHER@PROJECT.iam.gserviceaccount.com";

impl<'a> ServiceAccounts<'a> {
    /// Parses a list of service accounts. If it has only exceptions, then the other containers use direct access.
    ///
    /// # Errors
    /// Returns an error if an entry is invalid, if two entries contradict each other, or if there are too many accounts.
    pub fn parse(text: &'a str) -> Result<Self, InvalidValue> {
        let is_exception =
            || text.split_once('=').is_some_and(|(container, _)| is_container_name(container.trim()));
        if !(text.contains(',') || is_exception()) {
            return Ok(Self::all(email(text)?));
        }
        let (mut default, mut exceptions) = (None, Vec::new());
        for entry in text.split(',').map(str::trim) {
            match entry.split_once('=') {
                Some((container, account)) => exceptions.push(exception(container.trim(), account.trim())?),
                None if entry.is_empty() => return Err(invalid("remove the empty entry".to_owned())),
                None => {
                    let account = account(entry)?;
                    if default.replace(account).is_some() {
                        let hint =
                            "set one account for all containers, and CONTAINER=ACCOUNT for each exception";
                        return Err(invalid(hint.to_owned()));
                    }
                }
            }
        }
        exceptions.sort_unstable_by_key(|(container, _)| *container);
        if let Some([(container, _), _]) =
            exceptions.array_windows().find(|[(one, _), (other, _)]| one == other)
        {
            return Err(invalid(format!("set one service account for the container {container}")));
        }
        Self::number(default, exceptions)
    }

    /// Creates one account for all containers.
    #[must_use]
    pub fn all(email: &'a str) -> Self {
        Self { accounts: vec![Some(email)], exceptions: Vec::new() }
    }

    /// Numbers the accounts. Containers with the same account share a number.
    fn number(default: Option<&'a str>, exceptions: Vec<(&'a str, &'a str)>) -> Result<Self, InvalidValue> {
        let mut accounts = vec![default];
        let mut numbered = Vec::with_capacity(exceptions.len());
        for (container, email) in exceptions {
            let known = accounts.iter().position(|account| *account == Some(email));
            let index = known.unwrap_or_else(|| {
                accounts.push(Some(email));
                accounts.len() - 1
            });
            let Some(number) = AccountNumber::ALL.get(index) else {
                let kind = if default.is_some() { "service accounts" } else { "accounts with direct access" };
                let expected = format!("at most {MAX_ACCOUNTS} {kind}");
                return Err(InvalidValue::with_hint(expected, "give more containers the same account"));
            };
            numbered.push((container, *number));
        }
        Ok(Self { accounts, exceptions: numbered })
    }

    /// Returns each account once, in the order of the numbers. `None` is direct access, which only the first can be.
    #[must_use]
    pub fn accounts(&self) -> &[Option<&'a str>] {
        &self.accounts
    }

    /// Returns the account of all containers without their own. `None` for direct access.
    #[must_use]
    pub fn default_account(&self) -> Option<&'a str> {
        self.accounts[AccountNumber::DEFAULT.index()]
    }

    /// Returns the containers with their own account, and the account.
    pub fn exceptions(&self) -> impl Iterator<Item = (&'a str, &'a str)> {
        let account = |number: AccountNumber| self.accounts[number.index()];
        self.exceptions.iter().filter_map(move |(container, number)| Some((*container, account(*number)?)))
    }

    /// Returns the number of a container's account, if it has its own.
    #[must_use]
    pub fn exception(&self, container: &str) -> Option<AccountNumber> {
        let index = self.exceptions.binary_search_by_key(&container, |(name, _)| *name);
        index.ok().map(|index| self.exceptions[index].1)
    }

    /// Returns the number of a container's account.
    #[must_use]
    pub fn of(&self, container: &str) -> AccountNumber {
        self.exception(container).unwrap_or(AccountNumber::DEFAULT)
    }
}

fn exception<'a>(container: &'a str, email: &'a str) -> Result<(&'a str, &'a str), InvalidValue> {
    if !is_container_name(container) {
        return Err(invalid(format!("correct the container name {}", Quoted(container))));
    }
    let email = account(email).map_err(|_| {
        let account = if email.is_empty() { "add" } else { "correct" };
        invalid(format!("{account} the service account of the container {container}"))
    })?;
    Ok((container, email))
}

fn account(entry: &str) -> Result<&str, InvalidValue> {
    email(entry).map_err(|_| invalid(format!("correct or remove the service account {}", Quoted(entry))))
}

fn invalid(hint: String) -> InvalidValue {
    InvalidValue::with_hint(LIST, hint)
}

/// Displays the annotation's value.
impl fmt::Display for ServiceAccounts<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let default = self.default_account();
        f.write_str(default.unwrap_or_default())?;
        self.exceptions().enumerate().try_for_each(|(index, (container, email))| {
            let comma = if index == 0 && default.is_none() { "" } else { "," };
            write!(f, "{comma}{container}={email}")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const READER: &str = "reader@shop.iam.gserviceaccount.com";
    const WRITER: &str = "writer@shop.iam.gserviceaccount.com";

    /// Replaces `@` at the end of a name by the rest of an email.
    fn long(list: &str) -> String {
        list.replace('@', "@shop.iam.gserviceaccount.com")
    }

    #[test]
    fn exceptions_have_their_own_account() {
        for text in ["reader@,worker=writer@,copy=writer@", " reader@ , worker = writer@,copy=writer@"] {
            let text = long(text);
            let accounts = ServiceAccounts::parse(&text).unwrap();
            assert_eq!(accounts.accounts(), [Some(READER), Some(WRITER)]);
            assert_eq!(accounts.default_account(), Some(READER));
            let numbers = ["app", "copy", "worker"].map(|container| accounts.of(container).index());
            assert_eq!(numbers, [0, 1, 1]);
            assert_eq!(accounts.to_string(), long("reader@,copy=writer@,worker=writer@"));
        }
    }

    #[test]
    fn list_without_a_default_leaves_direct_access() {
        let accounts = ServiceAccounts::parse("worker=writer@shop.iam.gserviceaccount.com").unwrap();
        assert_eq!(accounts.accounts(), [None, Some(WRITER)]);
        assert_eq!(accounts.default_account(), None);
        assert_eq!(accounts.exceptions().collect::<Vec<_>>(), [("worker", WRITER)]);
        assert_eq!(accounts.to_string(), format!("worker={WRITER}"));
    }

    #[test]
    fn one_account_is_displayed_as_it_is() {
        let accounts = ServiceAccounts::parse(READER).unwrap();
        assert_eq!((accounts.accounts(), accounts.to_string()), (&[Some(READER)][..], READER.to_owned()));
        assert_eq!(accounts.exception("app"), None);
        let same = long("reader@,worker=reader@");
        let same = ServiceAccounts::parse(&same).unwrap();
        assert_eq!((same.accounts().len(), same.of("worker")), (1, AccountNumber::DEFAULT));
    }

    #[test]
    fn contradictory_lists_are_refused_with_a_hint() {
        for (text, hint) in [
            (
                "reader@,writer@",
                "set one account for all containers, and CONTAINER=ACCOUNT for each exception",
            ),
            ("reader@,worker=writer@,worker=reader@", "set one service account for the container worker"),
            ("reader@,", "remove the empty entry"),
            (",", "remove the empty entry"),
            ("reader@,worker=", "add the service account of the container worker"),
            ("reader@,worker=writer", "correct the service account of the container worker"),
            ("reader@,=writer@", "correct the container name \"\""),
            ("reader@,Work er=writer@", "correct the container name \"Work er\""),
            ("reader,worker=writer@", "correct or remove the service account \"reader\""),
        ] {
            let text = long(text);
            let error = ServiceAccounts::parse(&text).unwrap_err();
            assert_eq!((error.expectation(), error.hint()), (LIST, Some(hint)), "{text}");
        }
        for text in ["reader", "reader=", "\"=\n"] {
            let single = email(text).map(ServiceAccounts::all);
            assert_eq!(ServiceAccounts::parse(text).is_err(), single.is_err(), "{text}");
        }
        assert_eq!(ServiceAccounts::parse("a\"b=c"), email("a\"b=c").map(ServiceAccounts::all));
    }

    #[test]
    fn accounts_are_limited_and_containers_are_not() {
        let hint = Some("give more containers the same account");
        for (text, expected) in [
            ("a@,b=b@,c=c@,d=d@,e=e@", "at most 4 service accounts"),
            ("b=b@,c=c@,d=d@,e=e@", "at most 4 accounts with direct access"),
        ] {
            let text = long(text);
            let error = ServiceAccounts::parse(&text).unwrap_err();
            assert_eq!((error.expectation(), error.hint()), (expected, hint));
        }
        let many: Vec<_> = (0..300).map(|number| format!("c{number}=a{}@", number % 3)).collect();
        let text = long(&many.join(","));
        assert_eq!(ServiceAccounts::parse(&text).unwrap().accounts().len(), MAX_ACCOUNTS);
    }

    #[test]
    fn ports_are_consecutive() {
        assert_eq!(
            AccountNumber::ALL.map(|number| number.port(15080)),
            [15080, 15081, 15082, 15083].map(Some)
        );
        assert_eq!(AccountNumber::ALL[1].port(u16::MAX), None);
    }
}
