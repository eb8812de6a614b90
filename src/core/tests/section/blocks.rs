//! The shell's blocks of the pages, for whoever runs them or sees that they are run.

#![expect(clippy::expect_used, reason = "what helps a test may panic as the test may")]

use std::fs;

use crate::pages::{pages, root};

/// A block of commands.
#[derive(Debug, Clone)]
pub(crate) struct Block {
    /// From the repository's root.
    pub(crate) page: String,
    /// What the comment before it says is run: `<!-- run: NAME -->` or `<!-- run: NAME, as in PAGE -->`.
    pub(crate) mark: Option<String>,
    pub(crate) text: String,
}

/// Every block of `sh`, of all pages.
pub(crate) fn blocks() -> Vec<Block> {
    let read =
        |page: String| of_page(&fs::read_to_string(root().join(&page)).expect("the page is there"), &page);
    pages().into_iter().flat_map(read).collect()
}

fn of_page(text: &str, page: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let (mut before, mut lines) = ("", text.lines());
    while let Some(line) = lines.next() {
        if let Some(language) = line.trim_start().strip_prefix("```") {
            let inside: Vec<_> =
                lines.by_ref().take_while(|line| line.trim() != "```").map(str::trim).collect();
            assert!(!["bash", "shell", "console"].contains(&language), "{page}: a shell's block is of sh");
            if language == "sh" {
                let mark =
                    before.trim().strip_prefix("<!-- run: ").and_then(|rest| rest.strip_suffix(" -->"));
                let (page, mark) = (page.to_owned(), mark.map(str::to_owned));
                blocks.push(Block { page, mark, text: inside.join("\n") });
            }
        }
        before = line;
    }
    blocks
}

impl Block {
    /// Whether it says in its first line what it needs that CI has not.
    pub(crate) fn needs_more(&self) -> bool {
        self.text.starts_with("# Needs ")
    }

    /// Its commands, each on a line, without comments.
    pub(crate) fn commands(&self) -> Vec<String> {
        let joined = self.text.replace("\\\n", "");
        let bare = |line: &str| line.split(" # ").next().unwrap_or_default().trim().to_owned();
        joined.lines().map(bare).filter(|line| !line.is_empty() && !line.starts_with('#')).collect()
    }
}
