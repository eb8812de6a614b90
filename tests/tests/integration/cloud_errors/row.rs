//! A row of `texts.yaml`.

use json_patch::Patch;
use serde::Deserialize;
use serde_json::Value;

use crate::doctor::Case;

/// An error text of a real cloud. It has one of the last four fields.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Row {
    /// The part of the text without names and numbers.
    pub(crate) text: String,
    /// The reason by which the sidecar classifies it. The sidecar never sees the texts of a creation.
    pub(crate) reason: Option<String>,
    /// The operation of the fakes that returns the text, or their configuration.
    fake: Option<String>,
    /// The reason why no fake returns the text.
    no_fake: Option<NoFake>,
    case: Option<Case>,
    creation: Option<Patch>,
    subject_token: Option<String>,
    answer: Option<Answer>,
}

/// The way to a text.
#[derive(Debug)]
pub(crate) enum How<'a> {
    /// A case of the doctor, in which an operation of the fakes returns the text.
    Case(&'a Case, &'a str),
    /// A change of the fakes' configuration that they refuse with the text.
    Creation(&'a Patch),
    /// A subject token that an operation of the fakes rejects with the text.
    SubjectToken(&'a str, &'a str),
    /// A response that no fake returns.
    Answer(&'a Answer, &'a NoFake),
}

/// The fake of a creation.
const CONFIGURATION: &str = "Configuration";

impl Row {
    pub(crate) fn how(&self) -> How<'_> {
        let fake = self.fake.as_deref();
        match (&self.case, &self.creation, &self.subject_token, &self.answer, fake, &self.no_fake) {
            (Some(case), None, None, None, Some(fake), None) => How::Case(case, fake),
            (None, Some(change), None, None, Some(CONFIGURATION), None) => How::Creation(change),
            (None, None, Some(token), None, Some(fake), None) => How::SubjectToken(token, fake),
            (None, None, None, Some(answer), None, Some(no_fake)) => How::Answer(answer, no_fake),
            _ => panic!(
                "{}: expected `fake` with one of case, creation and subjectToken, or `noFake` with answer",
                self.text
            ),
        }
    }
}

/// A reason why no fake returns a text.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) enum NoFake {
    /// Google's condition for the text is unknown, so a fake would invent one.
    ConditionUnknown,
    /// Google returns another text today, which a fake returns.
    Superseded {
        /// The other text.
        by: String,
    },
}

/// A response of Google.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Value,
    #[serde(default)]
    pub(crate) from: Service,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Service {
    #[default]
    GoogleSts,
    IamCredentials,
}
