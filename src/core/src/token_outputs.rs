//! Further files that the sidecar keeps fresh, for programs that can only read a token from a file:
//! `access-token,id-token=https://reports.example`.

use crate::parse::InvalidValue;
use crate::pod_names;
use crate::redact::Quoted;

/// The most files of one pod.
pub const MOST: usize = 8;

/// A file beside the subject token's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Output<'a> {
    /// A Google access token.
    AccessToken,
    /// A Google ID token, which only a service account has.
    IdToken {
        /// For whom it is.
        audience: &'a str,
    },
}

/// Reads a list of them and gives each its file: `access-token`; `id-token`, and for further audiences `id-token-2` and
/// so on, in the order of the list.
///
/// # Errors
/// An output is none, or stands there twice; or there are too many.
pub fn parse(list: &str) -> Result<Vec<(Output<'_>, String)>, InvalidValue> {
    let mut outputs = Vec::new();
    let mut id_tokens = 0;
    for text in list.split(',').map(str::trim) {
        let output = one(text)?;
        if outputs.iter().any(|(known, _)| *known == output) {
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
    if outputs.len() > MOST {
        let expected = format!("at most {MOST} outputs");
        return Err(InvalidValue::with_hint(expected, format!("remove {}", outputs.len() - MOST)));
    }
    Ok(outputs)
}

fn one(text: &str) -> Result<Output<'_>, InvalidValue> {
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

/// The whole path of an output's file in the app's containers.
#[must_use]
pub fn path(name: &str) -> String {
    format!("{}/{name}", pod_names::TOKEN_VOLUME.path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_its_file() {
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
    }
}
