//! Checks the pages' links to files and headings of this repository.
#![expect(clippy::unwrap_used, reason = "test helpers may panic")]

use std::fs;
use std::path::Path;

use rolebridge_doc_sync::pages::{pages, root};

/// Returns the text without fenced code.
fn prose(text: &str) -> String {
    text.split("```").step_by(2).collect()
}

fn links(prose: &str) -> impl Iterator<Item = &str> {
    let targets = prose.split("](").skip(1).filter_map(|rest| Some(rest.split_once(')')?.0));
    targets.filter(|target| !target.contains("://"))
}

/// Returns the anchors of a page's headings in the form of GitHub and mdBook.
fn anchors(page: &Path) -> Vec<String> {
    let prose = prose(&fs::read_to_string(page).unwrap());
    let headings = prose.lines().filter(|line| line.starts_with('#'));
    let anchor = |heading: &str| -> String {
        let text = heading.trim_start_matches('#').trim().to_lowercase();
        let kept = text.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
        kept.map(|c| if c == ' ' { '-' } else { c }).collect()
    };
    headings.map(anchor).collect()
}

fn is_broken(page: &Path, link: &str) -> bool {
    let (file, anchor) = link.split_once('#').map_or((link, None), |(file, anchor)| (file, Some(anchor)));
    let target = if file.is_empty() { page.to_owned() } else { page.parent().unwrap().join(file) };
    !target.exists() || anchor.is_some_and(|anchor| !anchors(&target).iter().any(|other| other == anchor))
}

#[test]
fn every_link_has_a_target() {
    let pages = pages().into_iter().map(|page| root().join(page));
    let broken: Vec<_> = pages
        .flat_map(|page| {
            let prose = prose(&fs::read_to_string(&page).unwrap());
            let broken = links(&prose).filter(|link| is_broken(&page, link));
            broken.map(|link| format!("{}: {link}", page.display())).collect::<Vec<_>>()
        })
        .collect();
    assert!(broken.is_empty(), "links without a target: {broken:#?}");
}

#[test]
fn every_page_is_in_the_summary() {
    let summary = fs::read_to_string(root().join("docs/src/SUMMARY.md")).unwrap();
    for name in pages().iter().filter_map(|page| page.strip_prefix("docs/src/")) {
        assert!(
            name == "SUMMARY.md" || summary.contains(&format!("({name})")),
            "{name} is not in SUMMARY.md"
        );
    }
}
