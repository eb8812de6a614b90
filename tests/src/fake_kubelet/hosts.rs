//! A pod's `/etc/hosts` with its `hostAliases`, as the kubelet writes it.

use std::ffi::OsStr;
use std::fmt::Write;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use tokio::process::Command;

use super::spec::HostAlias;
use crate::error::{Context, Result};

const HOSTS: &str = "/etc/hosts";
/// Runs a program with another file in the place of [`HOSTS`], in the same process.
const ENTER: &str = "mount --bind \"$1\" /etc/hosts && shift && exec \"$@\"";

/// Writes the machine's `/etc/hosts` and the aliases to a file in a folder. Returns its path, or `None` without aliases.
pub(super) fn write(aliases: &[HostAlias], dir: &Path) -> Result<Option<PathBuf>> {
    if aliases.is_empty() {
        return Ok(None);
    }
    let mut text = std::fs::read_to_string(HOSTS).context(format_args!("read {HOSTS}"))?;
    text += "\n# Entries added by HostAliases.\n";
    for alias in aliases {
        let _ = writeln!(text, "{}\t{}", alias.ip, alias.hostnames.join("\t"));
    }
    let path = dir.join("hosts");
    std::fs::write(&path, text).context(format_args!("write {}", path.display()))?;
    Ok(Some(path))
}

/// Returns the command of a program that sees the file as `/etc/hosts`, in a mount namespace of its own.
pub(super) fn command(file: &Path, program: &OsStr) -> Result<Command> {
    let process = std::fs::metadata("/proc/self").context("read the user of this process")?;
    let mut command = Command::new("/usr/bin/unshare");
    command.arg("--mount").args((process.uid() != 0).then_some("--map-root-user"));
    command.args(["/bin/sh", "-c", ENTER, "-"]).arg(file).arg(program);
    Ok(command)
}
