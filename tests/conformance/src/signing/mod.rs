//! `make signing`: runs the programs of `signing/`, which sign URLs or call a service with an ID token, with each source, as both
//! principals. Compares the results with `signing.yaml` and `docs/src/signing.md`.

mod page;

use rolebridge_tests::error::Result;
use serde::Deserialize;

use crate::client::{self, Client};
use crate::emulators::Emulators;
use crate::environment::Environment;
use crate::install::{self, Missing};
use crate::program_results::{ProgramResult, ProgramResults, SIGNING};
use crate::report;
use crate::result_cell::ResultCell;
use crate::{Args, RUN_LIMIT, Which, print, run_cells};

const PAGE: &str = "docs/src/signing.md";

/// A program's part of the page.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Signing {
    /// The file of the program, in its folder. The page shows its lines.
    pub(crate) code: String,
    /// The annotation `rolebridge.io/outputs` of the pod.
    #[serde(default)]
    pub(crate) outputs: Option<String>,
    /// True if the program itself impersonates the account first. It then works with direct access too, because the account here
    /// lets the pod's principal impersonate it.
    #[serde(default)]
    pub(crate) impersonates: bool,
    /// True if the pod's account may issue ID tokens as itself.
    #[serde(default)]
    pub(crate) issues: bool,
    /// True if CI runs it.
    pub(crate) in_ci: bool,
}

/// Runs the programs that the arguments select.
pub(crate) async fn run(args: &Args) -> Result<bool> {
    let programs = select(args)?;
    if args.install {
        return install::install_all(&[], &programs, args).await;
    }
    let mut environment = Environment::start(RUN_LIMIT, Emulators::default()).await?;
    let (mut found, mut missing) = (ProgramResults::new(), Missing::new(args.until));
    for program in &programs {
        print(&format!("{} …", program.title));
        let Some(installed) = missing.install(program, &args.folder).await? else { continue };
        let cells = run_cells(&mut environment, program, &installed, ResultCell::of_program(false)).await?;
        found.insert(program.name.clone(), ProgramResult::new(program, installed.versions, cells));
    }
    Ok(compare_or_update(&found, args.update)? & missing.report())
}

/// Returns the programs to run, and prints the names of the others.
fn select(args: &Args) -> Result<Vec<Client>> {
    let is_selected = |program: &Client| {
        let is_in_ci = program.signing.as_ref().is_some_and(|signing| signing.in_ci);
        let is_named = args.only.as_ref().is_none_or(|part| program.name.contains(part));
        !program.is_omitted() && is_named && (args.signing != Some(Which::Ci) || is_in_ci)
    };
    let (selected, others): (Vec<_>, Vec<_>) =
        client::read_all("signing")?.into_iter().partition(is_selected);
    if !others.is_empty() {
        let names: Vec<_> = others.iter().map(|program| &*program.title).collect();
        let names = names.join("; ");
        print(&format!("Not run here (`make signing` does, where they can be installed): {names}."));
    }
    Ok(selected)
}

/// Compares the results with the committed ones of the same programs, or writes them; then does so for the page.
fn compare_or_update(found: &ProgramResults, update: bool) -> Result<bool> {
    let (committed, matches) = SIGNING.compare_or_update(found, update, print)?;
    let page = report::compare(PAGE, update, print, |page| {
        Ok((page.to_owned(), page::render(&client::read_all("signing")?, &committed)?))
    })?;
    Ok(matches && page)
}

#[cfg(test)]
mod tests {
    use rolebridge_core::token_source::TokenSource;

    use super::*;
    use crate::client::Reads;
    use crate::result_cell::Access;

    #[test]
    fn page_matches_the_programs_and_their_committed_results() {
        let update = std::env::var_os("UPDATE").is_some();
        assert!(compare_or_update(&ProgramResults::new(), update).unwrap());
    }

    #[test]
    fn every_program_has_results_and_code() {
        let results = SIGNING.read().unwrap();
        for program in client::read_all("signing").unwrap() {
            let signing = program.signing.expect(&program.name);
            assert!(program.here.join(&signing.code).exists(), "{}: no file {}", program.name, signing.code);
            assert!(results.contains_key(&program.name), "{}: no result in signing.yaml", program.name);
            let kinds = [Reads::SignedUrl, Reads::Service, Reads::Application];
            assert!(kinds.contains(&program.reads), "{}", program.name);
        }
    }

    /// With direct access there is no key and no email address. A library that succeeded would have found another identity, unless
    /// it impersonates the account itself. Even that needs a source that it reads: some do not read `file`.
    #[test]
    fn direct_access_works_only_for_programs_that_impersonate() {
        let results = SIGNING.read().unwrap();
        for program in client::read_all("signing").unwrap() {
            let impersonates = program.signing.expect(&program.name).impersonates;
            let works = |cell| results[&program.name].cell(cell) == Some("yes");
            for cell in ResultCell::of_program(false).into_iter().filter(|cell| cell.access == Access::Direct)
            {
                let can_read = cell.source != TokenSource::File.as_str()
                    || works(ResultCell { access: Access::Impersonated, ..cell });
                assert_eq!(works(cell), impersonates && can_read, "{}: {cell}", program.name);
            }
        }
    }
}
