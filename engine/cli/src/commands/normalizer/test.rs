use std::fs;

use clap::Args;
use defacto_componentize::World;

use super::calls;
use super::cases::{Case, line, shown};
use super::folder::Folder;
use crate::failure::{Failure, Kind, Outcome};
use crate::output::Output;
use crate::project;
use crate::settings::Settings;

/// Options of `defacto normalizer test`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Module [default: the only one]
    name: Option<String>,
    /// Write what the module makes now as what is expected of it
    #[arg(long)]
    update: bool,
}

/// Differences that are told of one case.
const TOLD_MAX: usize = 5;

/// Runs every case of the module in the engine's own host.
pub(super) fn run(options: &Options, settings: &Settings) -> Outcome {
    let folder = Folder::find(options.name.as_deref(), settings)?;
    if folder.world == World::Functions {
        return calls::test(&folder, options.update, settings);
    }
    let module = folder.load(settings)?;
    let config = folder.file.config()?;
    let described = module
        .describe(&config)
        .map_err(|e| Failure::new(Kind::Findings, format!("module `{}`: {e}", folder.name)))?;
    let cases = Case::all(&folder)?;
    let (mut records, mut wrong) = (0, 0);
    for case in &cases {
        let raw = case.records();
        let made = module
            .normalize(&config, &described.events, &raw)
            .map_err(|e| project::engine_failure(e.into()))?;
        let got: Vec<String> = made.iter().map(|made| line(made, &described.events)).collect();
        records += got.len();
        let whole: String = got.iter().map(|line| format!("{line}\n")).collect();
        if options.update {
            fs::write(&case.expected, whole)
                .map_err(|e| Failure::storage(format!("write {}: {e}", case.expected.display())))?;
            continue;
        }
        let expected = fs::read_to_string(&case.expected).map_err(|e| {
            Failure::usage(format!("read {}: {e}", case.expected.display()))
                .with_help("write it, or let --update write what the module makes now and read it")
        })?;
        if expected != whole {
            wrong += 1;
            tell(case, &expected, &got);
        }
    }
    let json = serde_json::json!({
        "module": folder.name, "cases": cases.len(), "records": records, "wrong": wrong,
    });
    let summary = match (options.update, wrong) {
        (true, _) => format!("wrote what is expected of {} cases\n", cases.len()),
        (false, 0) => format!("{} cases, {records} records: as expected\n", cases.len()),
        (false, wrong) => format!("{wrong} of {} cases differ\n", cases.len()),
    };
    let mut output = Output::open(settings)?;
    output.object(&json, &summary)?;
    output.finish()?;
    if wrong > 0 { Err(Failure::findings()) } else { Ok(()) }
}

fn tell(case: &Case, expected: &str, got: &[String]) {
    let name = shown(&case.path);
    let expected: Vec<&str> = expected.lines().collect();
    let most = expected.len().max(got.len());
    let mut told = 0;
    for at in 0..most {
        let (want, have) = (expected.get(at).copied(), got.get(at).map(String::as_str));
        if want == have {
            continue;
        }
        told += 1;
        if told > TOLD_MAX {
            crate::say(&format!("{name}: and more\n"));
            return;
        }
        let nothing = "nothing";
        crate::say(&format!(
            "{name}: record {}\n  expected {}\n  got      {}\n",
            at + 1,
            want.unwrap_or(nothing),
            have.unwrap_or(nothing)
        ));
    }
}
