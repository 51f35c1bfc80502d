//! A project in a folder of its own, and the binary run on it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicU32, Ordering};

static NEXT: AtomicU32 = AtomicU32::new(0);

/// A folder that goes when the test ends well.
#[derive(Debug)]
pub(crate) struct Project {
    pub(crate) dir: PathBuf,
}

impl Project {
    /// An empty folder.
    pub(crate) fn empty() -> Self {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let dir = std::env::temp_dir().join(format!("defacto-cli-{}-{number}", std::process::id()));
        fs::remove_dir_all(&dir).ok();
        fs::create_dir_all(&dir).unwrap();
        Self { dir }
    }

    /// A copy of an example.
    pub(crate) fn example(name: &str) -> Self {
        let project = Self::empty();
        for folder in ["entities", "sources", "schemas", "data", "normalizers", "functions"] {
            copy(&examples().join(name).join(folder), &project.dir.join(folder));
        }
        project
    }

    /// Writes a file below the folder.
    pub(crate) fn write(&self, path: &str, text: &str) -> PathBuf {
        let path = self.dir.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    /// A command on this project, without anything of the caller's environment that could change it, but for the dialect
    /// in which servers are spoken to: all must work in both.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_defacto"));
        command.current_dir(&self.dir).args(args);
        for (name, _) in std::env::vars_os() {
            let name = name.to_string_lossy().into_owned();
            if name.starts_with("DEFACTO_") && name != "DEFACTO_POSTGRES_PORTABLE" {
                command.env_remove(name);
            }
        }
        command
    }

    /// Runs to the end, whatever comes of it.
    pub(crate) fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    /// Runs and expects success; returns standard output.
    pub(crate) fn ok(&self, args: &[&str]) -> String {
        let output = self.run(args);
        assert!(output.status.success(), "{args:?}: {}\n{}", output.status, text(&output.stderr));
        text(&output.stdout)
    }

    /// Runs and expects an exit code; returns standard error.
    pub(crate) fn fails(&self, code: i32, args: &[&str]) -> String {
        let output = self.run(args);
        let stderr = text(&output.stderr);
        assert_eq!(
            output.status.code(),
            Some(code),
            "{args:?}: {stderr}\n{}",
            text(&output.stdout)
        );
        stderr
    }

    /// Ingests every file of `data/` under the source of its name.
    pub(crate) fn ingest(&self, more: &[&str]) {
        for (source, path) in self.data() {
            let mut args = vec!["ingest", source.as_str(), path.as_str()];
            args.extend(more);
            self.ok(&args);
        }
    }

    /// Source names and files of `data/`, sorted.
    pub(crate) fn data(&self) -> Vec<(String, String)> {
        let mut data: Vec<_> = fs::read_dir(self.dir.join("data"))
            .unwrap()
            .map(|entry| {
                let path = entry.unwrap().path();
                (
                    path.file_stem().unwrap().to_string_lossy().into_owned(),
                    path.to_string_lossy().into_owned(),
                )
            })
            .collect();
        data.sort();
        data
    }

    /// The figure of the whole history.
    pub(crate) fn fingerprint(&self) -> String {
        let line = self.ok(&["verify", "--fingerprint", "--format", "json"]);
        let value: serde_json::Value = serde_json::from_str(&line).unwrap();
        value["fingerprint"].as_str().unwrap().to_owned()
    }
}

impl Drop for Project {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            fs::remove_dir_all(&self.dir).ok();
        }
    }
}

/// Copies a folder, if there is one, without the sources of its normalizers.
fn copy(from: &Path, to: &Path) {
    let Ok(entries) = fs::read_dir(from) else { return };
    fs::create_dir_all(to).unwrap();
    for entry in entries {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if !entry.path().is_dir() {
            fs::copy(entry.path(), target).unwrap();
        } else if entry.file_name() != "src" {
            copy(&entry.path(), &target);
        }
    }
}

/// The folder of the examples.
pub(crate) fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../definitions-examples")
}

/// Bytes as text.
pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
