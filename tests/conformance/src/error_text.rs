//! The error message of a run, as the tables show it: the same on each machine.

use std::path::Path;

/// The digits of the shortest address of an object: Java's hash has up to eight, and few begin with zeros.
const MIN_ADDRESS_DIGITS: usize = 6;

/// Returns the last message of a log, without what differs from run to run: the folders, each with its name, ports and addresses
/// of objects.
pub(crate) fn error_text(log: &str, folders: &[(&Path, &str)]) -> String {
    let text = folders
        .iter()
        .fold(last_message(log), |text, (folder, name)| text.replace(&*folder.to_string_lossy(), name));
    let mut parts = text.split("127.0.0.1:");
    let first = parts.next().unwrap_or_default().to_owned();
    let text = parts.fold(first, |text, part| {
        text + "127.0.0.1:PORT" + part.trim_start_matches(|c: char| c.is_ascii_digit())
    });
    // As Python and as Java write them.
    let text = hide_hex(&text, " at 0x", "ADDRESS");
    hide_hex(&text, " @", "HASH")
}

/// Replaces each long hexadecimal number after `prefix` by a name.
fn hide_hex(text: &str, prefix: &str, name: &str) -> String {
    let mut parts = text.split(prefix);
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| {
        let rest = part.trim_start_matches(|c: char| c.is_ascii_hexdigit());
        let is_address = part.len() - rest.len() >= MIN_ADDRESS_DIGITS;
        let (name, part) = if is_address { (name, rest) } else { ("", part) };
        text + prefix + name + part
    })
}

fn last_message(log: &str) -> String {
    // A bracket alone ends the body of a response.
    let is_message = |line: &&str| {
        line.contains(char::is_alphanumeric) && !["at ", "... "].iter().any(|prefix| line.starts_with(prefix))
    };
    // Node writes its own version after an uncaught error, gcloud some advice, and dlt pages of it. A line of Java has spaces before
    // the exception, and its cause comes later.
    let is_error = |line: &&str| {
        line.split_once(": ").is_some_and(|(kind, _)| {
            let is_exception = kind.ends_with("Exception") && !kind.contains(' ');
            kind.ends_with("Error") || is_exception || ["ERROR", "error"].contains(&kind)
        })
    };
    let mut lines = log.lines().map(str::trim);
    let all: Vec<_> = lines.clone().collect();
    if let Some(position) = all.iter().rposition(is_error) {
        // delta-rs writes each cause below the error, with a red arrow.
        let causes = all[position + 1..].iter().map_while(|line| line.strip_prefix("\u{1b}[31m↳\u{1b}[0m "));
        return causes.fold(all[position].to_owned(), |text, cause| format!("{text}: {cause}"));
    }
    let mut message = lines.rfind(is_message).unwrap_or("no output").to_owned();
    // gsutil breaks its sentences into lines. An exception of Python begins with the name of its module.
    let names_exception =
        |line: &str| line.split_once(": ").is_some_and(|(kind, _)| kind.contains('.') && !kind.contains(' '));
    while message.ends_with('.') && message.starts_with(char::is_lowercase) && !names_exception(&message) {
        let Some(before) = lines.next_back().filter(|line| !line.is_empty()) else { break };
        message = format!("{before} {message}");
    }
    message
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
            ("dlt.MissingException: no key\nLearn more: x\n", "dlt.MissingException: no key"),
            ("OSError: Generic\n  \u{1b}[31m↳\u{1b}[0m no key\n\nmore\n", "OSError: Generic: no key"),
            ("Exception in main: x\nCaused by: io.Exception: refused", "Caused by: io.Exception: refused"),
            (
                "no account. Please sign up.\nYou lack a key. Please\nsign up to get one.",
                "You lack a key. Please sign up to get one.",
            ),
            ("raise X()\ngoogle.auth.InvalidOperation: No key.", "google.auth.InvalidOperation: No key."),
            ("Error: <_Response object at 0x7fdf16807450>", "Error: <_Response object at 0xADDRESS>"),
            ("Error: loader app.Loader @2ca6546f)", "Error: loader app.Loader @HASH)"),
            ("Error: mail to orders@shop.example, 0x5f", "Error: mail to orders@shop.example, 0x5f"),
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
