use std::fs;

use clap::Args;
use defacto_componentize::World;

use super::language::Language;
use super::{folder, template};
use crate::failure::{Failure, Outcome};
use crate::settings::Settings;

/// Options of `defacto normalizer new`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Language of the module
    #[arg(long, value_name = "LANGUAGE")]
    lang: Language,
    /// Start a module of functions for expressions, not a normalizer
    #[arg(long)]
    functions: bool,
    /// Name of the module: lower-case letters, digits and `_`
    name: String,
}

/// Longest name of anything in definitions.
const NAME_BYTES_MAX: usize = 63;

/// Writes a module that builds and passes its tests; never overwrites a file.
pub(super) fn run(options: &Options, settings: &Settings) -> Outcome {
    let Options { lang, functions, name } = options;
    let world = if *functions { World::Functions } else { World::Normalizer };
    if *functions && *lang != Language::Rust {
        return Err(Failure::usage(format!("there is no template for functions in {}", lang.name()))
            .with_help(
                "use --lang rust; a module of the world `functions` that another toolchain has made is wrapped by \
                 `defacto normalizer build NAME --functions --module FILE`",
            ));
    }
    let good = name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
        && name.len() <= NAME_BYTES_MAX;
    // The folder of the sources has this name.
    if !good || name == "src" {
        return Err(Failure::usage(format!("'{name}' is no name for a module")).with_help(
            "use a lower-case letter, then lower-case letters, digits and _, at most 63, and not `src`",
        ));
    }
    let path = folder::modules(world, settings).join("src").join(name);
    if path.exists() {
        return Err(Failure::usage(format!("{} exists already", path.display()))
            .with_help("choose another name"));
    }
    for (file, text) in template::files(*lang, world) {
        let place = path.join(file);
        let text = text.replace(template::name(world), name);
        let written = place
            .parent()
            .map_or(Ok(()), fs::create_dir_all)
            .and_then(|()| fs::write(&place, text));
        written.map_err(|e| {
            Failure::storage(format!("write {}: {e}", place.display()))
                .with_help("choose a folder that may be written")
        })?;
    }
    if !settings.quiet {
        let shown = path.display();
        let prepare = match lang {
            Language::Javascript | Language::Assemblyscript => {
                format!("  npm install --prefix {shown}\n")
            }
            _ => String::new(),
        };
        crate::say(&format!(
            "Created a module in {} in {shown}. Try it:\n\n{prepare}  \
             defacto normalizer build {name}\n  \
             defacto normalizer test {name}\n\n\
             {shown}/README.md says what is where.\n",
            lang.name()
        ));
    }
    Ok(())
}
