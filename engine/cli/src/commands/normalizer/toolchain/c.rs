use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{ask, run};
use crate::failure::{Failure, Outcome};

const MISSING: &str = "on Debian: apt-get install clang-19 lld-19 libclang-rt-19-dev-wasm32 wasi-libc; \
                       elsewhere install the WASI SDK and set WASI_SDK_PATH";
/// Versions of clang that are looked for, newest first, before plain `clang`.
const VERSIONS: std::ops::RangeInclusive<u32> = 14..=24;

/// Compiles every C file of the source and of its `bindings/`.
pub(super) fn compile(source: &Path, out: &Path) -> Outcome {
    let mut clang = compiler()?;
    clang
        .current_dir(source)
        .args(["--target=wasm32-wasi", "-O2", "-Wall", "-Wextra", "-mexec-model=reactor"])
        .args(["-Wl,--strip-all", "-I."]);
    clang.args(files(source)?).arg("-o").arg(out);
    run(&mut clang, MISSING)
}

fn compiler() -> Outcome<Command> {
    if let Some(sdk) = std::env::var_os("WASI_SDK_PATH") {
        return Ok(Command::new(Path::new(&sdk).join("bin/clang")));
    }
    let numbered = VERSIONS.rev().map(|version| format!("-{version}"));
    for suffix in numbered.chain([String::new()]) {
        let mut version = Command::new(format!("clang{suffix}"));
        if ask(version.arg("--version")).is_none() {
            continue;
        }
        // The linker of the same version; without one, another clang may be whole.
        let Some(linker) = on_path(&format!("wasm-ld{suffix}")) else { continue };
        let mut clang = Command::new(format!("clang{suffix}"));
        clang.arg(format!("-fuse-ld={}", linker.display()));
        return Ok(clang);
    }
    Err(Failure::usage("clang with wasm-ld is missing").with_help(MISSING))
}

fn on_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file())
}

fn files(source: &Path) -> Outcome<Vec<PathBuf>> {
    let mut found = Vec::new();
    for folder in ["", "bindings"] {
        let entries = fs::read_dir(source.join(folder)).into_iter().flatten().flatten();
        let names = entries.map(|entry| Path::new(folder).join(entry.file_name()));
        found.extend(names.filter(|name| name.extension().is_some_and(|suffix| suffix == "c")));
    }
    found.sort();
    if found.is_empty() {
        return Err(Failure::usage(format!("there is no C file in {}", source.display())));
    }
    Ok(found)
}
