//! Machine code of whole components in a folder that only this installation writes.

use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use wasmtime::Engine;
use wasmtime::component::Component;

/// A cache folder.
#[derive(Debug)]
pub(crate) struct CodeFolder {
    folder: PathBuf,
    compatibility: u64,
}

/// A CRC-32 of everything before it ends a file. It finds damage; against malice nothing in the file could help, only
/// that nobody else can write the folder. (SHA-256 took longer than all the rest of loading.)
const CHECKSUM_BYTES: usize = 4;
/// Read at a time, so that the check stays in the processor's cache.
const CHUNK_BYTES: usize = 1 << 16;

impl CodeFolder {
    /// Opens a folder, making it for this user alone. `None`, with a warning, when it cannot be used.
    pub(crate) fn open(folder: &Path, engine: &Engine) -> Option<Self> {
        if let Err(error) = prepare(folder) {
            tracing::warn!(folder = %folder.display(), %error, "code cache is not used");
            return None;
        }
        let mut hasher = DefaultHasher::new();
        engine.precompile_compatibility_hash().hash(&mut hasher);
        Some(Self { folder: folder.to_owned(), compatibility: hasher.finish() })
    }

    /// File with the machine code of single functions.
    pub(crate) fn functions(&self) -> PathBuf {
        self.folder.join(format!("functions-{:016x}", self.compatibility))
    }

    fn component(&self, digest: &str) -> PathBuf {
        self.folder.join(format!("{digest}-{:016x}.cwasm", self.compatibility))
    }

    /// Loads the machine code of the component with that digest, if it is there and undamaged.
    pub(crate) fn load(&self, engine: &Engine, digest: &str) -> Option<Component> {
        let path = self.component(digest);
        let mut file = File::open(&path).ok()?;
        if !is_whole(&mut file).unwrap_or(false) {
            tracing::warn!(digest, "cached code is damaged and is made anew");
            return None;
        }
        // SAFETY: as in `from_compiled`. The file is mapped, not copied, so it must not change: `replace` only ever puts
        // another file in its place, and nobody else can write the folder.
        #[expect(unsafe_code, reason = "the only way to load machine code; see above")]
        let loaded = unsafe { Component::deserialize_file(engine, &path) };
        loaded.inspect_err(|error| tracing::warn!(digest, %error, "cached code is made anew")).ok()
    }

    /// Keeps the machine code of a component.
    pub(crate) fn store(&self, digest: &str, code: &[u8]) {
        let mut file = code.to_vec();
        file.extend_from_slice(&crc32fast::hash(code).to_le_bytes());
        if let Err(error) = replace(&self.component(digest), &file) {
            tracing::warn!(digest, %error, "code is not cached");
        }
    }
}

/// The component whose machine code this is: what [`Engine::precompile_component`] or [`Component::serialize`] gave in
/// this process.
pub(crate) fn from_compiled(engine: &Engine, code: &[u8]) -> wasmtime::Result<Component> {
    // SAFETY: `deserialize` runs whatever machine code it is given, so the bytes must come from wasmtime. They do:
    // they were made by this process just now (or, in `load`, written by `store` into a folder that `prepare` has made
    // sure nobody else can write, and found whole). The engine itself checks version and settings.
    #[expect(unsafe_code, reason = "the only way to load machine code; see above")]
    unsafe {
        Component::deserialize(engine, code)
    }
}

/// Whether the file ends with the checksum of what is before.
fn is_whole(file: &mut File) -> io::Result<bool> {
    let Some(mut left) = file.metadata()?.len().checked_sub(CHECKSUM_BYTES as u64) else {
        return Ok(false);
    };
    let mut hasher = crc32fast::Hasher::new();
    let mut chunk = vec![0; CHUNK_BYTES];
    while left > 0 {
        let part = chunk.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        let Some(part) = chunk.get_mut(..part) else { return Ok(false) };
        file.read_exact(part)?;
        hasher.update(part);
        left -= part.len() as u64;
    }
    let mut stored = [0; CHECKSUM_BYTES];
    file.read_exact(&mut stored)?;
    Ok(u32::from_le_bytes(stored) == hasher.finalize())
}

/// Makes the folder, and refuses one that others can write.
fn prepare(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        if fs::metadata(folder)?.permissions().mode() & 0o022 != 0 {
            return Err(io::Error::other("others can write it"));
        }
    }
    Ok(())
}

/// Replaces a file as a whole: readers see the old content or the new one.
pub(crate) fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let part = path.with_extension(format!("part-{}", std::process::id()));
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&part)?;
    file.write_all(content)?;
    drop(file);
    fs::rename(&part, path)
}
