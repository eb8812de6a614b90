//! The kinds of connection errors.

use std::error::Error as StdError;

use aws_smithy_runtime_api::client::result::ConnectorError;
use http_body_util::LengthLimitError;
use rolebridge_core::error_chain::{chain, root_cause};

use crate::error::{Error, ErrorKind};

/// Converts the error of a failed connection to `host`.
pub(crate) fn connection_error(error: &ConnectorError, host: &str) -> Error {
    Error::new(kind_of(error), format!("{host}: {}", root_cause(error)))
}

/// Classifies by the first error in the chain that is known.
///
/// The connector's types for DNS and proxy errors are private, so these are recognized by their text. The tests of the
/// connection cover each text.
fn kind_of(error: &(dyn StdError + 'static)) -> ErrorKind {
    for source in chain(error) {
        if let Some(tls) = source.downcast_ref::<rustls::Error>() {
            return kind_of_tls(tls);
        }
        if source.is::<LengthLimitError>() {
            return ErrorKind::UnexpectedResponse;
        }
        let text = source.to_string();
        if text.starts_with("tunnel error") {
            return ErrorKind::Proxy;
        } else if text.starts_with("dns error") {
            return ErrorKind::Dns;
        } else if text == "tls handshake eof" {
            return ErrorKind::Tls;
        } else if text.contains("timeout") || text.contains("timed out") {
            return ErrorKind::Timeout;
        }
    }
    ErrorKind::Connect
}

fn kind_of_tls(error: &rustls::Error) -> ErrorKind {
    use rustls::CertificateError::{Expired, ExpiredContext, NotValidYet, NotValidYetContext};
    match error {
        rustls::Error::InvalidCertificate(
            Expired | ExpiredContext { .. } | NotValidYet | NotValidYetContext { .. },
        ) => ErrorKind::CertificateDate,
        rustls::Error::InvalidCertificate(_) => ErrorKind::Untrusted,
        _ => ErrorKind::Tls,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tls_error_inside_two_io_errors_is_classified() {
        let tls = rustls::Error::InvalidCertificate(rustls::CertificateError::UnknownIssuer);
        let error = std::io::Error::other(std::io::Error::other(tls));
        assert_eq!(kind_of(&error), ErrorKind::Untrusted);
        assert_eq!(root_cause(&error), "invalid peer certificate: UnknownIssuer");
    }
}
