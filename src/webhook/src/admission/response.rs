//! AdmissionReview response, written into one buffer without building a JSON tree.

use base64_simd::STANDARD;

/// Upper bound for the length of the envelope with its uid.
const ENVELOPE_LEN: usize = 256;

/// Response to an admission request.
#[derive(Debug)]
pub struct AdmissionResponse<'a> {
    /// The request's uid as raw JSON, including the quotes.
    pub uid: &'a str,
    /// The verdict on the object.
    pub verdict: Verdict<'a>,
    /// Warnings for the user, whatever the verdict.
    pub warnings: &'a [String],
}

/// Verdict on an object.
#[derive(Debug, Clone, Copy)]
pub enum Verdict<'a> {
    /// The object is allowed unchanged.
    Allow,
    /// The object is allowed with this JSON Patch.
    Patch(&'a str),
    /// The object is denied.
    Deny(DenyStatus<'a>),
}

/// Reason for a denial, as a Kubernetes `Status`.
#[derive(Debug, Clone, Copy)]
pub struct DenyStatus<'a> {
    /// HTTP status that the user receives.
    pub code: u16,
    /// Kubernetes `StatusReason`.
    pub reason: &'static str,
    /// Message for the user.
    pub message: &'a str,
}

impl AdmissionResponse<'_> {
    /// Returns the AdmissionReview.
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut json = String::with_capacity(self.capacity());
        json.push_str(r#"{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","response":{"uid":"#);
        json.push_str(self.uid);
        match self.verdict {
            Verdict::Allow => json.push_str(r#","allowed":true"#),
            Verdict::Patch(patch) => {
                json.push_str(r#","allowed":true,"patchType":"JSONPatch","patch":""#);
                STANDARD.encode_append(patch, &mut json);
                json.push('"');
            }
            Verdict::Deny(status) => status.write(&mut json),
        }
        self.write_warnings(&mut json);
        json.push_str("}}");
        json
    }

    fn capacity(&self) -> usize {
        let text = match self.verdict {
            Verdict::Allow => 0,
            Verdict::Patch(patch) => patch.len().div_ceil(3) * 4,
            Verdict::Deny(status) => status.message.len(),
        };
        ENVELOPE_LEN + text + self.warnings.iter().map(|warning| warning.len() + 8).sum::<usize>()
    }

    fn write_warnings(&self, json: &mut String) {
        for (index, warning) in self.warnings.iter().enumerate() {
            json.push_str(if index == 0 { r#","warnings":["# } else { "," });
            push_string(json, warning);
        }
        if !self.warnings.is_empty() {
            json.push(']');
        }
    }
}

impl DenyStatus<'_> {
    fn write(&self, json: &mut String) {
        json.push_str(r#","allowed":false,"status":{"status":"Failure","code":"#);
        json.push_str(&self.code.to_string());
        json.push_str(r#","reason":""#);
        json.push_str(self.reason);
        json.push_str(r#"","message":"#);
        push_string(json, self.message);
        json.push('}');
    }
}

fn push_string(json: &mut String, text: &str) {
    json.push_str(&serde_json::Value::from(text).to_string());
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use super::*;

    const PATCH: &str = r#"[{"op":"add","path":"/x","value":"ü"}]"#;
    const DENIED: DenyStatus<'_> = DenyStatus { code: 403, reason: "Forbidden", message: "a \"b\"\n\u{1}c" };

    #[rstest]
    #[case::allow(Verdict::Allow, &[], json!({"uid": "a-b", "allowed": true}))]
    #[case::patch(
        Verdict::Patch(PATCH),
        &["one", "\"two\""],
        json!({"uid": "a-b", "allowed": true, "patchType": "JSONPatch", "patch": STANDARD.encode_to_string(PATCH),
            "warnings": ["one", "\"two\""]})
    )]
    #[case::deny(
        Verdict::Deny(DENIED),
        &["one"],
        json!({"uid": "a-b", "allowed": false, "warnings": ["one"], "status": {"status": "Failure",
            "code": 403, "reason": "Forbidden", "message": "a \"b\"\n\u{1}c"}})
    )]
    fn to_json_writes_a_v1_admission_review(
        #[case] verdict: Verdict<'_>,
        #[case] warnings: &[&str],
        #[case] expected: Value,
    ) {
        let warnings: Vec<_> = warnings.iter().map(ToString::to_string).collect();
        let text = AdmissionResponse { uid: r#""a-\u0062""#, verdict, warnings: &warnings }.to_json();
        assert!(text.starts_with(r#"{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","#));
        assert!(text.contains(r#""uid":"a-\u0062""#), "the uid is copied verbatim: {text}");
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap()["response"], expected);
    }

    #[test]
    fn to_json_allocates_once() {
        let patch = "x".repeat(10_000);
        let warnings = ["w".repeat(200)];
        let response =
            AdmissionResponse { uid: "\"u\"", verdict: Verdict::Patch(&patch), warnings: &warnings };
        assert_eq!(response.to_json().capacity(), response.capacity());
    }
}
