use std::path::Path;
use std::process::Command;

use crate::Folder;
use crate::user::give;

/// A file system of a fixed size in memory, which a test can really fill. Gone when dropped.
#[derive(Debug)]
pub struct SmallDisk {
    folder: Folder,
}

impl SmallDisk {
    /// Mounts one, for the user under which servers run.
    ///
    /// # Errors
    ///
    /// Why this machine or this user may mount nothing.
    pub fn mount(megabytes: u32) -> Result<SmallDisk, String> {
        let folder = Folder::new("disk");
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &format!("size={megabytes}m,mode=0700"), "defacto-test"]);
        let output =
            mount.arg(folder.path()).output().map_err(|error| format!("mount: {error}"))?;
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).trim().to_owned());
        }
        give(folder.path());
        Ok(SmallDisk { folder })
    }

    /// Where it is mounted.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// A folder on it that belongs to the user under which servers run.
    #[must_use]
    pub fn folder(&self, name: &str) -> std::path::PathBuf {
        let path = self.path().join(name);
        if let Err(error) = std::fs::create_dir(&path) {
            panic!("{} cannot be made: {error}", path.display());
        }
        give(&path);
        path
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        drop(Command::new("umount").arg("--lazy").arg(self.folder.path()).output());
    }
}
