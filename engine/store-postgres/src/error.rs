use std::borrow::Cow;

use defacto_ports::Error;
pub(crate) use defacto_ports::codec::damaged;

use crate::place::Place;

/// Turns a driver's error into the port's, with the server and what a person can do about it.
pub(crate) fn storage(operation: &'static str, place: &Place, error: sqlx::Error) -> Error {
    let code = code(&error);
    let (remedy, retry) = advice(code.as_deref(), &error);
    Error::Storage {
        operation,
        message: format!("{} ({}){remedy}", place.label(), words(&error)),
        retry,
        source: Some(Box::new(error)),
    }
}

/// What to do, and whether the same transaction may succeed when tried again.
fn advice(code: Option<&str>, error: &sqlx::Error) -> (&'static str, bool) {
    let Some(code) = code else {
        return match error {
            error if is_insecure(error) => (
                ": the server's certificate is not accepted; with sslmode=verify-full it must be for the host in the \
                 database URL, and sslrootcert must name the authority that issued it",
                false,
            ),
            sqlx::Error::Io(error) if error.kind() == std::io::ErrorKind::NotFound => (
                ": a file that the database URL names is not there: sslrootcert, sslcert, sslkey, or the server's socket",
                true,
            ),
            sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut | sqlx::Error::Protocol(_) => (
                ": the server does not answer; check host, port and network, and that it runs",
                true,
            ),
            sqlx::Error::Tls(_) => {
                (": no secure connection; check sslmode and sslrootcert of the database URL", false)
            }
            _ => ("", false),
        };
    };
    match code {
        "40001" | "40P01" => (": other transactions were in the way", true),
        // No key of this store is a user's: another process, before or after its lease, wrote the same in this moment.
        "23505" => (": another process wrote the same in this moment", true),
        "55P03" => (": another process holds a lock; run the command again", true),
        "57P01" | "57P02" | "57P03" => (": the server is stopping or starting", true),
        "25P03" => (": the process was paused in the middle of a transaction", true),
        "3D000" => (": create it with `createdb`, or name another in the database URL", false),
        "28P01" | "28000" => (
            ": check user and password (database URL, PGPASSWORD or ~/.pgpass) and the server's \
             pg_hba.conf",
            false,
        ),
        "42501" => (
            ": the role needs CREATE on the database, or schemas of its own made for it by an \
             administrator",
            false,
        ),
        "53100" => {
            (": the server's disk is full; free some space and run the command again", false)
        }
        "53400" => (": a limit of the server's configuration is reached; raise it", false),
        "53200" => (": the server is out of memory", true),
        "53300" => {
            (": the server takes no more connections; raise max_connections or close some", true)
        }
        "25006" => (": the server is a read-only replica; connect to the primary", false),
        "2BP01" => (": drop the views that others made over these tables first", false),
        "42P01" => (": the tables were replaced meanwhile; run the command again", true),
        code if code.starts_with("08") => (": the connection broke", true),
        _ => ("", false),
    }
}

/// The server's or the driver's words. They never hold the URL: the driver does not put it in its errors.
fn words(error: &sqlx::Error) -> Cow<'_, str> {
    match error {
        sqlx::Error::Database(error) => match error.code() {
            Some(code) => Cow::Owned(format!("{}, SQLSTATE {code}", error.message())),
            None => Cow::Borrowed(error.message()),
        },
        error => Cow::Owned(error.to_string()),
    }
}

/// The SQLSTATE of an error.
pub(crate) fn code(error: &sqlx::Error) -> Option<String> {
    error.as_database_error()?.code().map(Cow::into_owned)
}

/// Whether the connection is gone, so that another may do.
pub(crate) fn is_lost(error: &sqlx::Error) -> bool {
    match code(error) {
        Some(code) => code.starts_with("08") || code.starts_with("57P") || code == "25P03",
        None => {
            matches!(error, sqlx::Error::Io(_) | sqlx::Error::Protocol(_)) && !is_insecure(error)
        }
    }
}

/// Whether the handshake failed: the driver tells of that as of an answer that it cannot read.
fn is_insecure(error: &sqlx::Error) -> bool {
    matches!(error, sqlx::Error::Io(error) if error.kind() == std::io::ErrorKind::InvalidData)
}
