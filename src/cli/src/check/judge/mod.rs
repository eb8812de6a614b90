//! From what was read to what is wrong: pure, with the clock in the picture.

mod bundle;
mod certificate;
mod configuration;
mod defaults;
mod ends;
pub(crate) mod pods;
mod reach;
mod replicas;
mod troubles;
mod version;

use crate::check::finding::Finding;
use crate::check::picture::Picture;

/// What is to be said of an installation.
pub(crate) fn installation(picture: &Picture) -> Vec<Finding> {
    [
        configuration::judge(picture),
        bundle::judge(picture),
        defaults::judge(picture),
        replicas::judge(picture),
        version::judge(picture),
        certificate::judge(picture),
        reach::judge(picture),
    ]
    .concat()
}

/// Somebody else's words as a sentence.
fn full(words: &str) -> String {
    let words = words.trim();
    if words.ends_with(['.', '?', '!']) { words.to_owned() } else { format!("{words}.") }
}
