//! The source chain of an error.

use std::error::Error;
use std::io;
use std::iter::successors;

/// Returns the error and its sources, outermost first. Includes the error that an `io::Error` wraps, which `source`
/// omits.
pub fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    successors(Some(error), |&error| match error.downcast_ref::<io::Error>() {
        Some(io) => io.get_ref().map(|inner| inner as &(dyn Error + 'static)),
        None => error.source(),
    })
}

/// Returns the message of the innermost error. A failed connection is only useful with its cause.
#[must_use]
pub fn root_cause(error: &(dyn Error + 'static)) -> String {
    chain(error).last().unwrap_or(error).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chain_includes_the_error_wrapped_by_an_io_error() {
        let wrapped = io::Error::other(io::Error::other("no such host"));
        let error: Box<dyn Error> = wrapped.into();
        assert_eq!(chain(&*error).count(), 3);
        assert_eq!(root_cause(&*error), "no such host");
        assert_eq!(root_cause(&std::fmt::Error), std::fmt::Error.to_string());
    }
}
