//! `make applications`: runs the programs of `programs/` with each source, as both principals, and compares the results with
//! `programs.yaml` and `docs/src/applications.md`.

use rolebridge_tests::error::Result;

use crate::applications_page;
use crate::client::{self, Client};
use crate::emulators::Emulators;
use crate::environment::Environment;
use crate::install::{self, Installed, Missing};
use crate::job::{self, Job};
use crate::program_results::{PROGRAMS, PROGRAMS_LONGER, ProgramResult, ProgramResults};
use crate::report;
use crate::result_cell::ResultCell;
use crate::{Args, RUN_LIMIT, Which, print, run_cells};

const PAGE: &str = "docs/src/applications.md";

/// Runs the programs that the arguments select.
pub(crate) async fn run(args: &Args) -> Result<bool> {
    let programs = select(args)?;
    let emulators = job::needed_emulators(programs.iter().map(|(_, job)| job))?;
    if args.install {
        let programs = programs.iter().map(|(program, _)| program);
        return install::install_all(&emulators, programs, args).await;
    }
    let (running, missing_emulators) = Emulators::start_all(&emulators, &args.folder).await?;
    let mut environment = Environment::start(RUN_LIMIT, running).await?;
    let mut found = ProgramResults::new();
    let mut missing = Missing::new(args.until);
    for (program, job) in &programs {
        print(&format!("{} …", program.title));
        if job.needs(&missing_emulators) {
            missing.skip(program);
        } else if let Some(installed) = missing.install(program, &args.folder).await? {
            found.insert(program.name.clone(), result(&mut environment, program, &installed).await?);
        }
    }
    Ok(compare_or_update(&found, args.update)? & missing.report())
}

async fn result(
    environment: &mut Environment,
    program: &Client,
    installed: &Installed,
) -> Result<ProgramResult> {
    let wanted = ResultCell::of_program(program.job.as_ref().is_some_and(|job| job.metadata_host));
    let cells = run_cells(environment, program, installed, wanted).await?;
    Ok(ProgramResult::new(program, installed.versions.clone(), cells))
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

/// Compares the results with the committed ones of the same programs, or writes them; then does so for the page.
fn compare_or_update(found: &ProgramResults, update: bool) -> Result<bool> {
    let (_, matches) = PROGRAMS.compare_or_update(found, update, print)?;
    Ok(compare_or_update_page(update)? && matches)
}

/// Compares the page with the committed results, or writes it.
pub(crate) fn compare_or_update_page(update: bool) -> Result<bool> {
    let (results, longer) = (PROGRAMS.read()?, PROGRAMS_LONGER.read()?);
    report::compare(PAGE, update, print, |page| {
        Ok((page.to_owned(), applications_page::render(&client::read_all("programs")?, &results, &longer)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn page_matches_the_committed_results() {
        let update = std::env::var_os("UPDATE").is_some();
        assert!(compare_or_update_page(update).unwrap(), "{PAGE} differs; UPDATE=1 rewrites it");
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

    #[test]
    fn tables_have_at_least_25_programs_and_18_libraries() {
        let count = |kind| client::read_all(kind).unwrap().len();
        assert!(count("programs") >= 25 && count("clients") >= 18);
    }
}
