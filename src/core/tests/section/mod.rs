//! A part of a page that is made from the code, between two marks:
//! `<!-- NAME: from where and by which command -->` and `<!-- end of NAME -->`.

#![expect(clippy::expect_used, reason = "what helps a test may panic as the test may")]

/// The part `name` of `page`, a path from the repository's root, is `made`; `UPDATE=1` makes it so.
pub(crate) fn hold(page: &str, name: &str, made: &str) {
    let path = format!("{}/../../{page}", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).expect("the page is there");
    let (before, rest) = text.split_once(&format!("<!-- {name}: ")).expect("the page has the mark before it");
    let (how, rest) = rest.split_once(" -->\n").expect("the mark ends its line");
    let end = format!("<!-- end of {name} -->");
    let (_, after) = rest.split_once(&end).expect("the page has the mark after it");
    let wanted = format!("{before}<!-- {name}: {how} -->\n{made}{end}{after}");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(path, wanted).expect("the page can be written");
    } else {
        assert_eq!(text, wanted, "{page}, the part {name}: {how}");
    }
}
