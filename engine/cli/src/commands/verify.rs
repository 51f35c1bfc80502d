use clap::Args;

use crate::failure::{Failure, Kind, Outcome};
use crate::output::Output;
use crate::project;
use crate::settings::Settings;

/// Options of `defacto verify`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Print the SHA-256 over all history, relationship, identity and merge rows
    #[arg(long)]
    fingerprint: bool,
    /// Make everything anew in a temporary copy of the database and compare
    #[arg(long, conflicts_with = "fingerprint")]
    rebuild: bool,
}

/// Checks the history's shape, prints its fingerprint, or compares it with a rebuild.
pub(crate) async fn run(options: &Options, settings: &Settings) -> Outcome {
    let engine = project::open(settings).await.map_err(found)?;
    let mut output = Output::open(settings)?;
    if options.fingerprint {
        let figure = engine.fingerprint().await.map_err(failed)?;
        output.object(&serde_json::json!({ "fingerprint": figure }), &format!("{figure}\n"))?;
        return output.finish();
    }
    if options.rebuild {
        let compared = engine.compare_with_rebuild().await.map_err(failed)?;
        let mut text = String::new();
        for table in compared.tables.iter().filter(|table| !table.equal) {
            text += &format!(
                "{}: {} rows stored, {} rebuilt, not the same\n",
                table.table, table.stored_rows, table.rebuilt_rows
            );
        }
        if compared.equal && !settings.quiet {
            text += &format!("a rebuild gives the same history: {}\n", compared.rebuilt);
        }
        output.object(&serde_json::to_value(&compared).unwrap_or_default(), &text)?;
        output.finish()?;
        return if compared.equal { Ok(()) } else { Err(Failure::findings()) };
    }
    let found = engine.verify().await.map_err(failed)?;
    let mut text = String::new();
    for finding in &found.findings {
        let entity = finding.entity_id.map_or(String::new(), |id| format!(" {id}"));
        text +=
            &format!("{}: {}{entity}: {}\n", finding.check, finding.entity_type, finding.message);
    }
    let listed = u64::try_from(found.findings.len()).unwrap_or(u64::MAX);
    if found.failed > listed {
        text += &format!("{} more\n", found.failed - listed);
    }
    if !settings.quiet && found.findings.is_empty() {
        text += &format!("{} rows are sound\n", found.rows);
    }
    output.object(&serde_json::to_value(&found).unwrap_or_default(), &text)?;
    output.finish()?;
    if found.findings.is_empty() { Ok(()) } else { Err(Failure::findings()) }
}

fn failed(error: defacto_engine::Error) -> Failure {
    found(project::engine_failure(error))
}

/// Damage that keeps the checks from being made is what they were to find.
fn found(failure: Failure) -> Failure {
    let kind = if failure.kind == Kind::Damaged { Kind::Findings } else { failure.kind };
    Failure { kind, ..failure }
}
