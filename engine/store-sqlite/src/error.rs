use std::path::Path;

use defacto_ports::Error;
pub(crate) use defacto_ports::codec::damaged;

/// Turns a driver's error into the port's, with the path and what a person can do about it.
pub(crate) fn storage(operation: &'static str, path: &Path, error: sqlx::Error) -> Error {
    let code = primary_code(&error);
    if matches!(code, Some(11 | 26)) {
        return Error::Damaged {
            operation,
            message: format!(
                "{} ({error}): the file is damaged or no database; restore it from a backup, or move it away \
                 and ingest the sources again",
                path.display()
            ),
        };
    }
    let remedy = match code {
        Some(5 | 6) => {
            ": another process is writing; wait for it to end, then run the command again"
        }
        Some(8) => ": the file or its folder is read-only; make both writable",
        Some(3 | 14) => ": the file cannot be opened; check that its folder exists and is writable",
        Some(10) => ": reading or writing the disk failed; check the disk and its quota",
        Some(13) => ": the disk is full; free some space and run the command again",
        _ => "",
    };
    Error::Storage {
        operation,
        message: format!("{} ({error}){remedy}", path.display()),
        retry: matches!(code, Some(5 | 6)),
        source: Some(Box::new(error)),
    }
}

/// The same for an error of the file system.
pub(crate) fn file(operation: &'static str, path: &Path, error: std::io::Error) -> Error {
    Error::Storage {
        operation,
        message: format!(
            "{} ({error}): check that the folder exists, is writable and has space",
            path.display()
        ),
        retry: false,
        source: Some(Box::new(error)),
    }
}

/// Whether another connection holds the lock that was asked for.
pub(crate) fn is_busy(error: &sqlx::Error) -> bool {
    matches!(primary_code(error), Some(5 | 6))
}

/// SQLite's primary result code: the low byte of the extended one.
fn primary_code(error: &sqlx::Error) -> Option<u32> {
    let code: u32 = error.as_database_error()?.code()?.parse().ok()?;
    Some(code & 0xff)
}
