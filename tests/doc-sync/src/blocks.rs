//! Shell code blocks of the pages.

use std::fs;

use crate::pages::{pages, root};

/// A shell code block.
#[derive(Debug, Clone)]
pub struct Block {
    /// The page's path from the repository's root.
    pub page: String,
    /// The name from the comment above the block: `<!-- run: NAME -->` or `<!-- run: NAME, as in PAGE -->`.
    pub mark: Option<String>,
    /// The block's text.
    pub text: String,
}

/// Returns the `sh` blocks of all pages.
///
/// # Panics
/// Panics if a page cannot be read, or if a shell block has another language tag than `sh`.
#[must_use]
pub fn blocks() -> Vec<Block> {
    let read = |page: String| {
        let text = fs::read_to_string(root().join(&page)).expect("the page is readable");
        blocks_of(&text, &page)
    };
    pages().into_iter().flat_map(read).collect()
}

fn blocks_of(text: &str, page: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let (mut previous, mut lines) = ("", text.lines());
    while let Some(line) = lines.next() {
        if let Some(language) = line.trim_start().strip_prefix("```") {
            let body: Vec<_> =
                lines.by_ref().take_while(|line| line.trim() != "```").map(str::trim).collect();
            assert!(
                !["bash", "shell", "console"].contains(&language),
                "{page}: expected the language tag sh for a shell block, found {language}"
            );
            if language == "sh" {
                let mark =
                    previous.trim().strip_prefix("<!-- run: ").and_then(|rest| rest.strip_suffix(" -->"));
                let (page, mark) = (page.to_owned(), mark.map(str::to_owned));
                blocks.push(Block { page, mark, text: body.join("\n") });
            }
        }
        previous = line;
    }
    blocks
}

impl Block {
    /// Returns true if the first line names a requirement that CI does not meet: `# Needs a cloud.`
    #[must_use]
    pub fn has_requirements(&self) -> bool {
        self.text.starts_with("# Needs ")
    }

    /// Returns the commands, one per line, without comments.
    #[must_use]
    pub fn commands(&self) -> Vec<String> {
        let joined = self.text.replace("\\\n", "");
        let without_comment = |line: &str| line.split(" # ").next().unwrap_or_default().trim().to_owned();
        joined
            .lines()
            .map(without_comment)
            .filter(|line| !line.is_empty() && !line.starts_with('#'))
            .collect()
    }
}
