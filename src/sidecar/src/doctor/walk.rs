//! What has been tried, what is still to be, and how it is told.

use rolebridge_contract::doctor::{Facts, Hop, Outcome, Step};

use crate::{fault::Fault, settings::SettingsError};

/// A hop failed, which has been told, and those after it make no sense.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stopped;

/// A way through the hops.
pub(super) struct Walk<'a> {
    tell: &'a mut dyn FnMut(&Step),
    left: Vec<Hop>,
    first_failure: Option<Hop>,
}

impl<'a> Walk<'a> {
    /// `tell` gets each hop as soon as it is known.
    pub(super) fn new(tell: &'a mut dyn FnMut(&Step)) -> Self {
        Self { tell, left: Vec::new(), first_failure: None }
    }

    /// All that is to be tried.
    pub(super) fn plan(&mut self, hops: Vec<Hop>) {
        self.left = hops;
    }

    /// The first hop that failed.
    pub(super) fn first_failure(self) -> Option<Hop> {
        self.first_failure
    }

    /// It went well.
    pub(super) fn ok(&mut self, hop: Hop, sentence: String, facts: Facts) {
        self.say(&Step { hop, outcome: Outcome::Ok, reason: None, sentence, facts });
    }

    /// It went well enough, but for what the sentence says.
    pub(super) fn warn(&mut self, hop: Hop, sentence: String, facts: Facts) {
        self.say(&Step { hop, outcome: Outcome::Warning, reason: None, sentence, facts });
    }

    /// It went badly, and the app can do without it.
    pub(super) fn warn_of(&mut self, hop: Hop, fault: &Fault, facts: Facts) {
        self.say(&Step { outcome: Outcome::Warning, ..of_fault(hop, fault, facts) });
    }

    /// It went badly, and the next ones may still be tried.
    pub(super) fn failed(&mut self, hop: Hop, sentence: String, facts: Facts) {
        self.say(&Step { hop, outcome: Outcome::Failed, reason: None, sentence, facts });
    }

    /// It went badly, and the next ones need it.
    pub(super) fn stop(&mut self, hop: Hop, fault: &Fault, facts: Facts) -> Stopped {
        self.say(&of_fault(hop, fault, facts));
        Stopped
    }

    /// The settings are not right, so that nothing can be tried.
    pub(super) fn unset(&mut self, error: &SettingsError) {
        self.failed(Hop::Settings, error.to_string(), Facts::default());
    }

    /// It needs one that went badly.
    pub(super) fn skip(&mut self, hop: Hop, needs: Hop) {
        let sentence = format!("not tried, since {} failed", needs.title());
        self.say(&Step { hop, outcome: Outcome::Skipped, reason: None, sentence, facts: Facts::default() });
    }

    /// All that is left needs the one that went badly.
    pub(super) fn skip_the_rest(&mut self) {
        let Some(needs) = self.first_failure else { return };
        while let Some(&hop) = self.left.first() {
            self.skip(hop, needs);
        }
    }

    fn say(&mut self, step: &Step) {
        self.left.retain(|hop| *hop != step.hop);
        if step.outcome == Outcome::Failed {
            self.first_failure = self.first_failure.or(Some(step.hop));
        }
        (self.tell)(step);
    }
}

fn of_fault(hop: Hop, fault: &Fault, facts: Facts) -> Step {
    let reason = Some(fault.reason().code().to_owned());
    Step { hop, outcome: Outcome::Failed, reason, sentence: fault.to_string(), facts }
}
