//! CPU instructions of a review, counted by Valgrind's callgrind. Unlike a time, a count is the same on a busy machine.
//!
//! The programs are those of a release. All reviews of a run use one TLS connection, and the counts begin after some reviews.

use std::io::{Write, stdout};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use rolebridge_tests::webhook::Webhook;
use tempfile::TempDir;
use tokio::process::Command;
use tokio::task::LocalSet;

use crate::error::Error;
use crate::load::{Connection, Target};
use crate::reviews::Pods;
use crate::table::{Limit, Row};
use crate::webhook::{DEFAULTS, SERVER_NAME, client_config, start_cluster, start_echo};
use crate::{peers, reviews, table};

/// Reviews before the count: the first ones fill caches.
const WARM_UP: usize = 20;
/// Reviews of a count.
const COUNTED: usize = 40;
/// The most instructions of a review of each fixture, relative to the echo.
const BUDGETS: [f64; 3] = [2.8, 1.75, 1.6];

/// Counts the instructions of both programs for each fixture.
///
/// # Errors
/// Returns an error if Valgrind is missing, or if a server does not start or respond.
pub(crate) async fn measure(program: &Path) -> Result<Vec<Row>, Error> {
    let kubernetes = start_cluster(0).await?;
    let folder = tempfile::tempdir()?;
    let counted = CountedProgram::create(&folder, program, "webhook")?;
    let mut webhook = Webhook::start(&counted.script, &kubernetes, DEFAULTS).await?;
    let webhook_counter = counted.counter(webhook.process().id());
    let echo = std::env::current_exe()?.with_file_name("echo");
    let counted = CountedProgram::create(&folder, &echo, "echo")?;
    let (echo_address, echo) = start_echo(&counted.script, webhook.dir()).await?;
    let echo_counter = counted.counter(echo.id());
    let tls = client_config(&webhook.dir().join("ca.crt"))?;
    let mut rows = Vec::new();
    for (index, fixture) in reviews::FIXTURES.into_iter().enumerate() {
        for pods in [Pods::Alike, Pods::New] {
            let bodies = reviews::of_pods(fixture, pods, WARM_UP + COUNTED)?;
            let echo = count(echo_address, &echo_counter, &tls, &bodies).await?;
            let own = count(webhook.address(), &webhook_counter, &tls, &bodies).await?;
            writeln!(
                stdout(),
                "  instructions: {:>13}: echo {echo:>9.0}, webhook {own:>9.0}",
                pods.describe(fixture)
            )?;
            let name =
                format!("webhook: instructions of a {} review, relative to the echo", pods.describe(fixture));
            rows.push(
                Row::new(name, own / echo, table::FACTOR)
                    .budget(Limit::AtMost(BUDGETS[index]))
                    .goal(pods.cpu_goal(index))
                    .peers(peers::cpu(index)),
            );
        }
    }
    Ok(rows)
}

/// Returns the instructions of a review.
async fn count(
    address: SocketAddr,
    counter: &Counter,
    tls: &Arc<rustls::ClientConfig>,
    bodies: &[Bytes],
) -> Result<f64, Error> {
    let target = Target { address, name: SERVER_NAME, tls: tls.clone(), reviews: Vec::new() };
    LocalSet::new()
        .run_until(async {
            let mut connection = Connection::open(&target).await?;
            for body in &bodies[..WARM_UP] {
                connection.admit(body.clone()).await?;
            }
            counter.restart().await?;
            for body in &bodies[WARM_UP..] {
                connection.admit(body.clone()).await?;
            }
            #[expect(clippy::cast_precision_loss, reason = "a count of instructions is far below 2^52")]
            let total = counter.restart().await? as f64;
            Ok(total / f64::from(u32::try_from(COUNTED)?))
        })
        .await
}

/// A program that starts under callgrind.
struct CountedProgram {
    script: PathBuf,
    counts: PathBuf,
}

impl CountedProgram {
    /// Writes the script that starts the program, because its starter passes arguments of its own.
    fn create(folder: &TempDir, program: &Path, name: &str) -> Result<Self, Error> {
        let (script, counts) = (folder.path().join(format!("{name}.sh")), folder.path().join(name));
        let file = counts.display();
        let text = format!(
            "#!/bin/sh\nexec /usr/bin/valgrind --tool=callgrind --callgrind-out-file={file} --vgdb-prefix={file}.vgdb {} \"$@\"\n",
            program.display()
        );
        std::fs::write(&script, text)?;
        std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o700))?;
        Ok(Self { script, counts })
    }

    fn counter(self, pid: Option<u32>) -> Counter {
        Counter { pid: pid.unwrap_or_default(), counts: self.counts }
    }
}

/// The count of a running program.
struct Counter {
    pid: u32,
    counts: PathBuf,
}

impl Counter {
    /// Returns the count, and begins another one.
    async fn restart(&self) -> Result<u64, Error> {
        let mut command = Command::new("/usr/bin/vgdb");
        command
            .env_clear()
            .arg(format!("--vgdb-prefix={}.vgdb", self.counts.display()))
            .args([format!("--pid={}", self.pid), "dump".to_owned()]);
        let output = command.output().await?;
        if !output.status.success() {
            return Err(format!("vgdb failed: {}", String::from_utf8_lossy(&output.stderr)).into());
        }
        let (mut number, mut newest) = (1, None);
        while let Ok(text) = std::fs::read_to_string(format!("{}.{number}", self.counts.display())) {
            (number, newest) = (number + 1, Some(text));
        }
        let text = newest.ok_or("callgrind has written no count")?;
        let total = text.lines().find_map(|line| line.strip_prefix("totals: "));
        Ok(total.ok_or("expected totals in callgrind's file, found none")?.trim().parse()?)
    }
}
