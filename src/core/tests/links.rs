//! What the pages link to in this repository is there: files, and headings of pages.
#![expect(clippy::unwrap_used, reason = "what helps a test may panic as the test may")]

#[path = "section/pages.rs"]
mod pages;

use std::fs;
use std::path::Path;

use self::pages::{pages, root};

/// The text without fenced code.
fn prose(text: &str) -> String {
    text.split("```").step_by(2).collect()
}

fn links(prose: &str) -> impl Iterator<Item = &str> {
    let targets = prose.split("](").skip(1).filter_map(|rest| Some(rest.split_once(')')?.0));
    targets.filter(|target| !target.contains("://"))
}

/// The anchors of a page's headings, as GitHub and mdBook make them.
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

fn broken(page: &Path, link: &str) -> bool {
    let (file, anchor) = link.split_once('#').map_or((link, None), |(file, anchor)| (file, Some(anchor)));
    let target = if file.is_empty() { page.to_owned() } else { page.parent().unwrap().join(file) };
    !target.exists() || anchor.is_some_and(|anchor| !anchors(&target).iter().any(|one| one == anchor))
}

#[test]
fn every_link_leads_somewhere() {
    let pages = pages().into_iter().map(|page| root().join(page));
    let broken: Vec<_> = pages
        .flat_map(|page| {
            let prose = prose(&fs::read_to_string(&page).unwrap());
            let broken = links(&prose).filter(|link| broken(&page, link));
            broken.map(|link| format!("{}: {link}", page.display())).collect::<Vec<_>>()
        })
        .collect();
    assert!(broken.is_empty(), "links that lead nowhere: {broken:#?}");
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
