use clap::Args;
use defacto_componentize::World;

use super::calls;
use super::cases::{Case, shown};
use super::folder::Folder;
use crate::failure::{Failure, Kind, Outcome};
use crate::output::Output;
use crate::settings::Settings;

/// Options of `defacto normalizer check`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Module [default: the only one]
    name: Option<String>,
}

/// Runs every case twice, split, backwards, in fresh and in reused instances: results must agree.
pub(super) fn run(options: &Options, settings: &Settings) -> Outcome {
    let folder = Folder::find(options.name.as_deref(), settings)?;
    if folder.world == World::Functions {
        return calls::check(&folder, settings);
    }
    let module = folder.load(settings)?;
    let config = folder.file.config()?;
    let failed = |e: defacto_host::ModuleError| {
        Failure::new(Kind::Findings, format!("module `{}`: {e}", folder.name))
    };
    let described = module.describe(&config).map_err(failed)?;
    let cases = Case::all(&folder)?;
    let (mut records, mut wrong) = (0, 0);
    for case in &cases {
        let raw = case.records();
        records += raw.len();
        if let Some(found) = module.check(&config, &described.events, &raw).map_err(failed)? {
            wrong += 1;
            crate::say(&format!(
                "{}: record {} gives something else {}\n  first {}\n  then  {}\n",
                shown(&case.path),
                found.record + 1,
                found.way,
                found.first,
                found.other
            ));
        }
    }
    let json = serde_json::json!({
        "module": folder.name, "cases": cases.len(), "records": records, "wrong": wrong,
    });
    let summary = if wrong == 0 {
        format!("{} cases, {records} records: the same in every way\n", cases.len())
    } else {
        "a result depends on something else than the record; see `What a normalizer may do` in sdk/README.md\n".to_owned()
    };
    let mut output = Output::open(settings)?;
    output.object(&json, &summary)?;
    output.finish()?;
    if wrong > 0 { Err(Failure::findings()) } else { Ok(()) }
}
