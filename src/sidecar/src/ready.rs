//! `ready`: whether a token good for use is published. The kubelet runs it as the startup probe, so what it prints
//! becomes an event of the pod.
//!
//! No runtime, no client: it reads one small file.

use std::{
    path::PathBuf,
    thread,
    time::{Duration, Instant, SystemTime},
};

use rolebridge_contract::pod::PROBE_TIMEOUT_SECONDS;

use crate::{publish::Publisher, state};

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
pub fn ready(token_file: PathBuf) -> Result<(), String> {
    ask(&Publisher::new(token_file))
}

/// Asks until it is ready, or the probe's timeout is near.
///
/// # Errors
/// Why it is not ready, in a sentence.
pub fn wait(token_file: PathBuf) -> Result<(), String> {
    let publisher = Publisher::new(token_file);
    let until = Instant::now() + LONGEST_WAIT;
    let mut pause = SHORTEST_PAUSE;
    loop {
        let answer = ask(&publisher);
        if answer.is_ok() || Instant::now() + pause > until {
            return answer;
        }
        thread::sleep(pause);
        // Slower by a tenth each time: 200 ms is reached after two seconds.
        pause = pause.mul_f64(1.1).min(LONGEST_PAUSE);
    }
}

fn ask(publisher: &Publisher) -> Result<(), String> {
    state::ready(publisher.state().as_ref(), publisher.has_token(), SystemTime::now())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{state::State, state::unix_seconds};

    #[test]
    fn wait_ends_when_the_token_comes() {
        let folder = tempfile::tempdir().unwrap();
        let token_file = folder.path().join("token");
        let (asked, answer) = (token_file.clone(), std::sync::mpsc::channel());
        let waiting = thread::spawn(move || answer.0.send(wait(asked)));
        assert!(ready(token_file.clone()).is_err());
        std::fs::write(&token_file, "token").unwrap();
        let good_until = Some(unix_seconds(SystemTime::now()) + 60);
        Publisher::new(token_file).publish_state(&State { good_until, fault: None }).unwrap();
        assert_eq!(answer.1.recv().unwrap(), Ok(()));
        waiting.join().unwrap().unwrap();
    }
}
