//! Checks that the documentation lists every reason.

use rolebridge_doc_sync::section;
use rolebridge_inject::Reason;

#[test]
fn reference_lists_every_reason() {
    let rows = Reason::ALL.iter().map(|reason| format!("| `{}` | {} |\n", reason.code(), reason.message()));
    let table = format!("| code | sentence |\n| --- | --- |\n{}", rows.collect::<String>());
    section::check("docs/src/reference.md", "reasons", &table);
}
