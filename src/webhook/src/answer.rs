//! The answer to a review, written into one buffer without a tree.

use base64_simd::STANDARD;

/// The frame and a uid are shorter than this.
const FRAME: usize = 256;

/// What the webhook says to a review. `uid` is the request's own JSON, quotes and all.
#[derive(Debug)]
pub struct Answer<'a> {
    /// The request's uid as it stood there.
    pub uid: &'a str,
    /// What becomes of the object.
    pub verdict: Verdict<'a>,
    /// Sentences that the user reads in any case.
    pub warnings: &'a [String],
}

/// What becomes of an object.
#[derive(Debug, Clone, Copy)]
pub enum Verdict<'a> {
    /// It may be created as it is.
    Allow,
    /// It may be created with this JSON Patch.
    Patch(&'a str),
    /// It is denied, and the user reads why.
    Deny(Denial<'a>),
}

/// Why an object is denied, as a Kubernetes `Status`.
#[derive(Debug, Clone, Copy)]
pub struct Denial<'a> {
    /// The HTTP status that the user gets.
    pub code: u16,
    /// Kubernetes's word for it.
    pub reason: &'static str,
    /// A sentence.
    pub message: &'a str,
}

impl Answer<'_> {
    /// The AdmissionReview.
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut json = String::with_capacity(self.size());
        json.push_str(r#"{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","response":{"uid":"#);
        json.push_str(self.uid);
        match self.verdict {
            Verdict::Allow => json.push_str(r#","allowed":true"#),
            Verdict::Patch(patch) => {
                json.push_str(r#","allowed":true,"patchType":"JSONPatch","patch":""#);
                STANDARD.encode_append(patch, &mut json);
                json.push('"');
            }
            Verdict::Deny(denial) => denial.write(&mut json),
        }
        self.write_warnings(&mut json);
        json.push_str("}}");
        json
    }

    fn size(&self) -> usize {
        let text = match self.verdict {
            Verdict::Allow => 0,
            Verdict::Patch(patch) => patch.len().div_ceil(3) * 4,
            Verdict::Deny(denial) => denial.message.len(),
        };
        FRAME + text + self.warnings.iter().map(|warning| warning.len() + 8).sum::<usize>()
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

impl Denial<'_> {
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
    use serde_json::{Value, json};

    use super::*;

    fn response(verdict: Verdict<'_>, warnings: &[String]) -> Value {
        let text = Answer { uid: r#""a-\u0062""#, verdict, warnings }.to_json();
        assert!(text.starts_with(r#"{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","#));
        assert!(text.contains(r#""uid":"a-\u0062""#), "the uid is repeated as it stood: {text}");
        serde_json::from_str::<Value>(&text).unwrap()["response"].take()
    }

    #[test]
    fn each_verdict_is_what_kube_apiserver_reads() {
        let patch = r#"[{"op":"add","path":"/x","value":"ü"}]"#;
        let denial = Denial { code: 403, reason: "Forbidden", message: "a \"b\"\n\u{1}c" };
        for (verdict, warnings, expected) in [
            (Verdict::Allow, vec![], json!({"uid": "a-b", "allowed": true})),
            (
                Verdict::Patch(patch),
                vec!["one".to_owned(), "\"two\"".to_owned()],
                json!({"uid": "a-b", "allowed": true, "patchType": "JSONPatch", "patch": STANDARD.encode_to_string(patch),
                    "warnings": ["one", "\"two\""]}),
            ),
            (
                Verdict::Deny(denial),
                vec!["one".to_owned()],
                json!({"uid": "a-b", "allowed": false, "warnings": ["one"], "status": {"status": "Failure",
                    "code": 403, "reason": "Forbidden", "message": "a \"b\"\n\u{1}c"}}),
            ),
        ] {
            assert_eq!(response(verdict, &warnings), expected);
        }
    }

    #[test]
    fn the_buffer_is_right_at_once() {
        let patch = "x".repeat(10_000);
        let answer = Answer { uid: "\"u\"", verdict: Verdict::Patch(&patch), warnings: &["w".repeat(200)] };
        assert_eq!(answer.to_json().capacity(), answer.size());
    }
}
