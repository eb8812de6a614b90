//! Sends a subject token to AWS STS, as Google does when it receives one.

use crate::error::{Error, ErrorKind, Service};
use crate::http::request::{Request, Response, send};
use crate::settings::Connection;
use crate::subject_token::{SignedHeader, SignedRequest, SubjectToken};

const SERVICE: Service = Service::AwsSts;

/// Returns the ARN that AWS authenticates. The request is sent to `endpoint` if there is one; its `Host` header keeps the
/// signed host.
pub(super) async fn caller_arn(
    token: &SubjectToken,
    endpoint: Option<&str>,
    connection: &Connection,
) -> Result<String, Error> {
    let signed = SignedRequest::decode(token.expose())
        .ok_or_else(|| Error::new(ErrorKind::SigningFailed, "failed to decode the signed request"))?;
    let url = match (endpoint, signed.url.split_once('?')) {
        (Some(endpoint), Some((_, query))) => format!("{}/?{query}", endpoint.trim_end_matches('/')),
        _ => signed.url,
    };
    let mut headers: Vec<_> =
        signed.headers.iter().map(|SignedHeader { key, value }| (key.as_str(), value.as_str())).collect();
    headers.push(("accept", "text/xml"));
    let request =
        Request { service: SERVICE, method: "POST", url: &url, headers: &headers, body: String::new() };
    let response = send(connection, request).await?;
    let body = String::from_utf8_lossy(&response.body);
    if response.status != 200 {
        return Err(error_response(&response, &body));
    }
    let arn = element(&body, "Arn").ok_or_else(|| response.unexpected(SERVICE, "no ARN in the response"))?;
    Ok(response.quote(arn))
}

fn error_response(response: &Response, body: &str) -> Error {
    let (code, message) = (element(body, "Code"), element(body, "Message").unwrap_or_default());
    let kind = match code {
        _ if response.status == 429 => ErrorKind::Throttled,
        _ if response.status >= 500 => ErrorKind::ServerError,
        None => ErrorKind::UnexpectedResponse,
        Some("Throttling") => ErrorKind::Throttled,
        Some(_) => ErrorKind::Rejected,
    };
    let code = code.unwrap_or("no error code");
    Error::new(kind, format!("{} returned {} {code}: {message}", response.host, response.status))
        .from_service(SERVICE)
}

/// Returns the text of the first element with that name. AWS's responses to this call have a few elements without
/// attributes, and their texts contain no character that XML escapes.
fn element<'a>(xml: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = xml.split_once(&format!("<{name}>"))?;
    let (text, _) = rest.split_once(&format!("</{name}>"))?;
    Some(text.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn element_is_found_by_its_name() {
        let xml = "<A><Arn>arn:aws:sts::1:assumed-role/r/s</Arn><UserId>AROA:s</UserId></A>";
        assert_eq!(element(xml, "Arn"), Some("arn:aws:sts::1:assumed-role/r/s"));
        assert_eq!(element(xml, "Account"), None);
        assert_eq!(element("<Arn>torn", "Arn"), None);
    }
}
