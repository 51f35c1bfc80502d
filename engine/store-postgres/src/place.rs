use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use sqlx::postgres::PgConnectOptions;

use crate::names::quoted;

/// Which database, which namespace, and how to speak to it.
#[derive(Clone)]
pub(crate) struct Place {
    pub(crate) options: PgConnectOptions,
    pub(crate) namespace: String,
    /// Whether to do without what only Postgres itself has ([`crate::dialect`]).
    pub(crate) portable: bool,
    /// Whether the data of events are indexed.
    pub(crate) index_payload: bool,
    /// How often realms were made or dropped through it.
    pub(crate) changes: Arc<AtomicU64>,
}

impl fmt::Debug for Place {
    /// Without the password, which the driver's own form shows.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, namespace {}", self.label(), self.namespace)
    }
}

impl Place {
    /// The server and database for messages, without user and password.
    pub(crate) fn label(&self) -> String {
        let database = self.options.get_database().unwrap_or("postgres");
        match self.options.get_socket() {
            Some(socket) => format!("postgres at {}, database {database}", socket.display()),
            None => format!(
                "postgres at {}:{}, database {database}",
                self.options.get_host(),
                self.options.get_port()
            ),
        }
    }

    /// The schema of the namespace, quoted.
    pub(crate) fn schema(&self) -> String {
        quoted(&self.namespace)
    }
}
