//! Machine code of whole components in a folder that only this installation writes.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use wasmtime::Engine;
use wasmtime::component::Component;

/// A cache folder.
#[derive(Debug)]
pub(crate) struct CodeFolder {
    folder: PathBuf,
    compatibility: u64,
}

const DIGEST_BYTES: usize = 32;

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
        let file = fs::read(self.component(digest)).ok()?;
        let (stored, code) = file.split_at_checked(DIGEST_BYTES)?;
        if stored != Sha256::digest(code).as_slice() {
            tracing::warn!(digest, "cached code is damaged and is made anew");
            return None;
        }
        // The bytes verified are the bytes loaded, not the file again.
        from_compiled(engine, code)
            .inspect_err(|error| tracing::warn!(digest, %error, "cached code is made anew"))
            .ok()
    }

    /// Keeps the machine code of a component.
    pub(crate) fn store(&self, digest: &str, code: &[u8]) {
        let mut file = Sha256::digest(code).to_vec();
        file.extend_from_slice(code);
        if let Err(error) = replace(&self.component(digest), &file) {
            tracing::warn!(digest, %error, "code is not cached");
        }
    }
}

/// The component whose machine code this is: what [`Engine::precompile_component`] or [`Component::serialize`] gave in
/// this process, or such bytes read back from the folder.
pub(crate) fn from_compiled(engine: &Engine, code: &[u8]) -> wasmtime::Result<Component> {
    // SAFETY: `deserialize` runs whatever machine code it is given, so the bytes must come from wasmtime. They do:
    // they were made by this process just now, or written by `store` into a folder that `prepare` has made sure nobody
    // else can write, and their checksum proved that they are whole. The engine itself checks version and settings.
    #[expect(unsafe_code, reason = "the only way to load machine code; see above")]
    unsafe {
        Component::deserialize(engine, code)
    }
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
