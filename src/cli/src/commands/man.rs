//! `man`: a manual page for each command.

use std::fs;
use std::io::Write;
use std::path::Path;

use clap::Command;
use clap_mangen::Man;

use crate::error::CliError;

/// Writes the pages of the command and its subcommands into a folder, and creates the folder.
///
/// # Errors
///
/// Returns an error if the folder or a page cannot be written.
pub(crate) fn run(command: Command, folder: &Path) -> Result<(), CliError> {
    let file_error = |source| CliError::File { path: folder.to_owned(), source };
    fs::create_dir_all(folder).map_err(file_error)?;
    let mut command = command.disable_help_subcommand(true);
    command.build();
    let is_shown = |subcommand: &&Command| !subcommand.is_hide_set();
    for command in command.get_subcommands().filter(is_shown).chain([&command]) {
        let man = Man::new(command.clone());
        let page = render(command, &man).map_err(file_error)?;
        fs::write(folder.join(man.get_filename()), page).map_err(file_error)?;
    }
    Ok(())
}

fn render(command: &Command, man: &Man) -> std::io::Result<Vec<u8>> {
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    if command.has_subcommands() {
        man.render_subcommands_section(&mut page)?;
    }
    if let Some(help) = command.get_after_help() {
        page.write_all(examples(&help.to_string()).as_bytes())?;
    }
    if command.get_version().is_some() {
        man.render_version_section(&mut page)?;
    }
    Ok(page)
}

/// Renders the text after the options with its own lines, because a filled example cannot be copied.
///
/// A line such as `Examples:` begins a section. Text before the first one is a section of notes.
fn examples(help: &str) -> String {
    let as_heading = |line: &str| {
        let text = line.strip_suffix(':').filter(|text| !text.starts_with(' ') && text.len() < 20)?;
        Some(format!(".fi\n.SH {}\n.nf\n", text.to_uppercase()))
    };
    let lines = help.lines().map(|line| as_heading(line).unwrap_or_else(|| escape(line) + "\n"));
    let page = lines.collect::<String>();
    match page.strip_prefix(".fi\n") {
        Some(page) => format!("{page}.fi\n"),
        None => format!(".SH NOTES\n.nf\n{page}.fi\n"),
    }
}

/// Escapes a line of text for roff.
fn escape(line: &str) -> String {
    let escaped = line.replace('\\', "\\e").replace('-', "\\-");
    if line.starts_with(['.', '\'']) { format!("\\&{escaped}") } else { escaped }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn examples_keep_their_lines() {
        let page = examples("Notes first\n\nExamples:\n  a -f b \\\n    c\n.d\n\nExit codes:\n  0  fine");
        let expected = ".SH NOTES\n.nf\nNotes first\n\n.fi\n.SH EXAMPLES\n.nf\n  a \\-f b \\e\n    c\n\\&.d\n\n.fi\n\
                        .SH EXIT CODES\n.nf\n  0  fine\n.fi\n";
        assert_eq!(page, expected);
    }
}
