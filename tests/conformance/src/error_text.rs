//! The error message of a run, as the tables show it: the same on each machine.

use std::path::Path;

/// Returns the last message of a log, without what differs from machine to machine: the folders, each with its name, and ports.
pub(crate) fn error_text(log: &str, folders: &[(&Path, &str)]) -> String {
    let text = folders.iter().fold(last_message(log).to_owned(), |text, (folder, name)| {
        text.replace(&*folder.to_string_lossy(), name)
    });
    let mut parts = text.split("127.0.0.1:");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| {
        text + "127.0.0.1:PORT" + part.trim_start_matches(|c: char| c.is_ascii_digit())
    })
}

fn last_message(log: &str) -> &str {
    // A bracket alone ends the body of a response.
    let is_message = |line: &&str| {
        line.contains(char::is_alphanumeric) && !["at ", "... "].iter().any(|prefix| line.starts_with(prefix))
    };
    // Node writes its own version after an uncaught error, and gcloud some advice.
    let is_error = |line: &&str| {
        line.split_once(": ")
            .is_some_and(|(kind, _)| kind.ends_with("Error") || ["ERROR", "error"].contains(&kind))
    };
    let mut lines = log.lines().map(str::trim);
    lines.clone().rfind(is_error).or_else(|| lines.rfind(is_message)).unwrap_or("no output")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::ROOT;

    #[test]
    fn last_message_has_no_folder_and_no_port() {
        let folders = [(Path::new("/tmp/pod"), ""), (Path::new("/src/target/1.0"), "$OUT")];
        for (log, expected) in [
            ("", "no output"),
            ("started\nrefused\n  at main\n\n", "refused"),
            ("refused {\n  \"reason\": \"forbidden\"\n}\n  at main", "\"reason\": \"forbidden\""),
            ("ImportError: no x (/src/target/1.0/lib/x.py)\n", "ImportError: no x ($OUT/lib/x.py)"),
            ("Error: no file /tmp/pod/etc/x\nNode.js v20\n", "Error: no file /etc/x"),
            ("error: 127.0.0.1:8080, then 127.0.0.1:99/x", "error: 127.0.0.1:PORT, then 127.0.0.1:PORT/x"),
        ] {
            assert_eq!(error_text(log, &folders), expected);
        }
    }

    #[test]
    fn committed_results_name_no_folder_of_a_machine() {
        let files = ["docs/clients.md", "docs/src/applications.md", "tests/conformance/versions.yaml"];
        for file in files.into_iter().chain(["tests/conformance/programs.yaml"]) {
            let text = std::fs::read_to_string(Path::new(ROOT).join(file)).unwrap();
            for folder in ["/target/", "/home/", "/root/"] {
                let found = text.lines().find(|line| line.contains(folder));
                assert_eq!(found, None, "{file}: {folder}");
            }
        }
    }
}
