use std::fs;
use std::path::PathBuf;

use clap::Args;

use crate::failure::{Failure, Outcome};
use crate::settings::Settings;

/// Options of `defacto init`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Folder of the new project [default: the project folder]
    dir: Option<PathBuf>,
}

const FILES: &[(&str, &str)] = &[
    ("entities/customer.yaml", include_str!("init/customer.yaml")),
    ("sources/app.yaml", include_str!("init/app.yaml")),
    ("data/app.jsonl", include_str!("init/app.jsonl")),
    ("defacto.toml", include_str!("init/defacto.toml")),
    (".gitignore", ".defacto/\n"),
];

/// Writes a small project that works at once; never overwrites a file.
pub(crate) fn run(options: &Options, settings: &Settings) -> Outcome {
    let dir = options.dir.clone().unwrap_or_else(|| settings.project.clone());
    if let Some((name, _)) =
        FILES.iter().find(|(name, _)| *name != ".gitignore" && dir.join(name).exists())
    {
        return Err(Failure::usage(format!("{} exists already", dir.join(name).display()))
            .with_help("choose an empty folder: defacto init NEW_DIR"));
    }
    for (name, text) in FILES {
        let path = dir.join(name);
        if path.exists() {
            continue;
        }
        let written =
            path.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| fs::write(&path, text));
        written.map_err(|e| {
            Failure::storage(format!("write {}: {e}", path.display()))
                .with_help("choose a folder that may be written")
        })?;
    }
    if !settings.quiet {
        let shown = dir.display();
        crate::say(&format!(
            "Created a project in {shown}. Try it:\n\n  \
             defacto --project {shown} validate\n  \
             defacto --project {shown} ingest app {shown}/data/app.jsonl\n  \
             defacto --project {shown} build\n  \
             defacto --project {shown} history customer\n"
        ));
    }
    Ok(())
}
