//! Seconds of CPU that processes have used, as Linux counts them.

use std::path::Path;
use std::process::Command;
use std::sync::LazyLock;

/// Counts in a second.
static TICKS: LazyLock<f64> = LazyLock::new(|| {
    let output = Command::new("getconf").arg("CLK_TCK").output().unwrap();
    String::from_utf8_lossy(&output.stdout).trim().parse().unwrap()
});

/// What `/proc/PID/stat` says after the name.
fn stat(process: &str) -> Option<Vec<i64>> {
    let text = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    let (_, rest) = text.rsplit_once(") ")?;
    Some(rest.split(' ').skip(1).map(|field| field.trim().parse().unwrap_or(0)).collect())
}

/// Its time in programs and in the kernel; with that of those that it has waited for.
fn used(stat: &[i64], waited: bool) -> f64 {
    let fields = if waited { &stat[10..14] } else { &stat[10..12] };
    f64::from(i32::try_from(fields.iter().sum::<i64>()).unwrap()) / *TICKS
}

/// Of this process.
pub(crate) fn own() -> f64 {
    used(&stat("self").unwrap(), false)
}

/// Of a server of Postgres, by the folder of its data: of its first process and of all that it started.
pub(crate) fn server(data: &Path) -> f64 {
    let text = std::fs::read_to_string(data.join("postmaster.pid")).unwrap();
    let first = text.lines().next().unwrap();
    let parent: i64 = first.parse().unwrap();
    let processes = std::fs::read_dir("/proc").unwrap();
    let children = processes.filter_map(|entry| stat(entry.unwrap().file_name().to_str()?));
    let children = children.filter(|stat| stat[0] == parent).map(|stat| used(&stat, true));
    used(&stat(first).unwrap(), true) + children.sum::<f64>()
}
