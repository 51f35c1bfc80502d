//! Modules of a project: `normalizers/NAME.wasm` and `functions/NAME.wasm`, with tables in the folder `NAME/` beside each. A
//! copy of each that definitions use is kept with the engine's state, so that older versions of the definitions still run.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use defacto_compiler::{DescribeError, Described, NormalizerDef, UserModules};
use defacto_host::{
    CompiledDefinitions, Functions, HostOptions, Limits, ModuleError, ModuleHost, Normalizer,
    Tables,
};
use defacto_model::{FunctionsDescription, Manifest};
use sha2::{Digest, Sha256};

use crate::Error;

/// Where modules are.
#[derive(Debug, Clone, Default)]
pub(crate) struct Places {
    /// The project's folder `normalizers`.
    pub(crate) normalizers: Option<PathBuf>,
    /// The project's folder `functions`.
    pub(crate) functions: Option<PathBuf>,
    /// The engine's copies, a folder for each digest.
    pub(crate) kept: Option<PathBuf>,
    /// Machine code.
    pub(crate) cache: Option<PathBuf>,
}

/// The modules that definitions name, each loaded once.
#[derive(Debug, Default)]
pub(crate) struct ProjectModules {
    places: Places,
    host: OnceLock<ModuleHost>,
    loaded: Mutex<BTreeMap<Key, Arc<Normalizer>>>,
    /// By name and digest: definitions give each one set of limits.
    functions: Mutex<BTreeMap<(String, String), Arc<Functions>>>,
}

/// Digest and limits: the same module under other limits may give other results.
type Key = (String, Vec<(String, u64)>);

/// Bytes of a module and of its tables by file name.
#[derive(Debug)]
struct Files {
    module: Vec<u8>,
    tables: BTreeMap<String, Vec<u8>>,
}

const MODULE_FILE: &str = "module.wasm";
const MIB: u64 = 1 << 20;

impl ProjectModules {
    pub(crate) fn new(places: Places) -> Self {
        Self { places, ..Self::default() }
    }

    /// Gives compiled definitions the modules that their sources name, and keeps copies.
    pub(crate) fn attach(&self, definitions: &mut CompiledDefinitions) -> Result<(), Error> {
        let manifest: Manifest = defacto_ports::Machines::manifest(definitions).clone();
        for source in &manifest.sources {
            let Some(module) = &source.normalizer else { continue };
            let key = (module.digest.clone(), module.limits.clone());
            let loaded = self.lock().get(&key).cloned();
            let loaded = loaded.ok_or_else(|| Error::Project {
                path: PathBuf::from("normalizers").join(&module.name),
                message: "the module has changed while it was read".to_owned(),
            })?;
            definitions.attach(&source.name, loaded);
            keep(&self.places.normalizers, &self.places.kept, &module.name, &module.digest)?;
        }
        for function in &manifest.functions {
            let key = (function.module.clone(), function.digest.clone());
            let loaded = self.loaded_functions().get(&key).cloned();
            let loaded = loaded.ok_or_else(|| Error::Project {
                path: PathBuf::from("functions").join(&function.module),
                message: "the module has changed while it was read".to_owned(),
            })?;
            definitions.attach_functions(&loaded);
            keep(&self.places.functions, &self.places.kept, &function.module, &function.digest)?;
        }
        Ok(())
    }

    fn loaded_functions(
        &self,
    ) -> std::sync::MutexGuard<'_, BTreeMap<(String, String), Arc<Functions>>> {
        self.functions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<Key, Arc<Normalizer>>> {
        self.loaded.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The files of a module in a folder of the project, or of its copy where a digest is wanted that the project has not.
    fn find(
        &self,
        project: Option<&PathBuf>,
        name: &str,
        wanted: Option<&str>,
    ) -> Result<(Files, String), DescribeError> {
        let broken = |e: io::Error| DescribeError::Broken(e.to_string());
        if let Some(folder) = project
            && let Some(files) =
                read(&folder.join(format!("{name}.wasm")), &folder.join(name)).map_err(broken)?
        {
            let digest = files.digest();
            if wanted.is_none_or(|wanted| wanted == digest) {
                return Ok((files, digest));
            }
        }
        let Some(wanted) = wanted else { return Err(DescribeError::Unknown) };
        let Some(kept) = &self.places.kept else { return Err(DescribeError::Missing) };
        let folder = kept.join(wanted);
        match read(&folder.join(MODULE_FILE), &folder.join("tables")).map_err(broken)? {
            Some(files) if files.digest() == wanted => Ok((files, wanted.to_owned())),
            _ => Err(DescribeError::Missing),
        }
    }

    fn load(
        &self,
        module: &NormalizerDef,
        files: &Files,
        digest: &str,
    ) -> Result<Arc<Normalizer>, String> {
        let limits = module.limits.iter().map(|(name, value)| ((*name).to_owned(), *value));
        let key = (digest.to_owned(), limits.collect());
        if let Some(known) = self.lock().get(&key) {
            return Ok(Arc::clone(known));
        }
        let host = self.host().map_err(|e| e.to_string())?;
        let tables = tables(&files.tables)?;
        let limits = limits_of(&module.limits, host.limits());
        let loaded = host
            .load(&module.name.value, &files.module, tables, limits)
            .map_err(|e| e.to_string())?;
        let loaded = Arc::new(loaded);
        self.lock().insert(key, Arc::clone(&loaded));
        Ok(loaded)
    }

    fn host(&self) -> Result<&ModuleHost, ModuleError> {
        if let Some(host) = self.host.get() {
            return Ok(host);
        }
        let cache = self.places.cache.clone();
        let host = ModuleHost::new(HostOptions { cache, ..HostOptions::default() })?;
        Ok(self.host.get_or_init(|| host))
    }
}

/// Copies a module of the project to the state, under its digest.
fn keep(
    project: &Option<PathBuf>,
    kept: &Option<PathBuf>,
    name: &str,
    digest: &str,
) -> Result<(), Error> {
    let (Some(project), Some(kept)) = (project, kept) else {
        return Ok(());
    };
    let folder = kept.join(digest);
    if folder.is_dir() {
        return Ok(());
    }
    let failed = |e: io::Error| Error::Project { path: folder.clone(), message: e.to_string() };
    let files = read(&project.join(format!("{name}.wasm")), &project.join(name));
    let Some(files) = files.map_err(failed)? else { return Ok(()) };
    if files.digest() != digest {
        return Ok(());
    }
    // Written under another name first: the folder is whole, or it is not there.
    let part = kept.join(format!("{digest}.part-{}", std::process::id()));
    let write = || -> io::Result<()> {
        fs::create_dir_all(part.join("tables"))?;
        fs::write(part.join(MODULE_FILE), &files.module)?;
        for (name, bytes) in &files.tables {
            fs::write(part.join("tables").join(name), bytes)?;
        }
        match fs::rename(&part, &folder) {
            // Another process was faster.
            Err(_) if folder.is_dir() => fs::remove_dir_all(&part),
            renamed => renamed,
        }
    };
    write().map_err(failed)
}

impl UserModules for ProjectModules {
    fn names(&self) -> Vec<String> {
        let Some(folder) = &self.places.normalizers else { return Vec::new() };
        let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
        let name = |entry: io::Result<fs::DirEntry>| {
            let path = entry.ok()?.path();
            let module = path.extension().is_some_and(|suffix| suffix == "wasm");
            module.then(|| path.file_stem()?.to_str().map(str::to_owned)).flatten()
        };
        let mut names: Vec<String> = entries.filter_map(name).collect();
        names.sort();
        names
    }

    fn describe(&self, module: &NormalizerDef) -> Result<Described, DescribeError> {
        let (name, wanted) = (&module.name.value, module.digest.as_deref());
        let (files, digest) = self.find(self.places.normalizers.as_ref(), name, wanted)?;
        let loaded = self.load(module, &files, &digest).map_err(DescribeError::Broken)?;
        match loaded.describe(&module.config_text()) {
            Ok(description) => Ok(Described { digest, description }),
            Err(ModuleError::Configuration { message }) => {
                Err(DescribeError::Configuration(message))
            }
            Err(error) => Err(DescribeError::Broken(error.to_string())),
        }
    }

    fn functions(
        &self,
        name: &str,
        wanted: Option<&str>,
        limits: &[(&'static str, u64)],
    ) -> Result<(String, FunctionsDescription), DescribeError> {
        let (files, digest) = self.find(self.places.functions.as_ref(), name, wanted)?;
        let key = (name.to_owned(), digest.clone());
        let known = self.loaded_functions().get(&key).cloned();
        let loaded = match known {
            Some(known) => known,
            None => {
                let host = self.host().map_err(|e| DescribeError::Broken(e.to_string()))?;
                let tables = tables(&files.tables).map_err(DescribeError::Broken)?;
                let loaded = host
                    .load_functions(name, &files.module, tables, limits_of(limits, host.limits()))
                    .map_err(|e| DescribeError::Broken(e.to_string()))?;
                let loaded = Arc::new(loaded);
                self.loaded_functions().insert(key, Arc::clone(&loaded));
                loaded
            }
        };
        Ok((digest, loaded.description().clone()))
    }
}

/// The limits of a module: the defaults, and what the definitions set.
fn limits_of(given: &[(&'static str, u64)], default: &Limits) -> Limits {
    let limit = |name: &str| given.iter().find(|(known, _)| *known == name).map(|(_, it)| *it);
    let size = |mib: u64| usize::try_from(mib.saturating_mul(MIB)).unwrap_or(usize::MAX);
    let mut limits = *default;
    if let Some(fuel) = limit("fuel") {
        limits.fuel_per_row = fuel;
    }
    if let Some(mib) = limit("memory_mb") {
        limits.memory_bytes = size(mib);
    }
    if let Some(mib) = limit("output_mb") {
        limits.output_bytes = size(mib);
    }
    if let Some(ms) = limit("timeout_ms") {
        limits.deadline_ms = ms;
    }
    limits
}

impl Files {
    /// SHA-256 of the module; with tables, of its digest and theirs by name.
    fn digest(&self) -> String {
        let own = Sha256::digest(&self.module);
        if self.tables.is_empty() {
            return hex::encode(own);
        }
        let mut all = Sha256::new();
        all.update(own);
        for (name, bytes) in &self.tables {
            all.update(Sha256::digest(name.as_bytes()));
            all.update(Sha256::digest(bytes));
        }
        hex::encode(all.finalize())
    }
}

/// A module and its tables; `None` when there is no such file.
fn read(module: &Path, tables: &Path) -> io::Result<Option<Files>> {
    let module = match fs::read(module) {
        Ok(bytes) => bytes,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(e),
    };
    Ok(Some(Files { module, tables: table_files(tables)? }))
}

/// The bytes of each table in a folder, by the name of its file; none when there is no such folder.
fn table_files(folder: &Path) -> io::Result<BTreeMap<String, Vec<u8>>> {
    let mut files = BTreeMap::new();
    if folder.is_dir() {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            let table = matches!(path.extension().and_then(|e| e.to_str()), Some("csv" | "json"));
            if let Some(name) = path.file_name().and_then(|name| name.to_str())
                && table
                && path.is_file()
            {
                files.insert(name.to_owned(), fs::read(&path)?);
            }
        }
    }
    Ok(files)
}

/// The tables that a project gives with a module: the files in the folder `NAME/` beside it, by table and key.
///
/// # Errors
///
/// [`Error::Project`] when one cannot be read.
pub fn module_tables(folder: &Path) -> Result<Tables, Error> {
    let failed = |message: String| Error::Project { path: folder.to_owned(), message };
    tables(&table_files(folder).map_err(|e| failed(e.to_string()))?).map_err(failed)
}

/// Reads tables as `wit/engine@0.1.0/normalizer.wit` says.
fn tables(files: &BTreeMap<String, Vec<u8>>) -> Result<Tables, String> {
    let mut tables = Tables::new();
    for (file, bytes) in files {
        let wrong = |why: String| format!("table `{file}`: {why}");
        let text = str::from_utf8(bytes).map_err(|e| wrong(e.to_string()))?;
        let (name, entries) = match file.rsplit_once('.') {
            Some((name, "csv")) => (name, csv_entries(text).map_err(wrong)?),
            Some((name, _)) => (name, json_entries(text).map_err(wrong)?),
            None => continue,
        };
        if tables.insert(name.to_owned(), entries).is_some() {
            return Err(format!("two tables are named `{name}`"));
        }
    }
    Ok(tables)
}

fn csv_entries(text: &str) -> Result<BTreeMap<String, String>, String> {
    let mut reader = csv::ReaderBuilder::new().flexible(false).from_reader(text.as_bytes());
    let header = reader.headers().map_err(|e| e.to_string())?.clone();
    if header.len() < 2 {
        return Err("it needs a key and at least one more column".to_owned());
    }
    let mut entries = BTreeMap::new();
    for row in reader.records() {
        let row = row.map_err(|e| e.to_string())?;
        let key = row.get(0).unwrap_or_default().to_owned();
        let value = if header.len() == 2 {
            row.get(1).unwrap_or_default().to_owned()
        } else {
            let columns = header.iter().zip(&row).skip(1);
            let columns = columns.map(|(name, text)| (name.to_owned(), text.into()));
            serde_json::Value::Object(columns.collect()).to_string()
        };
        if entries.insert(key.clone(), value).is_some() {
            let line = row.position().map_or(0, csv::Position::line);
            return Err(format!("line {line}: the key `{key}` stands twice"));
        }
    }
    Ok(entries)
}

fn json_entries(text: &str) -> Result<BTreeMap<String, String>, String> {
    // Refuses repeated keys, which a table cannot mean.
    match defacto_json::parse(text).map_err(|e| e.to_string())? {
        defacto_model::Value::Object(entries) => Ok(entries
            .into_iter()
            .map(|(key, value)| match value {
                defacto_model::Value::String(text) => (key, text),
                other => (key, defacto_json::to_json(&other)),
            })
            .collect()),
        _ => Err("it is no JSON object".to_owned()),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]
mod tests {
    use super::*;

    fn read_tables(files: &[(&str, &str)]) -> Result<Tables, String> {
        let files = files.iter().map(|(name, text)| ((*name).to_owned(), text.as_bytes().to_vec()));
        tables(&files.collect())
    }

    #[test]
    fn tables_are_read_by_their_form() {
        let read = read_tables(&[
            ("two.csv", "code,name\nDE,Germany\nFR,\"France, the\"\n"),
            ("three.csv", "code,name,area\nDE,Germany,357\n"),
            ("more.json", r#"{"a": "text", "b": {"x": 1}, "c": 1.50}"#),
        ])
        .unwrap();
        assert_eq!(read["two"]["FR"], "France, the");
        assert_eq!(read["three"]["DE"], r#"{"name":"Germany","area":"357"}"#);
        assert_eq!(read["more"]["a"], "text");
        assert_eq!(read["more"]["b"], r#"{"x":1}"#);
    }

    #[test]
    fn doubtful_tables_are_refused() {
        for (name, text, words) in [
            ("a.csv", "code\nDE\n", "at least one more column"),
            ("a.csv", "code,name\nDE,a\nDE,b\n", "line 3: the key `DE` stands twice"),
            ("a.csv", "code,name\nDE\n", "a.csv"),
            ("a.json", "[1]", "no JSON object"),
            ("a.json", r#"{"a":1,"a":2}"#, "a.json"),
        ] {
            let error = read_tables(&[(name, text)]).unwrap_err();
            assert!(error.contains(words), "{error}");
        }
        let error = read_tables(&[("a.csv", "k,v\n"), ("a.json", "{}")]).unwrap_err();
        assert!(error.contains("two tables"), "{error}");
    }
}
