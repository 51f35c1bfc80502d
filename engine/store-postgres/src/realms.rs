//! State tables of one version and generation, in the version's schema.
//!
//! Each entity type has `state`, `open` (the rows still valid, one per entity) and `closed` (all other rows); each
//! relationship pair has `edges`; `requests` serves all pairs. A row of `open` is overwritten in place, for which its
//! pages keep room; `closed`, the large one, is only appended to unless events come late. Columns of properties are
//! `p0`, `p1` and so on: names are the business of the views.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use defacto_model::Manifest;
use defacto_ports::layout::{CopiedType, EntityLayout, Layout, PairLayout, Property};
use defacto_ports::{EdgeKey, Error, Realm};
use sqlx::postgres::PgRow;

use crate::error::damaged;
use crate::names::{quoted, version_schema};
use crate::place::Place;
use crate::progress::small;
use crate::session::Session;
use crate::wire::{Args, Columns, Kind};

const OPERATION: &str = "preparing state tables";
/// Tables of an entity type.
const PARTS: [&str; 3] = ["state", "open", "closed"];
/// Bytes of a type's name in the name of a table.
const NAME_PART: usize = 40;

/// A realm that exists.
#[derive(Debug)]
pub(crate) struct RealmInfo {
    pub(crate) id: i64,
    pub(crate) layout: Layout,
    /// The version's schema, quoted.
    pub(crate) schema: String,
}

impl RealmInfo {
    fn name(&self, ordinal: Option<usize>, name: &str, part: &str) -> String {
        let short: String = name.chars().take(NAME_PART).collect();
        let ordinal = ordinal.map_or_else(|| "x".to_owned(), |ordinal| ordinal.to_string());
        format!("{short}__{part}_{}_{ordinal}", self.id)
    }

    /// A table of an entity type.
    pub(crate) fn table(&self, entity: &EntityLayout, part: &str) -> String {
        let ordinal = self.layout.entities.iter().position(|other| other.name == entity.name);
        format!("{}.{}", self.schema, quoted(&self.name(ordinal, &entity.name, part)))
    }

    pub(crate) fn edges(&self, pair: &PairLayout) -> String {
        let ordinal = self.layout.pairs.iter().position(|other| {
            (&other.source_type, &other.relationship) == (&pair.source_type, &pair.relationship)
        });
        format!("{}.{}", self.schema, quoted(&self.name(ordinal, &pair.relationship, "edges")))
    }

    /// Every table.
    pub(crate) fn all_tables(&self) -> Vec<String> {
        let mut tables = vec![self.requests()];
        for entity in &self.layout.entities {
            tables.extend(PARTS.map(|part| self.table(entity, part)));
        }
        tables.extend(self.layout.pairs.iter().map(|pair| self.edges(pair)));
        tables
    }

    pub(crate) fn requests(&self) -> String {
        format!("{}.{}", self.schema, quoted(&self.name(None, "", "requests")))
    }
}

/// Realms that a connection has met. What a realm is never changes while it exists, so that they are kept from one
/// transaction for writing to the next, until some connection of this process makes or drops one. One that another process
/// dropped has tables that are not there any more: that is an error, and never a wrong row.
#[derive(Debug)]
pub(crate) struct Realms {
    known: Vec<(Realm, Arc<RealmInfo>)>,
    place: Arc<Place>,
    /// Changes of realms that are taken into account.
    changes: u64,
    /// Whether the open transaction changes some.
    changing: bool,
}

impl Realms {
    pub(crate) fn new(place: &Arc<Place>) -> Self {
        Self { known: Vec::new(), place: Arc::clone(place), changes: 0, changing: false }
    }

    pub(crate) fn forget(&mut self) {
        self.known.clear();
        self.changing = false;
    }

    /// The transaction was committed.
    pub(crate) fn committed(&mut self) {
        if std::mem::take(&mut self.changing) {
            self.place.changes.fetch_add(1, Ordering::SeqCst);
        }
    }

    fn change(&mut self, realm: &Realm) {
        self.changing = true;
        self.known.retain(|(known, _)| known != realm);
    }

    fn find(&mut self, realm: &Realm) -> Option<Arc<RealmInfo>> {
        let changes = self.place.changes.load(Ordering::SeqCst);
        if std::mem::replace(&mut self.changes, changes) != changes {
            self.known.clear();
        }
        self.known.iter().find(|(known, _)| known == realm).map(|(_, info)| Arc::clone(info))
    }
}

/// Names of the columns of properties, each preceded by a comma.
pub(crate) fn property_columns(table: &str, properties: &[Property]) -> String {
    (0..properties.len()).map(|place| format!(", {table}p{place}")).collect()
}

/// Definitions of the columns of properties, each preceded by a comma.
fn typed(properties: &[Property]) -> String {
    let columns = properties.iter().enumerate();
    columns
        .map(|(place, (_, declared))| format!(", p{place} {}", Kind::of(*declared).sql()))
        .collect()
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
        if let Some(info) = self.realms.find(realm) {
            return Ok(Some(info));
        }
        let mut args = Args::new();
        args.text(&realm.version).int(i64::from(realm.generation));
        let sql = "SELECT id, layout FROM realms WHERE version = $1 AND generation = $2";
        let Some(row) = self.row("reading state tables", sql, args).await? else {
            return Ok(None);
        };
        let info = Arc::new(self.realm_info(&row, &realm.version)?);
        self.realms.known.push((realm.clone(), Arc::clone(&info)));
        Ok(Some(info))
    }

    /// Makes sure that the version's schema is ours.
    pub(crate) async fn own_version_schema(&mut self, version: &str) -> Result<(), Error> {
        let schema = version_schema(&self.place().namespace, version);
        let role = format!("version {version} of the namespace");
        self.own_schema(&schema, &role).await.map(drop)
    }

    pub(crate) fn realm_info(&self, row: &PgRow, version: &str) -> Result<RealmInfo, Error> {
        let layout = serde_json::from_str(&row.text(1)?).map_err(|_| damaged("a table layout"))?;
        let schema = quoted(&version_schema(&self.place().namespace, version));
        Ok(RealmInfo { id: row.int(0)?, layout, schema })
    }

    /// Every generation of a version.
    pub(crate) async fn realms_of(&mut self, version: &str) -> Result<Vec<Realm>, Error> {
        let mut args = Args::new();
        args.text(version);
        let sql = "SELECT generation FROM realms WHERE version = $1 ORDER BY generation";
        let rows = self.rows("reading state tables", sql, args).await?;
        rows.iter()
            .map(|row| Ok(Realm { version: version.to_owned(), generation: small(row.int(0)?)? }))
            .collect()
    }

    pub(crate) async fn create_realm(
        &mut self,
        realm: &Realm,
        manifest: &Manifest,
    ) -> Result<(), Error> {
        self.drop_realm(realm).await?;
        self.own_version_schema(&realm.version).await?;
        let layout = Layout::of(manifest);
        let mut args = Args::new();
        args.text(&realm.version).int(i64::from(realm.generation));
        args.text(&serde_json::to_string(&layout).map_err(|_| damaged("a table layout"))?);
        let sql = "INSERT INTO realms(version, generation, layout, published) \
                   VALUES ($1, $2, $3, false)";
        self.run(OPERATION, sql, args).await?;
        let info = self.realm(realm).await?;
        self.simple(OPERATION, tables(&info)).await
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
        let mut sql = String::new();
        let mut copy = |old: String, new: String| {
            sql.push_str(&format!("INSERT INTO {new} SELECT * FROM {old}; "));
        };
        for it in alike.entities.iter().filter(|it| it.origins.is_none()) {
            for part in PARTS {
                copy(old.table(it.from, part), new.table(it.to, part));
            }
        }
        for (a, b) in alike.pairs {
            copy(old.edges(a), new.edges(b));
        }
        self.simple(OPERATION, sql).await?;
        for copied in &alike.entities {
            if let Some(origins) = &copied.origins {
                self.relay(&old, &new, copied, origins).await?;
            }
        }
        for key in pairs {
            let mut args = Args::new();
            args.text(&key.source_type).text(&key.relationship);
            let sql = format!(
                "INSERT INTO {} SELECT * FROM {} WHERE source_type = $1 AND relationship = $2",
                new.requests(),
                old.requests()
            );
            self.run(OPERATION, sql, args).await?;
        }
        Ok(())
    }

    pub(crate) async fn drop_realm(&mut self, realm: &Realm) -> Result<(), Error> {
        const OPERATION: &str = "dropping state tables";
        self.realms.change(realm);
        let Some(info) = self.find_realm(realm).await? else { return Ok(()) };
        let mut args = Args::new();
        args.int(info.id);
        let sql = "DELETE FROM realms WHERE id = $1 RETURNING published";
        let row = self.row(OPERATION, sql, args).await?;
        let published = row.map_or(Ok(false), |row| row.bool(0))?;
        self.realms.change(realm);
        let mut sql = String::new();
        if published {
            for (name, _) in crate::views::views(&info).into_iter().rev() {
                sql.push_str(&format!("DROP VIEW IF EXISTS {}.{}; ", info.schema, quoted(&name)));
            }
        }
        sql.push_str(&format!("DROP TABLE {}", info.all_tables().join(", ")));
        self.simple(OPERATION, sql).await
    }

    /// Points the version's views at the realm.
    pub(crate) async fn publish_realm(&mut self, realm: &Realm) -> Result<(), Error> {
        const OPERATION: &str = "publishing state tables";
        let info = self.realm(realm).await?;
        let mut args = Args::new();
        args.int(info.id).text(&realm.version);
        let sql = "UPDATE realms SET published = (id = $1) WHERE version = $2";
        self.run(OPERATION, sql, args).await?;
        let mut sql = String::new();
        for (name, select) in crate::views::views(&info) {
            sql.push_str(&format!(
                "CREATE OR REPLACE VIEW {}.{} AS {select}; ",
                info.schema,
                quoted(&name)
            ));
        }
        self.simple(OPERATION, sql).await
    }
}

/// What makes the tables of a realm.
pub(crate) fn tables(info: &RealmInfo) -> String {
    let mut sql = String::new();
    for entity in &info.layout.entities {
        let (state, open, closed) =
            (info.table(entity, "state"), info.table(entity, "open"), info.table(entity, "closed"));
        let row = format!(
            "valid_from TIMESTAMPTZ NOT NULL, state TEXT NOT NULL, last_event_time TIMESTAMPTZ, \
             state_entered_time TIMESTAMPTZ NOT NULL, created_time TIMESTAMPTZ NOT NULL, \
             event_sequence BIGINT{}",
            typed(&entity.properties)
        );
        sql.push_str(&format!(
            "CREATE TABLE {state}(entity UUID PRIMARY KEY, next_due TIMESTAMPTZ, \
             ghost BOOLEAN NOT NULL, content BYTEA NOT NULL) WITH (fillfactor = 70); \
             CREATE INDEX ON {state}(next_due) WHERE next_due IS NOT NULL; \
             CREATE INDEX ON {state}(entity) WHERE ghost; \
             CREATE TABLE {open}(entity UUID PRIMARY KEY, {row}) WITH (fillfactor = 70); \
             CREATE TABLE {closed}(entity UUID NOT NULL, valid_to TIMESTAMPTZ NOT NULL, \
             merged_into UUID, {row}, PRIMARY KEY(entity, valid_from)); "
        ));
    }
    for pair in &info.layout.pairs {
        let edges = info.edges(pair);
        sql.push_str(&format!(
            "CREATE TABLE {edges}(source UUID NOT NULL, target UUID NOT NULL, \
             valid_from TIMESTAMPTZ NOT NULL, valid_to TIMESTAMPTZ{}, \
             PRIMARY KEY(source, target, valid_from)); \
             CREATE INDEX ON {edges}(source) WHERE valid_to IS NULL; \
             CREATE INDEX ON {edges}(target, valid_to); ",
            typed(&pair.properties)
        ));
    }
    let requests = info.requests();
    sql.push_str(&format!(
        "CREATE TABLE {requests}(relater UUID NOT NULL, \"time\" TIMESTAMPTZ NOT NULL, \
         sequence BIGINT NOT NULL, ordinal BIGINT NOT NULL, source_type TEXT NOT NULL, \
         relationship TEXT NOT NULL, forward BOOLEAN NOT NULL, other UUID NOT NULL, \
         content BYTEA, \
         PRIMARY KEY(relater, \"time\", sequence, ordinal, source_type, relationship)); \
         CREATE INDEX ON {requests}(other);"
    ));
    sql
}
