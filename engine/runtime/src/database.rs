//! From the text of a setting to an open store.

use std::path::PathBuf;
use std::sync::Arc;

use defacto_ports::Store;
#[cfg(feature = "postgres")]
use defacto_store_postgres::{PostgresOptions, PostgresStore};
use defacto_store_sqlite::SqliteStore;

use crate::Error;

/// How to use a server; a file needs none of it.
#[derive(Debug, Clone)]
#[cfg_attr(not(feature = "postgres"), expect(dead_code, reason = "read where a server is"))]
pub(crate) struct Server {
    pub(crate) pool_size: usize,
    pub(crate) portable: bool,
    pub(crate) index_payload: bool,
}

impl Default for Server {
    fn default() -> Self {
        Self { pool_size: 4, portable: false, index_payload: false }
    }
}

/// Where a database is.
#[derive(Debug, Clone)]
pub(crate) enum Database {
    /// SQLite.
    File(PathBuf),
    /// Postgres.
    #[cfg(feature = "postgres")]
    Server(PostgresOptions),
}

impl Database {
    /// Reads a path or URL.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] when it is neither, or names what this build cannot use.
    pub(crate) fn parse(text: &str, namespace: &str, server: &Server) -> Result<Self, Error> {
        let path = match text.split_once(':') {
            Some(("sqlite", rest)) => rest.strip_prefix("//").unwrap_or(rest),
            Some(("postgres" | "postgresql", _)) => return on_server(text, namespace, server),
            Some((scheme, _))
                if scheme.len() > 1
                    && scheme.chars().all(|c| c.is_ascii_alphanumeric() || c == '+') =>
            {
                return Err(Error::Config(format!(
                    "database scheme '{scheme}:' is not supported; give a path, a sqlite: URL or a postgres: URL"
                )));
            }
            _ => text,
        };
        if path.is_empty() {
            return Err(Error::Config("database path is empty".to_owned()));
        }
        Ok(Self::File(PathBuf::from(path)))
    }

    /// Name of the driver, for logs.
    pub(crate) fn driver(&self) -> &'static str {
        match self {
            Self::File(_) => "sqlite",
            #[cfg(feature = "postgres")]
            Self::Server(_) => "postgres",
        }
    }

    /// Opens the store.
    ///
    /// # Errors
    ///
    /// What the store says.
    pub(crate) async fn open(&self) -> Result<Arc<dyn Store>, Error> {
        match self {
            Self::File(path) => Ok(Arc::new(SqliteStore::open(path).await?)),
            #[cfg(feature = "postgres")]
            Self::Server(options) => Ok(Arc::new(PostgresStore::open(options).await?)),
        }
    }
}

#[cfg(feature = "postgres")]
fn on_server(text: &str, namespace: &str, server: &Server) -> Result<Database, Error> {
    let mut options = PostgresOptions::new(text, namespace).map_err(Error::Config)?;
    options.pool_size = server.pool_size;
    options.portable = server.portable;
    options.index_payload = server.index_payload;
    Ok(Database::Server(options))
}

#[cfg(not(feature = "postgres"))]
fn on_server(_: &str, _: &str, _: &Server) -> Result<Database, Error> {
    Err(Error::Config(
        "this build of defacto has no Postgres: build it with `--features postgres`, or give a path".to_owned(),
    ))
}

#[cfg(test)]
mod tests {
    use super::{Database, Server};

    fn parsed(text: &str) -> Option<std::path::PathBuf> {
        match Database::parse(text, "defacto", &Server::default()) {
            Ok(Database::File(path)) => Some(path),
            _ => None,
        }
    }

    #[test]
    fn a_file_is_a_path_or_a_sqlite_url() {
        for (text, path) in [
            ("a/b.db", "a/b.db"),
            ("sqlite:a/b.db", "a/b.db"),
            ("sqlite:///var/b.db", "/var/b.db"),
            ("C:\\b.db", "C:\\b.db"),
        ] {
            assert_eq!(parsed(text), Some(std::path::PathBuf::from(path)), "{text}");
        }
        for text in ["mysql://x", "duckdb:x", "sqlite:", "postgres://localhost/x"] {
            assert_eq!(parsed(text), None, "{text}");
        }
    }

    #[cfg(feature = "postgres")]
    #[test]
    fn no_form_of_a_password_is_told() {
        let url = "postgres://ada:hu%21sh@localhost:1/x?sslmode=disable";
        let database = Database::parse(url, "defacto", &Server::default()).unwrap();
        assert!(matches!(database, Database::Server(_)));
        let shown = format!("{database:?}");
        assert!(!shown.contains("hu%21sh") && !shown.contains("hu!sh"), "{shown}");
        for bad in ["postgres://ada:hush@host:99999/x", "postgres://ada:hush@/x?sslmode=never"] {
            let error = Database::parse(bad, "defacto", &Server::default()).unwrap_err();
            assert!(!error.to_string().contains("hush"), "{error}");
        }
    }
}
