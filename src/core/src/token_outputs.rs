//! Additional token files that the sidecar refreshes, for programs that can only read a token from a file:
//! `access-token,id-token=https://reports.example`, or `worker.access-token` for the service account of a container.

use crate::invalid_value::InvalidValue;
use crate::parse::is_container_name;
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

/// A token file of a pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutputFile<'a> {
    /// The token.
    pub output: Output<'a>,
    /// The container with the service account that the token is for. `None`: the account of all containers.
    pub container: Option<&'a str>,
    /// The file's name in the volume of the subject token.
    pub name: String,
}

/// Parses a list of outputs.
///
/// The file names are `access-token`, `id-token`, and for further audiences `id-token-2` and so on, in the order of the
/// list. Those of a container's account begin with its name: `worker.access-token`. A container's name has
/// no full stop, so no two names are the same.
///
/// # Errors
/// Returns an error if an output is invalid or a duplicate, or if there are more than [`MAX_OUTPUTS`].
pub fn parse(list: &str) -> Result<Vec<OutputFile<'_>>, InvalidValue> {
    let count = list.split(',').count();
    // Counted first: the comparison of each output with all others takes a quadratic number of steps.
    if count > MAX_OUTPUTS {
        let expected = format!("at most {MAX_OUTPUTS} outputs");
        return Err(InvalidValue::with_hint(expected, format!("remove {}", count - MAX_OUTPUTS)));
    }
    let mut files: Vec<OutputFile<'_>> = Vec::with_capacity(count);
    for text in list.split(',').map(str::trim) {
        let (output, container) = parse_output(text)?;
        let others = || files.iter().filter(|file| file.container == container);
        if others().any(|file| file.output == output) {
            return Err(invalid(format!("remove the second {}", Quoted(text))));
        }
        let kind = match output {
            Output::AccessToken => "access-token".to_owned(),
            Output::IdToken { .. } => {
                match others().filter(|file| matches!(file.output, Output::IdToken { .. })).count() {
                    0 => "id-token".to_owned(),
                    earlier => format!("id-token-{}", earlier + 1),
                }
            }
        };
        let name = container.map_or_else(|| kind.clone(), |container| format!("{container}.{kind}"));
        files.push(OutputFile { output, container, name });
    }
    Ok(files)
}

/// Returns the output and its container. An audience may contain any character, so the container precedes it.
fn parse_output(text: &str) -> Result<(Output<'_>, Option<&str>), InvalidValue> {
    let invalid = || invalid(format!("correct or remove the output {}", Quoted(text)));
    let (head, audience) = text.split_once('=').map_or((text, None), |(head, rest)| (head, Some(rest)));
    let (container, kind) = head.split_once('.').map_or((None, head), |(name, kind)| (Some(name), kind));
    if container.is_some_and(|name| !is_container_name(name)) {
        return Err(invalid());
    }
    let is_audience = |audience: &str| {
        !audience.is_empty() && audience.bytes().all(|byte| byte.is_ascii_graphic()) && audience.len() <= 1000
    };
    match (kind, audience) {
        ("access-token", None) => Ok((Output::AccessToken, container)),
        ("id-token", Some(audience)) if is_audience(audience) => {
            Ok((Output::IdToken { audience }, container))
        }
        _ => Err(invalid()),
    }
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
        let names: Vec<_> = outputs.iter().map(|file| file.name.as_str()).collect();
        assert_eq!(names, ["id-token", "access-token", "id-token-2"]);
        assert_eq!(outputs[0].output, Output::IdToken { audience: "https://a.example" });
        assert_eq!(outputs[1].output, Output::AccessToken);
        assert_eq!(path("id-token-2"), "/var/run/rolebridge/token/id-token-2");
    }

    #[test]
    fn outputs_of_a_container_have_its_name() {
        let list = "access-token,worker.access-token,id-token=a,worker.id-token=a,worker.id-token=b@c=d,2.id-token=a";
        let outputs = parse(list).unwrap();
        let names: Vec<_> = outputs.iter().map(|file| (file.container, file.name.as_str())).collect();
        assert_eq!(
            names,
            [
                (None, "access-token"),
                (Some("worker"), "worker.access-token"),
                (None, "id-token"),
                (Some("worker"), "worker.id-token"),
                (Some("worker"), "worker.id-token-2"),
                (Some("2"), "2.id-token"),
            ]
        );
        assert_eq!(outputs[4].output, Output::IdToken { audience: "b@c=d" });
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
            (".access-token", unknown(".access-token")),
            ("Work.access-token", unknown("Work.access-token")),
            ("a.access-token/../b", unknown("a.access-token/../b")),
            ("access-token=a", unknown("access-token=a")),
            ("worker.id-token", unknown("worker.id-token")),
            ("a.access-token,a.access-token", "remove the second \"a.access-token\"".to_owned()),
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
