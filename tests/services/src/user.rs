//! Under which user servers run: Postgres refuses to run as root.

use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Command;

/// User and group of nobody.
const NOBODY: u32 = 65_534;

/// A command that runs as an ordinary user: the present one, or nobody in place of root.
pub(crate) fn ordinary(program: &Path) -> Command {
    if !is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args([&format!("--reuid={NOBODY}"), &format!("--regid={NOBODY}"), "--clear-groups"]);
    command.arg(program);
    command
}

/// Gives a folder to the user of [`ordinary`].
pub(crate) fn give(folder: &Path) {
    if is_root()
        && let Err(error) = std::os::unix::fs::chown(folder, Some(NOBODY), Some(NOBODY))
    {
        panic!("{} cannot be given to nobody: {error}", folder.display());
    }
}

fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0)
}
