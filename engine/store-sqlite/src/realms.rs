//! State tables of one version and generation.
//!
//! Each entity type has `state`, `past` (states after some earlier events), `open` (the rows still valid, one per entity) and `closed` (all
//! other rows, in order of writing); each relationship pair has `edges`; `requests` serves all
//! pairs. `closed` gets its index when the realm is published or first needs it, so that a full
//! build only appends. Tables written in every batch declare no `NOT NULL`, and inserts say `OR FAIL`:
//! a statement that cannot be undone alone needs no journal of its own, and an error ends the
//! transaction anyway.

use std::sync::Arc;

use defacto_model::Manifest;
use defacto_ports::{EdgeKey, Error, Realm};

use crate::columns::{Args, Columns, column_type};
use crate::error::damaged;
use crate::session::Session;
use defacto_ports::layout::{CopiedType, EntityLayout, Layout, PairLayout, Property};

const OPERATION: &str = "preparing state tables";
/// Tables of each entity type.
const PARTS: [&str; 4] = ["state", "past", "open", "closed"];

/// A realm that exists.
#[derive(Debug)]
pub(crate) struct RealmInfo {
    pub(crate) id: i64,
    pub(crate) layout: Layout,
    /// Whether `closed` tables have their index.
    pub(crate) indexed: bool,
}

impl RealmInfo {
    /// A table (or, with another part, an index) of an entity type.
    pub(crate) fn table(&self, entity: &EntityLayout, part: &str) -> String {
        quoted(&format!("b{}:{}:{part}", self.id, entity.name))
    }

    pub(crate) fn edges(&self, pair: &PairLayout, part: &str) -> String {
        quoted(&format!("b{}:{}.{}:{part}", self.id, pair.source_type, pair.relationship))
    }

    pub(crate) fn requests(&self) -> String {
        quoted(&format!("b{}:requests", self.id))
    }
}

/// Definitions of typed columns, each preceded by a comma.
fn typed(properties: &[Property]) -> String {
    let mut sql = String::new();
    for (name, declared) in properties {
        sql.push_str(", ");
        sql.push_str(&property_column(name));
        sql.push(' ');
        sql.push_str(column_type(*declared));
    }
    sql
}

impl Session {
    /// The realm, which must exist.
    pub(crate) async fn realm(&mut self, realm: &Realm) -> Result<Arc<RealmInfo>, Error> {
        self.find_realm(realm).await?.ok_or_else(|| Error::Inconsistent {
            message: format!(
                "the version {} has no state tables of generation {}",
                realm.version, realm.generation
            ),
        })
    }

    async fn find_realm(&mut self, realm: &Realm) -> Result<Option<Arc<RealmInfo>>, Error> {
        if let Some((_, info)) = self.realms.iter().find(|(known, _)| known == realm) {
            return Ok(Some(Arc::clone(info)));
        }
        let mut args = Args::new();
        args.text(&realm.version).int(i64::from(realm.generation));
        let sql = "SELECT id, layout, indexed FROM realms WHERE version = ? AND generation = ?";
        let Some(row) = self.row("reading state tables", sql, args).await? else {
            return Ok(None);
        };
        let layout = serde_json::from_str(row.text(1)?).map_err(|_| damaged("a table layout"))?;
        let info = Arc::new(RealmInfo { id: row.int(0)?, layout, indexed: row.int(2)? != 0 });
        self.realms.push((realm.clone(), Arc::clone(&info)));
        Ok(Some(info))
    }

    /// Every generation of a version.
    pub(crate) async fn realms_of(&mut self, version: &str) -> Result<Vec<Realm>, Error> {
        let mut args = Args::new();
        args.text(version);
        let sql = "SELECT generation FROM realms WHERE version = ? ORDER BY generation";
        let rows = self.rows("reading state tables", sql, args).await?;
        rows.iter()
            .map(|row| {
                let generation = u32::try_from(row.int(0)?).map_err(|_| damaged("a generation"))?;
                Ok(Realm { version: version.to_owned(), generation })
            })
            .collect()
    }

    pub(crate) async fn create_realm(
        &mut self,
        realm: &Realm,
        manifest: &Manifest,
    ) -> Result<(), Error> {
        self.drop_realm(realm).await?;
        let layout = Layout::of(manifest);
        let mut args = Args::new();
        args.text(&realm.version).int(i64::from(realm.generation));
        args.owned_text(serde_json::to_string(&layout).map_err(|_| damaged("a table layout"))?);
        let sql = "INSERT INTO realms(version, generation, layout, indexed, published) \
                   VALUES (?, ?, ?, 0, 0)";
        self.run(OPERATION, sql, args).await?;
        let info = self.realm(realm).await?;
        for entity in &info.layout.entities {
            let (state, due) = (info.table(entity, "state"), info.table(entity, "due"));
            let (open, closed) = (info.table(entity, "open"), info.table(entity, "closed"));
            let (past, ghosts) = (info.table(entity, "past"), info.table(entity, "ghosts"));
            let row = format!(
                "valid_from INTEGER, state INTEGER, since_event INTEGER, \
                 since_entered INTEGER, since_created INTEGER, \
                 event_sequence INTEGER{}",
                typed(&entity.properties)
            );
            for sql in [
                format!(
                    "CREATE TABLE {state}(entity INTEGER PRIMARY KEY, next_due INTEGER, \
                     ghost INTEGER, content BLOB)"
                ),
                crate::checkpoints::table(&past),
                format!("CREATE INDEX {due} ON {state}(next_due) WHERE next_due IS NOT NULL"),
                format!("CREATE INDEX {ghosts} ON {state}(ghost) WHERE ghost IS NOT NULL"),
                format!("CREATE TABLE {open}(entity INTEGER PRIMARY KEY, {row})"),
                format!(
                    "CREATE TABLE {closed}(entity INTEGER NOT NULL, lasted INTEGER NOT NULL, \
                     merged_into INTEGER, {row})"
                ),
            ] {
                self.run(OPERATION, sql, Args::new()).await?;
            }
        }
        for pair in &info.layout.pairs {
            let edges = info.edges(pair, "edges");
            for sql in [
                format!(
                    "CREATE TABLE {edges}(source INTEGER NOT NULL, target INTEGER NOT NULL, \
                     valid_from INTEGER NOT NULL, valid_to INTEGER{}, \
                     PRIMARY KEY(source, target, valid_from)) WITHOUT ROWID",
                    typed(&pair.properties)
                ),
                format!(
                    "CREATE INDEX {} ON {edges}(source) WHERE valid_to IS NULL",
                    info.edges(pair, "from")
                ),
                format!("CREATE INDEX {} ON {edges}(target, valid_to)", info.edges(pair, "to")),
            ] {
                self.run(OPERATION, sql, Args::new()).await?;
            }
        }
        let requests = info.requests();
        for sql in [
            format!(
                "CREATE TABLE {requests}(relater INTEGER NOT NULL, time INTEGER NOT NULL, \
                 sequence INTEGER NOT NULL, ordinal INTEGER NOT NULL, type INTEGER NOT NULL, \
                 relationship INTEGER NOT NULL, forward INTEGER NOT NULL, \
                 other INTEGER NOT NULL, content BLOB, \
                 PRIMARY KEY(relater, time, sequence, ordinal, type, relationship)) WITHOUT ROWID"
            ),
            format!(
                "CREATE INDEX {} ON {requests}(other)",
                quoted(&format!("b{}:requested", info.id))
            ),
        ] {
            self.run(OPERATION, sql, Args::new()).await?;
        }
        Ok(())
    }

    pub(crate) async fn copy_types(
        &mut self,
        from: &Realm,
        to: &Realm,
        types: &[CopiedType],
        pairs: &[EdgeKey],
    ) -> Result<(), Error> {
        const OPERATION: &str = "copying state tables";
        let (old, new) = (self.realm(from).await?, self.realm(to).await?);
        let alike = old.layout.alike(&new.layout, types, pairs)?;
        let mut tables = Vec::new();
        for copied in &alike.entities {
            match &copied.origins {
                Some(origins) => self.relay(&old, &new, copied, origins).await?,
                None => tables.extend(
                    PARTS.map(|part| (old.table(copied.from, part), new.table(copied.to, part))),
                ),
            }
        }
        let edges = alike.pairs.into_iter();
        tables.extend(edges.map(|(a, b)| (old.edges(a, "edges"), new.edges(b, "edges"))));
        for (old, new) in tables {
            let sql = format!("INSERT INTO {new} SELECT * FROM {old}");
            self.run(OPERATION, sql, Args::new()).await?;
        }
        for key in pairs {
            let mut args = Args::new();
            args.int(self.name(&key.source_type).await?).int(self.name(&key.relationship).await?);
            let sql = format!(
                "INSERT INTO {} SELECT * FROM {} WHERE type = ? AND relationship = ?",
                new.requests(),
                old.requests()
            );
            self.run(OPERATION, sql, args).await?;
        }
        Ok(())
    }

    pub(crate) async fn drop_realm(&mut self, realm: &Realm) -> Result<(), Error> {
        const OPERATION: &str = "dropping state tables";
        let Some(info) = self.find_realm(realm).await? else { return Ok(()) };
        let mut args = Args::new();
        args.int(info.id);
        let sql = "DELETE FROM realms WHERE id = ? RETURNING published";
        let row = self.row(OPERATION, sql, args).await?;
        let published = row.map_or(Ok(0), |row| row.int(0))? != 0;
        self.realms.retain(|(known, _)| known != realm);
        self.due = None;
        if published {
            self.refresh_views().await?;
        }
        let mut tables = vec![info.requests()];
        for entity in &info.layout.entities {
            tables.extend(PARTS.map(|part| info.table(entity, part)));
        }
        tables.extend(info.layout.pairs.iter().map(|pair| info.edges(pair, "edges")));
        for table in tables {
            self.run(OPERATION, format!("DROP TABLE {table}"), Args::new()).await?;
        }
        Ok(())
    }

    /// The layout is that of the realm's creation; the manifest given describes the same tables.
    pub(crate) async fn publish_realm(&mut self, realm: &Realm) -> Result<(), Error> {
        self.index_realm(realm).await?;
        let info = self.realm(realm).await?;
        let mut args = Args::new();
        args.int(info.id).text(&realm.version);
        let sql = "UPDATE realms SET published = (id = ?) WHERE version = ?";
        self.run("publishing state tables", sql, args).await?;
        self.refresh_views().await
    }

    /// Gives the `closed` tables the index by entity and time, unless they have it.
    pub(crate) async fn index_realm(&mut self, realm: &Realm) -> Result<Arc<RealmInfo>, Error> {
        const OPERATION: &str = "indexing history";
        let info = self.realm(realm).await?;
        if info.indexed {
            return Ok(info);
        }
        for entity in &info.layout.entities {
            let sql = format!(
                "CREATE UNIQUE INDEX {} ON {}(entity, valid_from)",
                info.table(entity, "intervals"),
                info.table(entity, "closed")
            );
            self.run(OPERATION, sql, Args::new()).await?;
        }
        let mut args = Args::new();
        args.int(info.id);
        self.run(OPERATION, "UPDATE realms SET indexed = 1 WHERE id = ?", args).await?;
        self.realms.retain(|(known, _)| known != realm);
        self.realm(realm).await
    }
}

/// An identifier in SQL.
pub(crate) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// The column of a property: a prefix keeps it apart from the store's own.
pub(crate) fn property_column(name: &str) -> String {
    quoted(&format!("p:{name}"))
}
