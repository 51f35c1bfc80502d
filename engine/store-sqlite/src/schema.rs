//! Tables outside the realms, and the format of the file.
//!
//! Names (sources, event types, entity types, fields, spaces) and entity ids are stored once and
//! referred to by small integers, so that the tables that grow with every event stay narrow:
//! pages written, not statements, are what a batch costs. Instants are microseconds.
//!
//! `ledger` keeps an event id as a number (its first eight bytes, indexed) and the other 24 bytes.
//! `event_entities.origin` is null where it equals `entity`; `time` is the event's, so that the
//! events of an entity from a moment on are one range of an index, which is made when it is first
//! needed: many a store never sees a late event or a merge.

use defacto_ports::Error;

use crate::columns::{Args, Columns};
use crate::session::Session;
use crate::views::uuid;

/// The format that this program writes and reads. The first release has it: what is older is refused.
pub(crate) const FORMAT: u32 = 3;

const OPERATION: &str = "opening the store";

const TABLES: &[&str] = &[
    "CREATE TABLE schema_meta(key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
    "CREATE TABLE settings(key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
    "CREATE TABLE counters(name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID",
    "CREATE TABLE names(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE)",
    "CREATE TABLE entities(key INTEGER PRIMARY KEY, type INTEGER NOT NULL, id BLOB NOT NULL)",
    "CREATE UNIQUE INDEX entities_id ON entities(id)",
    "CREATE TABLE ledger(sequence INTEGER PRIMARY KEY, time INTEGER NOT NULL, \
     event_head INTEGER NOT NULL, event_tail BLOB NOT NULL, type INTEGER NOT NULL, \
     source INTEGER NOT NULL, ingested_at INTEGER NOT NULL, duplicate_of INTEGER, \
     redacted INTEGER NOT NULL, hints TEXT NOT NULL, data TEXT NOT NULL, raw TEXT NOT NULL)",
    "CREATE INDEX ledger_time ON ledger(time)",
    "CREATE INDEX ledger_event ON ledger(event_head)",
    "CREATE INDEX ledger_duplicates ON ledger(duplicate_of) WHERE duplicate_of IS NOT NULL",
    "CREATE TABLE ledger_counts(source INTEGER PRIMARY KEY, events INTEGER NOT NULL)",
    "CREATE TABLE event_entities(sequence INTEGER, entity INTEGER, origin INTEGER, time INTEGER, targets BLOB, PRIMARY KEY(sequence, entity)) \
     WITHOUT ROWID",
    "CREATE INDEX event_entities_origin ON event_entities(origin) WHERE origin IS NOT NULL",
    "CREATE TABLE identity(type INTEGER NOT NULL, space INTEGER NOT NULL, value TEXT NOT NULL, \
     field INTEGER NOT NULL, entity INTEGER NOT NULL, PRIMARY KEY(type, space, value)) \
     WITHOUT ROWID",
    "CREATE INDEX identity_entity ON identity(entity)",
    "CREATE TABLE merge_log(sequence INTEGER NOT NULL, loser INTEGER NOT NULL, \
     winner INTEGER NOT NULL, type INTEGER NOT NULL, time INTEGER NOT NULL, reason TEXT, \
     undone_by INTEGER, PRIMARY KEY(sequence, loser)) WITHOUT ROWID",
    "CREATE INDEX merge_log_loser ON merge_log(loser)",
    "CREATE INDEX merge_log_winner ON merge_log(winner)",
    "CREATE TABLE erased_hints(digest TEXT PRIMARY KEY, generation INTEGER NOT NULL) \
     WITHOUT ROWID",
    "CREATE TABLE build_state(version TEXT PRIMARY KEY, cursor INTEGER NOT NULL, \
     watermark INTEGER, definition_hash TEXT NOT NULL, label_hash TEXT NOT NULL, \
     module_hash TEXT NOT NULL, generation INTEGER NOT NULL, pending_generation INTEGER, \
     pending_target INTEGER, pending_time INTEGER, pending_sequence INTEGER, tick_as_of INTEGER, \
     last_mode TEXT NOT NULL, last_built_at INTEGER) WITHOUT ROWID",
    "CREATE TABLE definition_versions(id INTEGER PRIMARY KEY, version TEXT NOT NULL UNIQUE, \
     definitions TEXT NOT NULL, content_hash TEXT NOT NULL, active INTEGER NOT NULL, \
     created_at INTEGER NOT NULL)",
    "CREATE TABLE realms(id INTEGER PRIMARY KEY AUTOINCREMENT, version TEXT NOT NULL, \
     generation INTEGER NOT NULL, layout TEXT NOT NULL, indexed INTEGER NOT NULL, \
     published INTEGER NOT NULL, UNIQUE(version, generation))",
    "CREATE TABLE public_views(name TEXT PRIMARY KEY) WITHOUT ROWID",
];

impl Session {
    /// Format of the file, 0 when it is empty.
    ///
    /// # Errors
    ///
    /// [`Error::Format`] when another program wrote the file.
    pub(crate) async fn format(&mut self) -> Result<u32, Error> {
        let existing = "SELECT count(*) FROM sqlite_schema WHERE name = 'schema_meta'";
        let row = self.row(OPERATION, existing, Args::new()).await?;
        if row.map_or(Ok(0), |row| row.int(0))? == 0 {
            return Ok(0);
        }
        let sql = "SELECT value FROM schema_meta WHERE key = 'format'";
        let row = self.row(OPERATION, sql, Args::new()).await?;
        let found = row.and_then(|row| row.text(0).ok()?.parse().ok());
        match found {
            Some(FORMAT) => Ok(FORMAT),
            Some(found) if found > 0 => Err(Error::Format { found, known: FORMAT }),
            _ => Err(crate::error::damaged("the format")),
        }
    }

    /// Makes an empty file a store in the open transaction.
    ///
    /// # Errors
    ///
    /// As [`Session::format`].
    pub(crate) async fn ensure_schema(&mut self) -> Result<(), Error> {
        if self.format().await? == FORMAT {
            return Ok(());
        }
        for table in TABLES {
            self.run(OPERATION, *table, Args::new()).await?;
        }
        // Entity ids as the public views show them, so that `WHERE account_id = …` is a search.
        let shown = format!("CREATE INDEX entities_shown ON entities({})", uuid("id"));
        self.run(OPERATION, shown, Args::new()).await?;
        let mut args = Args::new();
        args.owned_text(FORMAT.to_string());
        self.run(OPERATION, "INSERT INTO schema_meta VALUES ('format', ?)", args).await.map(drop)
    }
}
