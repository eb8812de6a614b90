//! The two real programs, built as they ship: each by its own `cargo build -p`, since Cargo would otherwise unify their
//! features and put the one's dependencies into the other.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::error::{Context, Failure, Result};

/// Where the built programs are.
#[derive(Debug, Clone)]
pub struct Programs {
    /// `rolebridge-webhook`.
    pub webhook: PathBuf,
    /// `rolebridge-sidecar`.
    pub sidecar: PathBuf,
}

impl Programs {
    /// Builds both into the target directory and profile of the running program (a test or the demo), which costs
    /// a fraction of a second when nothing has changed. Blocks.
    ///
    /// # Errors
    /// The build fails: what the compiler said. Or the running program is in no target directory of Cargo's.
    pub fn build() -> Result<Self> {
        let exe = std::env::current_exe().context("find the running program")?;
        let place = Place::of(&exe).context(format_args!(
            "{} is in no target directory of Cargo's: run it by `cargo run` or `cargo test`",
            exe.display()
        ))?;
        // Released, the sidecar has a profile of its own.
        let sidecar = if place.profile == "release" { "sidecar" } else { &place.profile };
        Ok(Self {
            webhook: place.build("rolebridge-webhook", &place.profile)?,
            sidecar: place.build("rolebridge-sidecar", sidecar)?,
        })
    }
}

/// A target directory, seen from a program in it.
#[derive(Debug, PartialEq, Eq)]
struct Place {
    target_dir: PathBuf,
    triple: Option<String>,
    /// As the folder is named: `debug`, `release`.
    profile: String,
}

impl Place {
    /// `TARGET[/TRIPLE]/PROFILE[/deps]/program`; Cargo marks TARGET with a `CACHEDIR.TAG`.
    fn of(exe: &Path) -> Option<Self> {
        let mut profile_dir = exe.parent()?;
        if profile_dir.file_name()? == "deps" {
            profile_dir = profile_dir.parent()?;
        }
        let above = profile_dir.parent()?;
        // Cargo marks TARGET/TRIPLE too.
        let (target_dir, triple) = match above.parent().filter(|dir| is_target(dir)) {
            Some(target_dir) => (target_dir, Some(above.file_name()?.to_str()?.to_owned())),
            None if is_target(above) => (above, None),
            None => return None,
        };
        let profile = profile_dir.file_name()?.to_str()?.to_owned();
        Some(Self { target_dir: target_dir.into(), triple, profile })
    }

    fn build(&self, package: &str, profile: &str) -> Result<PathBuf> {
        let output = self.command(package, profile).output().context("start cargo")?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            return Err(Failure::new(format!("`cargo build -p {package}` failed:\n{}", said.trim_end())));
        }
        let above = self.target_dir.join(self.triple.as_deref().unwrap_or_default());
        let program = above.join(profile).join(package);
        if program.is_file() {
            Ok(program)
        } else {
            Err(Failure::new(format!("`cargo build -p {package}` left no {}", program.display())))
        }
    }

    fn command(&self, package: &str, profile: &str) -> Command {
        let profile = if profile == "debug" { "dev" } else { profile };
        let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        command
            .args(["build", "--quiet", "--package", package, "--profile", profile, "--manifest-path"])
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml"))
            .arg("--target-dir")
            .arg(&self.target_dir);
        if let Some(triple) = &self.triple {
            command.args(["--target", triple]);
        }
        // What `cargo run` and `cargo test` tell about the running crate is not true of what is built here, and
        // build scripts that look at it (ring's) would run again each time.
        for (name, _) in std::env::vars_os() {
            if name.to_str().is_some_and(says_what_is_run) {
                command.env_remove(name);
            }
        }
        command
    }
}

fn is_target(dir: &Path) -> bool {
    dir.join("CACHEDIR.TAG").is_file()
}

fn says_what_is_run(variable: &str) -> bool {
    ["CARGO_MANIFEST_", "CARGO_PKG_", "CARGO_BIN_", "CARGO_CRATE_"]
        .iter()
        .any(|start| variable.starts_with(start))
        || ["CARGO_PRIMARY_PACKAGE", "CARGO_TARGET_TMPDIR", "OUT_DIR"].contains(&variable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_target_directory_is_found() {
        let dir = tempfile::tempdir().unwrap();
        let target = dir.path().join("t");
        for marked in [target.clone(), target.join("x86_64-unknown-linux-musl")] {
            std::fs::create_dir_all(&marked).unwrap();
            std::fs::write(marked.join("CACHEDIR.TAG"), "").unwrap();
        }
        for (exe, triple, profile) in [
            ("debug/demo", None, "debug"),
            ("debug/deps/main_job-0123", None, "debug"),
            ("release/demo", None, "release"),
            ("x86_64-unknown-linux-musl/debug/deps/a-1", Some("x86_64-unknown-linux-musl"), "debug"),
        ] {
            let place = Place::of(&target.join(exe)).unwrap();
            let (triple, profile) = (triple.map(str::to_owned), profile.to_owned());
            assert_eq!(place, Place { target_dir: target.clone(), triple, profile });
        }
        assert_eq!(Place::of(Path::new("/usr/bin/demo")), None);
    }

    #[test]
    fn a_failed_build_says_what_cargo_said() {
        let exe = std::env::current_exe().unwrap();
        let error = Place::of(&exe).unwrap().build("no-such-package", "dev").unwrap_err().to_string();
        assert!(error.starts_with("`cargo build -p no-such-package` failed:\nerror: "), "{error}");
        assert!(error.contains("did not match any packages"), "{error}");
    }
}
