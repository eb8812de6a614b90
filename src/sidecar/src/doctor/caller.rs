//! Posts a subject token to AWS STS, as Google does when it is shown one.

use percent_encoding::percent_decode_str;
use serde::Deserialize;

use crate::call::{Answer, Request, call};
use crate::fault::{Fault, Peer, Reason};
use crate::settings::Connection;
use crate::subject_token::SubjectToken;

const PEER: Peer = Peer::AwsSts;

/// What is in a subject token: see [`crate::sign`].
#[derive(Deserialize)]
struct Signed {
    headers: Vec<Header>,
    url: String,
}

#[derive(Deserialize)]
struct Header {
    key: String,
    value: String,
}

/// The ARN that AWS sees, asked by way of `endpoint` if there is one: the host that was signed stays in the header.
pub(super) async fn identity(
    token: &SubjectToken,
    endpoint: Option<&str>,
    connection: &Connection,
) -> Result<String, Fault> {
    let signed = decode(token).ok_or_else(|| Fault::new(Reason::Unsigned, "it cannot be read back"))?;
    let url = match (endpoint, signed.url.split_once('?')) {
        (Some(endpoint), Some((_, query))) => format!("{}/?{query}", endpoint.trim_end_matches('/')),
        _ => signed.url,
    };
    let mut headers: Vec<_> =
        signed.headers.iter().map(|Header { key, value }| (key.as_str(), value.as_str())).collect();
    headers.push(("accept", "text/xml"));
    let request = Request { peer: PEER, method: "POST", url: &url, headers: &headers, body: String::new() };
    let answer = call(connection, request).await?;
    let body = String::from_utf8_lossy(&answer.body);
    if answer.status != 200 {
        return Err(refusal(&answer, &body));
    }
    let arn = element(&body, "Arn").ok_or_else(|| answer.unexpected(PEER, "no ARN in it"))?;
    Ok(arn.to_owned())
}

fn decode(token: &SubjectToken) -> Option<Signed> {
    let json = percent_decode_str(token.expose()).decode_utf8().ok()?;
    serde_json::from_str(&json).ok()
}

fn refusal(answer: &Answer, body: &str) -> Fault {
    let (code, message) = (element(body, "Code"), element(body, "Message").unwrap_or_default());
    let reason = match code {
        _ if answer.status == 429 => Reason::Throttled,
        _ if answer.status >= 500 => Reason::ServerError,
        None => Reason::UnexpectedAnswer,
        Some("Throttling") => Reason::Throttled,
        Some(_) => Reason::Refused,
    };
    let code = code.unwrap_or("no error code");
    Fault::new(reason, format!("{} said {} {code}: {message}", answer.host, answer.status)).at(PEER)
}

/// The text of the first element of that name. AWS's answers to this call are a few elements without attributes, and
/// what is in them has no character that XML escapes.
fn element<'a>(xml: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = xml.split_once(&format!("<{name}>"))?;
    let (text, _) = rest.split_once(&format!("</{name}>"))?;
    Some(text.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_element_is_found_by_its_name() {
        let xml = "<A><Arn>arn:aws:sts::1:assumed-role/r/s</Arn><UserId>AROA:s</UserId></A>";
        assert_eq!(element(xml, "Arn"), Some("arn:aws:sts::1:assumed-role/r/s"));
        assert_eq!(element(xml, "Account"), None);
        assert_eq!(element("<Arn>torn", "Arn"), None);
    }
}
