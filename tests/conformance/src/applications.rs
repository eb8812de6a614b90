//! `make applications`: runs the programs of `programs/` with each source, as both principals, and compares the results with
//! `programs.yaml` and `docs/src/applications.md`.

use std::collections::BTreeSet;

use rolebridge_tests::error::Result;

use crate::applications_page;
use crate::client::{self, Client};
use crate::emulators::Emulators;
use crate::environment::Environment;
use crate::install::{self, Installed};
use crate::job::{self, Emulator, Job};
use crate::program_results::{PROGRAMS, ProgramResult, ProgramResults};
use crate::report;
use crate::result_cell::ResultCell;
use crate::{Args, RUN_LIMIT, Which, folder, print, run_cells};

const PAGE: &str = "docs/src/applications.md";

/// Runs the programs that the arguments select.
pub(crate) async fn run(args: &Args) -> Result<bool> {
    let programs = select(args)?;
    let emulators = needed_emulators(&programs)?;
    if args.install {
        return install_all(&programs, &emulators, args).await.map(|()| true);
    }
    let (running, missing) = start_emulators(&emulators, args).await?;
    let mut environment = Environment::start(RUN_LIMIT, running).await?;
    let mut found = ProgramResults::new();
    let mut skipped = Vec::new();
    for (program, job) in &programs {
        print(&format!("{} …", program.title));
        let installed = install::install(program.package(), &out(program, args)?).await?;
        let Some(installed) = installed.filter(|_| !job.emulators.iter().any(|name| missing.contains(name)))
        else {
            skipped.push(&*program.title);
            continue;
        };
        found.insert(program.name.clone(), result(&mut environment, program, &installed).await?);
    }
    if !skipped.is_empty() {
        print(&format!("Skipped, because an installation exceeded its budget: {}.", skipped.join("; ")));
    }
    compare_or_update(&found, args.update)
}

async fn result(
    environment: &mut Environment,
    program: &Client,
    installed: &Installed,
) -> Result<ProgramResult> {
    print(&format!("  {} in {} s", installed.versions, installed.seconds));
    let wanted = ResultCell::of_program(program.job.as_ref().is_some_and(|job| job.metadata_host));
    let cells = run_cells(environment, program, installed, wanted).await?;
    Ok(ProgramResult::new(installed.versions.clone(), cells))
}

/// Returns the programs to run, with their jobs, and prints the names of the others.
fn select(args: &Args) -> Result<Vec<(Client, Job)>> {
    let is_ci = args.programs == Some(Which::Ci);
    let mut selected = Vec::new();
    let mut others = Vec::new();
    for program in client::read_all("programs")? {
        let Some(job) = program.job.clone() else { continue };
        let is_named = args.only.as_ref().is_none_or(|part| program.name.contains(part));
        if program.is_omitted() || is_ci && !job.in_ci || !is_named {
            others.push(program.title);
        } else {
            selected.push((program, job));
        }
    }
    if !others.is_empty() {
        print(&format!(
            "Not run here (`make applications` does, where they can be installed): {}.",
            others.join("; ")
        ));
    }
    Ok(selected)
}

fn needed_emulators(programs: &[(Client, Job)]) -> Result<Vec<Emulator>> {
    let names: BTreeSet<_> = programs.iter().flat_map(|(_, job)| &job.emulators).collect();
    let mut emulators = job::read_emulators()?;
    emulators.retain(|emulator| names.contains(&emulator.name));
    Ok(emulators)
}

async fn install_all(programs: &[(Client, Job)], emulators: &[Emulator], args: &Args) -> Result<()> {
    for emulator in emulators {
        print(&format!("emulator {} …", emulator.name));
        install::install(emulator.package(), &folder(&emulator_folder(emulator), args)?).await?;
    }
    for (program, _) in programs {
        print(&format!("{} …", program.title));
        install::install(program.package(), &out(program, args)?).await?;
    }
    Ok(())
}

/// Starts the emulators. Returns the names of those that are not installed within their budget too.
async fn start_emulators(emulators: &[Emulator], args: &Args) -> Result<(Emulators, BTreeSet<String>)> {
    let (mut running, mut missing) = (Emulators::default(), BTreeSet::new());
    for emulator in emulators {
        let out = folder(&emulator_folder(emulator), args)?;
        if let Some(installed) = install::install(emulator.package(), &out).await? {
            running.start(emulator, &out).await?;
            print(&format!("emulator {}: {}", emulator.name, installed.versions));
        } else {
            print(&format!("emulator {}: not installed within {} s", emulator.name, emulator.budget));
            missing.insert(emulator.name.clone());
        }
    }
    Ok((running, missing))
}

fn out(program: &Client, args: &Args) -> Result<std::path::PathBuf> {
    folder(&format!("programs/{}", program.language), args)
}

fn emulator_folder(emulator: &Emulator) -> String {
    format!("emulators/{}", emulator.name)
}

/// Compares the results with the committed ones of the same programs, or writes them; then does so for the page.
fn compare_or_update(found: &ProgramResults, update: bool) -> Result<bool> {
    let (committed, matches) = PROGRAMS.compare_or_update(found, update, print)?;
    let page = report::compare(PAGE, update, print, |page| {
        Ok((page.to_owned(), applications_page::render(&client::read_all("programs")?, &committed)))
    })?;
    Ok(matches && page)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn page_matches_the_committed_results() {
        assert!(compare_or_update(&ProgramResults::new(), false).unwrap());
    }

    #[test]
    fn every_program_has_results_and_known_emulators() {
        let results = PROGRAMS.read().unwrap();
        let emulators: Vec<_> =
            job::read_emulators().unwrap().into_iter().map(|emulator| emulator.name).collect();
        for program in client::read_all("programs").unwrap() {
            let job = program.job.expect(&program.name);
            assert!(results.contains_key(&program.name), "{}: no result in programs.yaml", program.name);
            for emulator in job.emulators {
                assert!(emulators.contains(&emulator), "{}: no emulator {emulator}", program.name);
            }
        }
    }
}
