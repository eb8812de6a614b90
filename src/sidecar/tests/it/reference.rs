//! The book's tables of faults and metrics are the ones in the code.

#[path = "../../../contract/tests/section/metrics.rs"]
mod listed;
#[path = "../../../contract/tests/section/mod.rs"]
mod section;

use rolebridge_sidecar::{
    board::Board,
    clock::Clock,
    fault::{Fault, Hop, Reason},
    metrics::{Metrics, TokenClass},
};

const PAGE: &str = "docs/src/reference.md";

fn fault(reason: Reason) -> String {
    let hop = match reason.hop() {
        Hop::ProjectedToken => "projected token",
        Hop::Connection => "connection",
        Hop::Answer => "answer",
        Hop::Publication => "publication",
    };
    let retried = if reason.is_lasting() { "slowly" } else { "soon" };
    format!("| `{}` | {hop} | {} | {retried} |\n", reason.code(), reason.cause())
}

fn mend(reason: Reason) -> String {
    format!("| {} | {} | `{}` |\n", reason.cause(), reason.mend(), reason.code())
}

fn table(head: &str, row: fn(Reason) -> String) -> String {
    let rows: String = Reason::ALL.iter().copied().map(row).collect();
    format!("{head}\n{}|\n{rows}", "| --- ".repeat(head.matches('|').count() - 1))
}

#[test]
fn the_book_lists_every_fault() {
    section::hold(PAGE, "faults", &table("| code | hop | what is wrong | retried |", fault));
    let mends = table("| what is wrong | what mends it | code |", mend);
    section::hold("docs/src/troubleshooting.md", "faults", &mends);
}

#[test]
fn the_reference_lists_every_metric() {
    let metrics = Metrics::default();
    // Its outcome is listed once it has happened.
    metrics.not_made(TokenClass::Access, &Fault::new(Reason::Dns, ""));
    let page = metrics.render(&Board::default(), &Clock::system());
    section::hold(PAGE, "the sidecar's metrics", &listed::table(&page));
}
