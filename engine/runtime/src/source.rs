//! Where definitions come from: a folder, one file, or text in memory.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use defacto_compiler::{Analysis, Input, Outcome, SourceFile, analyze_with, compile_with};

use crate::Error;
use crate::project_modules::{Places, ProjectModules};

/// Definitions before compilation.
#[derive(Debug, Clone)]
pub enum Source {
    /// Files of the folder form, with paths relative to the project.
    Files {
        /// The files.
        files: Vec<SourceFile>,
        /// The project's folder, where its modules are.
        project: PathBuf,
    },
    /// One YAML or JSON document; the name is what messages show.
    Document {
        /// Name.
        name: String,
        /// Text.
        text: String,
        /// Folder of the file, where its modules are.
        project: Option<PathBuf>,
    },
}

/// Folders of modules in a project. Copies of both are in one folder of the state.
const NORMALIZERS: &str = "normalizers";
pub(crate) const FUNCTIONS: &str = "functions";
const FOLDERS: [&str; 5] = ["entities", "sources", "schemas", "events", FUNCTIONS];

impl Source {
    /// Reads a project folder, or one file that holds everything.
    ///
    /// # Errors
    ///
    /// [`Error::Project`] when the path does not exist, holds no definitions or cannot be read.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let metadata = fs::metadata(path).map_err(|e| unreadable(path, &e))?;
        if metadata.is_file() {
            let text = read_text(path)?;
            let project = path.parent().map(Path::to_owned);
            return Ok(Self::Document { name: path.display().to_string(), text, project });
        }
        let mut files = Vec::new();
        let mut any_folder = false;
        for folder in FOLDERS {
            let Some(below) = definition_files(path, folder)? else { continue };
            any_folder |= folder != "events" && folder != FUNCTIONS;
            files.extend(below);
        }
        if !any_folder {
            return Err(Error::Project {
                path: path.to_owned(),
                message: "it holds none of the folders entities/, sources/ and schemas/".to_owned(),
            });
        }
        Ok(Self::Files { files, project: path.to_owned() })
    }

    /// Definitions in memory: one YAML or JSON document; the name is what messages show.
    pub fn text(name: impl Into<String>, text: impl Into<String>) -> Self {
        Self::Document { name: name.into(), text: text.into(), project: None }
    }

    /// Compiles the definitions with the project's modules. `state` is the engine's state folder, where those of
    /// registered versions are kept.
    ///
    /// # Errors
    ///
    /// [`Error::Emit`] when the compiler is damaged. Mistakes are in the outcome.
    pub fn compile(&self, state: Option<&Path>) -> Result<Outcome, Error> {
        compile_with(&self.input(), &self.modules(state)).map_err(Error::Emit)
    }

    /// Reads and checks the definitions with the project's modules.
    pub fn analyze(&self, state: Option<&Path>) -> Analysis {
        analyze_with(&self.input(), &self.modules(state))
    }

    pub(crate) fn modules(&self, state: Option<&Path>) -> ProjectModules {
        let project = match self {
            Self::Files { project, .. } => Some(project),
            Self::Document { project, .. } => project.as_ref(),
        };
        ProjectModules::new(Places {
            normalizers: project.map(|folder| folder.join(NORMALIZERS)),
            functions: project.map(|folder| folder.join(FUNCTIONS)),
            kept: state.map(|state| state.join(NORMALIZERS)),
            cache: state.map(|state| state.join("modules")),
        })
    }

    /// The same, as the compiler takes it.
    pub fn input(&self) -> Input<'_> {
        match self {
            Self::Files { files, .. } => Input::Files(files),
            Self::Document { name, text, .. } => Input::Document { name, text },
        }
    }
}

/// The definition files of a folder of the project; `None` where it has no such folder.
pub(crate) fn definition_files(
    project: &Path,
    folder: &str,
) -> Result<Option<Vec<SourceFile>>, Error> {
    let below = project.join(folder);
    if !below.is_dir() {
        return Ok(None);
    }
    let mut files = Vec::new();
    for entry in fs::read_dir(&below).map_err(|e| unreadable(&below, &e))? {
        let path = entry.map_err(|e| unreadable(&below, &e))?.path();
        let yaml = matches!(path.extension().and_then(|e| e.to_str()), Some("yaml" | "yml"));
        if yaml && path.is_file() {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            files.push(SourceFile { path: format!("{folder}/{name}"), text: read_text(&path)? });
        }
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(Some(files))
}

fn read_text(path: &Path) -> Result<String, Error> {
    let bytes = fs::read(path).map_err(|e| unreadable(path, &e))?;
    String::from_utf8(bytes).map_err(|error| {
        let good = error.utf8_error().valid_up_to();
        let before = error.as_bytes().get(..good).unwrap_or_default();
        let line = before.iter().filter(|&&byte| byte == b'\n').count() + 1;
        Error::Encoding { path: path.to_owned(), line }
    })
}

fn unreadable(path: &Path, error: &io::Error) -> Error {
    Error::Project { path: path.to_owned(), message: error.to_string() }
}
