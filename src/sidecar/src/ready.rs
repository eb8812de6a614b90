//! `ready`: whether a token good for use is published. The kubelet runs it as the startup probe, so what it prints
//! becomes an event of the pod.
//!
//! No runtime, no client: it reads a small file or two.

use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use rolebridge_core::pod_names::PROBE_TIMEOUT_SECONDS;

use crate::outputs::{NOT_YET, Output};
use crate::publish::{Publisher, has_content};
use crate::state;

/// Just under the probe's timeout, so that the sentence is still heard.
const LONGEST_WAIT: Duration =
    Duration::from_secs(PROBE_TIMEOUT_SECONDS as u64).saturating_sub(Duration::from_secs(1));
/// The first token comes within a round trip or two, so the state is read often at first. A read takes microseconds.
const SHORTEST_PAUSE: Duration = Duration::from_millis(5);
const LONGEST_PAUSE: Duration = Duration::from_millis(200);

/// Asks once.
///
/// # Errors
/// Why it is not ready, in a sentence.
pub fn ready(token_file: PathBuf, outputs: &[Output]) -> Result<(), String> {
    ask(&Publisher::new(token_file), outputs)
}

/// Asks until it is ready, or the probe's timeout is near.
///
/// # Errors
/// Why it is not ready, in a sentence.
pub fn wait(token_file: PathBuf, outputs: &[Output]) -> Result<(), String> {
    let publisher = Publisher::new(token_file);
    let until = Instant::now() + LONGEST_WAIT;
    let mut pause = SHORTEST_PAUSE;
    loop {
        let answer = ask(&publisher, outputs);
        if answer.is_ok() || Instant::now() + pause > until {
            return answer;
        }
        thread::sleep(pause);
        // Slower by a tenth each time: 200 ms is reached after two seconds.
        pause = pause.mul_f64(1.1).min(LONGEST_PAUSE);
    }
}

fn ask(publisher: &Publisher, outputs: &[Output]) -> Result<(), String> {
    state::ready(publisher.state().as_ref(), publisher.has_token(), SystemTime::now())?;
    if outputs.iter().all(|output| has_content(&output.file)) {
        return Ok(());
    }
    Err(publisher.output_fault().map_or_else(|| NOT_YET.to_owned(), |fault| fault.sentence))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::fault::{Fault, Peer, Reason};
    use crate::state::{Said, State, unix_seconds};
    use crate::tokens::Kind;

    fn publish_token(token_file: &Path) -> Publisher {
        std::fs::write(token_file, "token").unwrap();
        let good_until = Some(unix_seconds(SystemTime::now()) + 60);
        let publisher = Publisher::new(token_file.to_owned());
        publisher.publish_state(&State { good_until, fault: None }).unwrap();
        publisher
    }

    #[test]
    fn an_output_is_waited_for_too() {
        let folder = tempfile::tempdir().unwrap();
        let (token_file, file) = (folder.path().join("token"), folder.path().join("access-token"));
        let outputs = [Output::token(Kind::default_access(), file.clone())];
        let publisher = publish_token(&token_file);
        assert_eq!(ready(token_file.clone(), &[]), Ok(()));
        assert_eq!(ready(token_file.clone(), &outputs), Err(NOT_YET.to_owned()));
        let fault = Fault::new(Reason::ConditionRejected, "sts").at(Peer::GoogleSts);
        publisher.publish_output_fault(Some(&Said::from(&fault))).unwrap();
        assert_eq!(ready(token_file.clone(), &outputs), Err(fault.to_string()));
        std::fs::write(&file, "token").unwrap();
        assert_eq!(ready(token_file, &outputs), Ok(()), "the first one counts, as with the subject token");
    }

    #[test]
    fn wait_ends_when_the_token_comes() {
        let folder = tempfile::tempdir().unwrap();
        let token_file = folder.path().join("token");
        let (asked, answer) = (token_file.clone(), std::sync::mpsc::channel());
        let waiting = thread::spawn(move || answer.0.send(wait(asked, &[])));
        assert!(ready(token_file.clone(), &[]).is_err());
        publish_token(&token_file);
        assert_eq!(answer.1.recv().unwrap(), Ok(()));
        waiting.join().unwrap().unwrap();
    }
}
