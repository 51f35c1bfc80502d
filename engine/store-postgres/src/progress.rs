//! Positions, builds, versions and named texts.

use defacto_model::Sequence;
use defacto_ports::{BuildState, DefinitionVersion, Error, OrderKey};

use crate::bell::channel;
use crate::error::damaged;
use crate::names::{quoted, version_schema};
use crate::session::Session;
use crate::wire::{Args, Columns};

impl Session {
    /// How far a stage has come.
    async fn position(&mut self, stage: &'static str) -> Result<Sequence, Error> {
        let mut args = Args::new();
        args.text(stage);
        let sql = "SELECT position FROM shard_progress WHERE stage = $1";
        let row = self.row("reading a position", sql, args).await?;
        row.map_or(Ok(0), |row| row.int(0)).map(Sequence)
    }

    pub(crate) async fn head(&mut self) -> Result<Sequence, Error> {
        self.position("append").await
    }

    pub(crate) async fn resolved(&mut self) -> Result<Sequence, Error> {
        match self.resolved {
            Some(position) => Ok(position),
            None => self.position("resolve").await,
        }
    }

    pub(crate) async fn set_resolved(&mut self, position: Sequence) -> Result<(), Error> {
        let mut args = Args::new();
        args.int(position.0);
        let mut sql = "UPDATE shard_progress SET position = $1 WHERE stage = 'resolve'".to_owned();
        if !self.place().portable {
            args.text(&channel(self.place()));
            sql.push_str(" RETURNING pg_notify($2, '')");
        }
        self.resolved = self.resolved.map(|_| position);
        self.later("storing a position", sql, args)
    }

    pub(crate) async fn setting(&mut self, key: &str) -> Result<Option<String>, Error> {
        let mut args = Args::new();
        args.text(key);
        let sql = "SELECT value FROM data_state WHERE key = $1";
        let row = self.row("reading a setting", sql, args).await?;
        row.map(|row| row.text(0)).transpose()
    }

    pub(crate) async fn set_setting(&mut self, key: &str, value: &str) -> Result<(), Error> {
        let mut args = Args::new();
        args.text(key).text(value);
        let sql = "INSERT INTO data_state(key, value) VALUES ($1, $2) \
                   ON CONFLICT(key) DO UPDATE SET value = excluded.value";
        self.later("storing a setting", sql, args)
    }

    pub(crate) async fn save_build(
        &mut self,
        version: &str,
        state: &BuildState,
    ) -> Result<(), Error> {
        let (generation, target, key) = match state.pending {
            Some((generation, target, key)) => (Some(generation), Some(target.0), key),
            None => (None, None, None),
        };
        let mut args = Args::new();
        args.text(version).int(state.cursor.0).maybe_time(state.watermark);
        args.text(&state.definition_hash).text(&state.label_hash).text(&state.module_hash);
        args.int(i64::from(state.generation)).maybe_int(generation.map(i64::from));
        args.maybe_int(target).maybe_time(key.map(|key| key.timestamp));
        args.maybe_int(key.map(|key| key.sequence.0)).maybe_time(state.tick_as_of);
        args.text(&state.last_mode).maybe_time(state.last_built_at);
        let sql = "INSERT INTO build_state(version, cursor, watermark, definition_hash, \
                   label_hash, module_hash, generation, pending_generation, pending_target, \
                   pending_time, pending_sequence, tick_as_of, last_build_mode, last_build_time) \
                   VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) \
                   ON CONFLICT(version) DO UPDATE SET cursor = excluded.cursor, \
                   watermark = excluded.watermark, definition_hash = excluded.definition_hash, \
                   label_hash = excluded.label_hash, module_hash = excluded.module_hash, \
                   generation = excluded.generation, \
                   pending_generation = excluded.pending_generation, \
                   pending_target = excluded.pending_target, pending_time = excluded.pending_time, \
                   pending_sequence = excluded.pending_sequence, tick_as_of = excluded.tick_as_of, \
                   last_build_mode = excluded.last_build_mode, \
                   last_build_time = excluded.last_build_time";
        self.later("storing the progress of a build", sql, args)
    }

    pub(crate) async fn build(&mut self, version: &str) -> Result<Option<BuildState>, Error> {
        let mut args = Args::new();
        args.text(version);
        let sql = "SELECT cursor, watermark, definition_hash, label_hash, module_hash, \
                   generation, pending_generation, pending_target, pending_time, \
                   pending_sequence, tick_as_of, last_build_mode, last_build_time \
                   FROM build_state WHERE version = $1";
        let Some(row) = self.row("reading the progress of a build", sql, args).await? else {
            return Ok(None);
        };
        let key = match (row.maybe_time(8)?, row.maybe_int(9)?) {
            (Some(timestamp), Some(sequence)) => {
                Some(OrderKey { timestamp, sequence: Sequence(sequence) })
            }
            _ => None,
        };
        let pending = match (row.maybe_int(6)?, row.maybe_int(7)?) {
            (Some(generation), Some(target)) => Some((small(generation)?, Sequence(target), key)),
            _ => None,
        };
        Ok(Some(BuildState {
            cursor: Sequence(row.int(0)?),
            watermark: row.maybe_time(1)?,
            definition_hash: row.text(2)?,
            label_hash: row.text(3)?,
            module_hash: row.text(4)?,
            generation: small(row.int(5)?)?,
            pending,
            tick_as_of: row.maybe_time(10)?,
            last_mode: row.text(11)?,
            last_built_at: row.maybe_time(12)?,
        }))
    }

    pub(crate) async fn versions(&mut self) -> Result<Vec<DefinitionVersion>, Error> {
        let sql = "SELECT version, definitions, content_hash, active, created_at \
                   FROM definition_versions ORDER BY created_at, id";
        let rows = self.rows("reading versions", sql, Args::new()).await?;
        rows.iter()
            .map(|row| {
                Ok(DefinitionVersion {
                    version: row.text(0)?,
                    definitions: row.text(1)?,
                    content_hash: row.text(2)?,
                    active: row.bool(3)?,
                    created_at: row.time(4)?,
                })
            })
            .collect()
    }

    /// A version registered before takes the new definitions and keeps its place and activity.
    pub(crate) async fn add_version(&mut self, version: &DefinitionVersion) -> Result<(), Error> {
        let mut args = Args::new();
        args.text(&version.version).text(&version.definitions).text(&version.content_hash);
        args.time(version.created_at);
        let sql = "INSERT INTO definition_versions(version, definitions, content_hash, active, \
                   created_at) VALUES ($1, $2, $3, false, $4) ON CONFLICT(version) DO UPDATE SET \
                   definitions = excluded.definitions, content_hash = excluded.content_hash";
        self.run("registering a version", sql, args).await.map(drop)
    }

    pub(crate) async fn activate_version(&mut self, version: &str) -> Result<(), Error> {
        const OPERATION: &str = "activating a version";
        let mut args = Args::new();
        args.text(version);
        let sql = "UPDATE definition_versions SET active = true WHERE version = $1";
        if self.run(OPERATION, sql, args).await? == 0 {
            return Err(Error::Inconsistent {
                message: format!("the version {version} is not registered"),
            });
        }
        let mut args = Args::new();
        args.text(version);
        let sql = "UPDATE definition_versions SET active = false WHERE active AND version <> $1";
        self.run(OPERATION, sql, args).await.map(drop)
    }

    pub(crate) async fn drop_version(&mut self, version: &str) -> Result<(), Error> {
        const OPERATION: &str = "dropping a version";
        let realms = self.realms_of(version).await?;
        for realm in &realms {
            self.drop_realm(realm).await?;
        }
        if !realms.is_empty() {
            let schema = quoted(&version_schema(&self.place().namespace, version));
            self.simple(OPERATION, format!("DROP SCHEMA IF EXISTS {schema}")).await?;
        }
        for sql in [
            "DELETE FROM definition_versions WHERE version = $1",
            "DELETE FROM build_state WHERE version = $1",
        ] {
            let mut args = Args::new();
            args.text(version);
            self.run(OPERATION, sql, args).await?;
        }
        Ok(())
    }
}

pub(crate) fn small(number: i64) -> Result<u32, Error> {
    u32::try_from(number).map_err(|_| damaged("a generation"))
}
