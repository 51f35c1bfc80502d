//! Positions, builds, versions and named texts.

use defacto_model::Sequence;
use defacto_ports::{BuildState, DefinitionVersion, Error, OrderKey};

use crate::columns::{Args, Columns, instant};
use crate::error::damaged;
use crate::session::Session;

impl Session {
    /// A named number, 0 when never set.
    pub(crate) async fn counter(&mut self, name: &'static str) -> Result<i64, Error> {
        let mut args = Args::new();
        args.text(name);
        let sql = "SELECT value FROM counters WHERE name = ?";
        let row = self.row("reading a position", sql, args).await?;
        row.map_or(Ok(0), |row| row.int(0))
    }

    pub(crate) async fn set_counter(
        &mut self,
        name: &'static str,
        value: i64,
    ) -> Result<(), Error> {
        let mut args = Args::new();
        args.text(name).int(value);
        let sql = "INSERT OR REPLACE INTO counters(name, value) VALUES (?, ?)";
        self.run("storing a position", sql, args).await.map(drop)
    }

    pub(crate) async fn entered(&mut self) -> Result<u64, Error> {
        let count = self.counter("entered").await?;
        u64::try_from(count).map_err(|_| damaged("a counter"))
    }

    pub(crate) async fn enter(&mut self) -> Result<u64, Error> {
        let count = self.entered().await?;
        let next = i64::try_from(count.saturating_add(1)).unwrap_or(i64::MAX);
        self.set_counter("entered", next).await?;
        Ok(count)
    }

    pub(crate) async fn resolved(&mut self) -> Result<Sequence, Error> {
        self.counter("resolved").await.map(Sequence)
    }

    pub(crate) async fn set_resolved(&mut self, position: Sequence) -> Result<(), Error> {
        self.set_counter("resolved", position.0).await
    }

    pub(crate) async fn setting(&mut self, key: &str) -> Result<Option<String>, Error> {
        let mut args = Args::new();
        args.text(key);
        let sql = "SELECT value FROM settings WHERE key = ?";
        let row = self.row("reading a setting", sql, args).await?;
        row.map(|row| row.text(0).map(str::to_owned)).transpose()
    }

    pub(crate) async fn set_setting(&mut self, key: &str, value: &str) -> Result<(), Error> {
        let mut args = Args::new();
        args.text(key).text(value);
        let sql = "INSERT OR REPLACE INTO settings(key, value) VALUES (?, ?)";
        self.run("storing a setting", sql, args).await.map(drop)
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
        let sql = "INSERT OR REPLACE INTO build_state(version, cursor, watermark, \
                   definition_hash, label_hash, module_hash, generation, pending_generation, \
                   pending_target, pending_time, pending_sequence, tick_as_of, last_mode, \
                   last_built_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
        self.run("storing the progress of a build", sql, args).await.map(drop)
    }

    pub(crate) async fn build(&mut self, version: &str) -> Result<Option<BuildState>, Error> {
        let mut args = Args::new();
        args.text(version);
        let sql = "SELECT cursor, watermark, definition_hash, label_hash, module_hash, \
                   generation, pending_generation, pending_target, pending_time, \
                   pending_sequence, tick_as_of, last_mode, last_built_at \
                   FROM build_state WHERE version = ?";
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
            definition_hash: row.text(2)?.to_owned(),
            label_hash: row.text(3)?.to_owned(),
            module_hash: row.text(4)?.to_owned(),
            generation: small(row.int(5)?)?,
            pending,
            tick_as_of: row.maybe_time(10)?,
            last_mode: row.text(11)?.to_owned(),
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
                    version: row.text(0)?.to_owned(),
                    definitions: row.text(1)?.to_owned(),
                    content_hash: row.text(2)?.to_owned(),
                    active: row.int(3)? != 0,
                    created_at: instant(row.int(4)?)?,
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
                   created_at) VALUES (?, ?, ?, 0, ?) ON CONFLICT(version) DO UPDATE SET \
                   definitions = excluded.definitions, content_hash = excluded.content_hash";
        self.run("registering a version", sql, args).await.map(drop)
    }

    pub(crate) async fn activate_version(&mut self, version: &str) -> Result<(), Error> {
        const OPERATION: &str = "activating a version";
        let mut args = Args::new();
        args.text(version);
        let sql = "UPDATE definition_versions SET active = 1 WHERE version = ?";
        if self.run(OPERATION, sql, args).await? == 0 {
            return Err(Error::Inconsistent {
                message: format!("the version {version} is not registered"),
            });
        }
        let mut args = Args::new();
        args.text(version);
        let sql = "UPDATE definition_versions SET active = 0 WHERE active <> 0 AND version <> ?";
        self.run(OPERATION, sql, args).await?;
        self.refresh_views().await
    }

    pub(crate) async fn drop_version(&mut self, version: &str) -> Result<(), Error> {
        const OPERATION: &str = "dropping a version";
        for realm in self.realms_of(version).await? {
            self.drop_realm(&realm).await?;
        }
        for sql in [
            "DELETE FROM definition_versions WHERE version = ?",
            "DELETE FROM build_state WHERE version = ?",
        ] {
            let mut args = Args::new();
            args.text(version);
            self.run(OPERATION, sql, args).await?;
        }
        self.refresh_views().await
    }
}

fn small(number: i64) -> Result<u32, Error> {
    u32::try_from(number).map_err(|_| damaged("a generation"))
}
