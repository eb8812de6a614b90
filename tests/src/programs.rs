//! Builds the two real programs as they ship: each by its own `cargo build -p`. In one build Cargo would unify their
//! features, and each program would contain the other's dependencies.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::error::{Context, Error, Result};

/// Paths of the built programs.
#[derive(Debug, Clone)]
pub struct Programs {
    /// Path of `rolebridge-webhook`.
    pub webhook: PathBuf,
    /// Path of `rolebridge-sidecar`.
    pub sidecar: PathBuf,
}

impl Programs {
    /// Builds both programs into the target directory and profile of the running program (a test or the demo). Blocks
    /// until the build is done, which takes a fraction of a second if nothing changed.
    ///
    /// # Errors
    /// Returns an error with Cargo's output if the build fails, or if the running program is not in a Cargo target
    /// directory.
    pub fn build() -> Result<Self> {
        let exe = std::env::current_exe().context("find the running program")?;
        let target = TargetDir::containing(&exe).context(format_args!(
            "{} is not in a Cargo target directory. Fix: run it with `cargo run` or `cargo test`.",
            exe.display()
        ))?;
        // The sidecar is released with its own profile.
        let sidecar_profile = if target.profile == "release" { "sidecar" } else { &target.profile };
        Ok(Self {
            webhook: target.build("rolebridge-webhook", &target.profile)?,
            sidecar: target.build("rolebridge-sidecar", sidecar_profile)?,
        })
    }

    /// Returns the programs of a folder, which were compiled before: for another architecture, or another release.
    ///
    /// # Errors
    /// Returns an error if the folder lacks one.
    pub fn in_folder(folder: &Path) -> Result<Self> {
        let program = |name: &str| {
            let path = folder.join(name);
            let found = path.is_file().then(|| path.clone());
            found.context(format_args!(
                "no program {}. Fix: compile it, or use another folder",
                path.display()
            ))
        };
        Ok(Self { webhook: program("rolebridge-webhook")?, sidecar: program("rolebridge-sidecar")? })
    }
}

/// A Cargo target directory, with the triple and profile of a program in it.
#[derive(Debug, PartialEq, Eq)]
struct TargetDir {
    path: PathBuf,
    triple: Option<String>,
    /// Folder name of the profile: `debug`, `release`.
    profile: String,
}

impl TargetDir {
    /// Parses `TARGET[/TRIPLE]/PROFILE[/deps]/program`. Cargo marks TARGET with a `CACHEDIR.TAG`.
    fn containing(exe: &Path) -> Option<Self> {
        let mut profile_dir = exe.parent()?;
        if profile_dir.file_name()? == "deps" {
            profile_dir = profile_dir.parent()?;
        }
        let parent = profile_dir.parent()?;
        // Cargo marks TARGET/TRIPLE too.
        let (path, triple) = match parent.parent().filter(|dir| is_target(dir)) {
            Some(path) => (path, Some(parent.file_name()?.to_str()?.to_owned())),
            None if is_target(parent) => (parent, None),
            None => return None,
        };
        let profile = profile_dir.file_name()?.to_str()?.to_owned();
        Some(Self { path: path.into(), triple, profile })
    }

    fn build(&self, package: &str, profile: &str) -> Result<PathBuf> {
        let output = self.command(package, profile).output().context("start cargo")?;
        if !output.status.success() {
            let stderr = String::from_utf8_lossy(&output.stderr);
            return Err(Error::new(format!("`cargo build -p {package}` failed:\n{}", stderr.trim_end())));
        }
        let triple_dir = self.path.join(self.triple.as_deref().unwrap_or_default());
        let program = triple_dir.join(profile).join(package);
        if program.is_file() {
            Ok(program)
        } else {
            Err(Error::new(format!("`cargo build -p {package}` did not create {}", program.display())))
        }
    }

    fn command(&self, package: &str, profile: &str) -> Command {
        let profile = if profile == "debug" { "dev" } else { profile };
        let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        command
            .args(["build", "--quiet", "--package", package, "--profile", profile, "--manifest-path"])
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml"))
            .arg("--target-dir")
            .arg(&self.path);
        if let Some(triple) = &self.triple {
            command.args(["--target", triple]);
        }
        // `cargo run` and `cargo test` set variables that describe the running crate, not the one built here. Build
        // scripts that read them (ring's) would rerun each time.
        for (name, _) in std::env::vars_os() {
            if name.to_str().is_some_and(describes_running_crate) {
                command.env_remove(name);
            }
        }
        command
    }
}

fn is_target(dir: &Path) -> bool {
    dir.join("CACHEDIR.TAG").is_file()
}

fn describes_running_crate(variable: &str) -> bool {
    ["CARGO_MANIFEST_", "CARGO_PKG_", "CARGO_BIN_", "CARGO_CRATE_"]
        .iter()
        .any(|start| variable.starts_with(start))
        || ["CARGO_PRIMARY_PACKAGE", "CARGO_TARGET_TMPDIR", "OUT_DIR"].contains(&variable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn containing_finds_target_dir_triple_and_profile() {
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
            let found = TargetDir::containing(&target.join(exe)).unwrap();
            let (triple, profile) = (triple.map(str::to_owned), profile.to_owned());
            assert_eq!(found, TargetDir { path: target.clone(), triple, profile });
        }
        assert_eq!(TargetDir::containing(Path::new("/usr/bin/demo")), None);
    }

    #[test]
    fn folder_must_have_both_programs() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("rolebridge-webhook"), "").unwrap();
        let error = Programs::in_folder(folder.path()).unwrap_err().to_string();
        assert!(error.contains("/rolebridge-sidecar. Fix: compile it"), "{error}");
        std::fs::write(folder.path().join("rolebridge-sidecar"), "").unwrap();
        assert_eq!(
            Programs::in_folder(folder.path()).unwrap().sidecar,
            folder.path().join("rolebridge-sidecar")
        );
    }

    #[test]
    fn build_of_missing_package_returns_cargo_output() {
        let exe = std::env::current_exe().unwrap();
        let target = TargetDir::containing(&exe).unwrap();
        let error = target.build("no-such-package", "dev").unwrap_err().to_string();
        assert!(error.starts_with("`cargo build -p no-such-package` failed:\nerror: "), "{error}");
        assert!(error.contains("did not match any packages"), "{error}");
    }
}
