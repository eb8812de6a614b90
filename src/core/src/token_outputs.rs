//! Additional token files that the sidecar refreshes, for programs that can only read a token from a file:
//! `access-token,id-token=https://reports.example`.

use crate::invalid_value::InvalidValue;
use crate::pod_names;
use crate::redact::Quoted;

/// The maximum number of outputs of a pod.
pub const MAX_OUTPUTS: usize = 8;

/// A token in a file next to the subject token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Output<'a> {
    /// A Google access token.
    AccessToken,
    /// A Google ID token, which only a service account has.
    IdToken {
        /// The token's audience.
        audience: &'a str,
    },
}

/// Parses a list of outputs and returns each with its file name.
///
/// The file names are `access-token`, `id-token`, and for further audiences `id-token-2` and so on, in the order of the
/// list.
///
/// # Errors
/// Returns an error if an output is invalid or a duplicate, or if there are more than [`MAX_OUTPUTS`].
pub fn parse(list: &str) -> Result<Vec<(Output<'_>, String)>, InvalidValue> {
    let count = list.split(',').count();
    // Counted first: the comparison of each output with all others takes a quadratic number of steps.
    if count > MAX_OUTPUTS {
        let expected = format!("at most {MAX_OUTPUTS} outputs");
        return Err(InvalidValue::with_hint(expected, format!("remove {}", count - MAX_OUTPUTS)));
    }
    let mut outputs = Vec::with_capacity(count);
    let mut id_tokens = 0;
    for text in list.split(',').map(str::trim) {
        let output = parse_output(text)?;
        if outputs.iter().any(|(existing, _)| *existing == output) {
            return Err(invalid(format!("remove the second {}", Quoted(text))));
        }
        let name = match output {
            Output::AccessToken => "access-token".to_owned(),
            Output::IdToken { .. } => {
                id_tokens += 1;
                if id_tokens == 1 { "id-token".to_owned() } else { format!("id-token-{id_tokens}") }
            }
        };
        outputs.push((output, name));
    }
    Ok(outputs)
}

fn parse_output(text: &str) -> Result<Output<'_>, InvalidValue> {
    if text == "access-token" {
        return Ok(Output::AccessToken);
    }
    let audience = text.strip_prefix("id-token=").filter(|audience| {
        !audience.is_empty() && audience.bytes().all(|byte| byte.is_ascii_graphic()) && audience.len() <= 1000
    });
    audience
        .map(|audience| Output::IdToken { audience })
        .ok_or_else(|| invalid(format!("correct or remove the output {}", Quoted(text))))
}

fn invalid(hint: String) -> InvalidValue {
    let expected = "\"access-token\" and \"id-token=AUDIENCE\", separated by commas, each at most once";
    InvalidValue::with_hint(expected, hint)
}

/// Returns the path of an output's file in the app's containers.
#[must_use]
pub fn path(name: &str) -> String {
    format!("{}/{name}", pod_names::TOKEN_VOLUME.path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_output_has_its_own_file() {
        let outputs = parse("id-token=https://a.example, access-token,id-token=b").unwrap();
        let names: Vec<_> = outputs.iter().map(|(_, name)| name.as_str()).collect();
        assert_eq!(names, ["id-token", "access-token", "id-token-2"]);
        assert_eq!(outputs[0].0, Output::IdToken { audience: "https://a.example" });
        assert_eq!(outputs[1].0, Output::AccessToken);
        assert_eq!(path("id-token-2"), "/var/run/rolebridge/token/id-token-2");
    }

    #[test]
    fn invalid_outputs_are_named_in_the_hint() {
        let unknown = |text| format!("correct or remove the output {text:?}");
        for (list, hint) in [
            ("", unknown("")),
            ("token", unknown("token")),
            ("id-token", unknown("id-token")),
            ("id-token=", unknown("id-token=")),
            ("id-token=a b", unknown("id-token=a b")),
            ("access-token,access-token", "remove the second \"access-token\"".to_owned()),
            ("access-token,", unknown("")),
        ] {
            assert_eq!(parse(list).unwrap_err().hint(), Some(&*hint), "{list}");
        }
        let long = "x".repeat(1 << 20);
        assert_eq!(parse(&long).unwrap_err().hint(), Some(&*format!("{}…", unknown(&long[..120]))));
        let many: Vec<_> = (0..9).map(|number| format!("id-token={number}")).collect();
        let error = parse(&many.join(",")).unwrap_err();
        assert_eq!((error.expectation(), error.hint()), ("at most 8 outputs", Some("remove 1")));
        let error = parse(&"token,".repeat(10_000)).unwrap_err();
        assert_eq!(error.hint(), Some("remove 9993"), "no output is parsed");
    }
}
