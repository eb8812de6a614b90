//! Why a call to the API server failed: in its own words, else in those of what broke.

use std::error::Error;

use kube::core::Status;
use rolebridge_core::error_chain::{chain, root_cause};

/// The API server's message; else the innermost error, since that a connection failed says little without why. Without a
/// full stop.
pub(crate) fn cause(error: &(dyn Error + 'static)) -> String {
    let said = chain(error).find_map(|error| error.downcast_ref::<Box<Status>>());
    let said = said.map(|status| status.message.clone()).filter(|message| !message.is_empty());
    said.unwrap_or_else(|| root_cause(error)).trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[test]
    fn what_is_said_is_what_mends_something() {
        let refused = || io::Error::from(io::ErrorKind::ConnectionRefused);
        let forbidden = || Box::new(Status::failure("serviceaccounts is forbidden.", "Forbidden"));
        for (error, said) in [
            (kube::Error::Service(Box::new(refused())), "connection refused"),
            (
                kube::Error::Service(Box::new(io::Error::other(io::Error::other("no such host")))),
                "no such host",
            ),
            (kube::Error::Api(forbidden()), "serviceaccounts is forbidden"),
            (kube::Error::Api(Box::new(Status::failure("", "Gone"))), ": Gone"),
            (kube::Error::TlsRequired, "TLS required but no TLS stack selected"),
        ] {
            assert_eq!(cause(&error), said);
        }
        let listing = kube_runtime::watcher::Error::InitialListFailed(kube::Error::Api(forbidden()));
        assert_eq!(cause(&listing), "serviceaccounts is forbidden");
    }
}
