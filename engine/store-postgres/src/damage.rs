//! What is damaged: every table is read whole, and where the server has `amcheck` its indexes are checked.

use defacto_ports::Error;

use crate::names::literal;
use crate::pool::READ;
use crate::store::PostgresStore;
use crate::wire::{Args, Columns};

const OPERATION: &str = "looking for damage";

impl PostgresStore {
    /// Reads every column of every row, as far as the server can. A server with data checksums finds every page that is
    /// not as it was written, others only what cannot be read.
    pub(crate) async fn find_damage(&self) -> Result<Vec<String>, Error> {
        let mut session = self.pool().start(READ).await?;
        let schemas = session.own_schemas().await?;
        let mut args = Args::new();
        args.text(&schemas.join("\n"));
        let sql = "SELECT format('%I.%I', n.nspname, c.relname), c.oid::BIGINT, c.relkind = 'i' \
             FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
             LEFT JOIN pg_index i ON i.indexrelid = c.oid \
             LEFT JOIN pg_am a ON a.oid = c.relam \
             WHERE n.nspname = ANY(string_to_array($1, E'\\n')) AND (c.relkind = 'r' \
             OR c.relkind = 'i' AND a.amname = 'btree' \
             AND EXISTS (SELECT 1 FROM pg_extension WHERE extname = 'amcheck')) \
             ORDER BY 3, 1";
        let rows = session.rows(OPERATION, sql, args).await?;
        let mut parts = Vec::with_capacity(rows.len());
        for row in rows {
            parts.push((row.text(0)?, row.int(1)?, row.bool(2)?));
        }
        session.commit().await?;
        self.pool().give_back(session);
        let mut found = Vec::new();
        for (name, oid, index) in parts {
            let sql = if index {
                format!("SELECT bt_index_check({oid}::oid::regclass)")
            } else {
                // `t::TEXT` fetches what is stored beside the row as well.
                format!("SELECT sum(length(t::TEXT)) FROM {name} t")
            };
            let mut session = self.pool().start(READ).await?;
            let read =
                session.simple(OPERATION, format!("SET LOCAL enable_seqscan = on; {sql}")).await;
            match read {
                Ok(()) => {
                    session.commit().await?;
                    self.pool().give_back(session);
                }
                // The transaction is undone with its connection.
                Err(error) if is_damage(&error) => {
                    found.push(format!("{}: {error}", literal(&name)))
                }
                Err(error) => return Err(error),
            }
        }
        Ok(found)
    }
}

/// Whether an error says that stored data cannot be read.
fn is_damage(error: &Error) -> bool {
    let Error::Storage { source: Some(source), .. } = error else { return false };
    let code = source.downcast_ref::<sqlx::Error>().and_then(crate::error::code);
    // Damaged data, damaged index, internal errors of reading, a file that is not there.
    code.is_some_and(|code| ["XX000", "XX001", "XX002", "58P01", "58030"].contains(&code.as_str()))
}
