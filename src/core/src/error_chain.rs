//! What an error has come of.

use std::error::Error;
use std::io;
use std::iter::successors;

/// The errors from the outermost in. An `io::Error` hides the one that it wraps from `source`.
pub fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    successors(Some(error), |&error| match error.downcast_ref::<io::Error>() {
        Some(io) => io.get_ref().map(|inner| inner as &(dyn Error + 'static)),
        None => error.source(),
    })
}

/// What the innermost error says: that a connection failed says little without why.
#[must_use]
pub fn root_cause(error: &(dyn Error + 'static)) -> String {
    chain(error).last().unwrap_or(error).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_io_error_wraps_is_found() {
        let wrapped = io::Error::other(io::Error::other("no such host"));
        let error: Box<dyn Error> = wrapped.into();
        assert_eq!(chain(&*error).count(), 3);
        assert_eq!(root_cause(&*error), "no such host");
        assert_eq!(root_cause(&std::fmt::Error), std::fmt::Error.to_string());
    }
}
