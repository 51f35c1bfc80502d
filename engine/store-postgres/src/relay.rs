//! Copying an entity type's tables into ones with other properties.

use std::sync::Arc;

use defacto_model::EntityId;
use defacto_ports::Error;
use defacto_ports::codec::relay_state;
use defacto_ports::layout::{AlikeType, Origin};

use crate::history_write::shared_columns;
use crate::realms::RealmInfo;
use crate::session::Session;
use crate::wire::{Args, Columns, Kind, Rows};

const OPERATION: &str = "copying state tables";
/// States read at once.
const PAGE: usize = 4096;

impl Session {
    /// History in one statement a table, states one by one.
    pub(crate) async fn relay(
        &mut self,
        old: &Arc<RealmInfo>,
        new: &Arc<RealmInfo>,
        copied: &AlikeType<'_>,
        origins: &[Origin<'_>],
    ) -> Result<(), Error> {
        let columns = shared_columns("", &copied.to.properties);
        let mut values = shared_columns("t.", &[]);
        let (mut kinds, mut same) = (Vec::new(), Vec::new());
        for (origin, (name, declared)) in origins.iter().zip(&copied.to.properties) {
            match origin {
                Origin::Property(place) => values.push_str(&format!(", t.p{place}")),
                Origin::Same(value) => {
                    values.push_str(&format!(", s.c{}", same.len()));
                    kinds.push(Kind::of(*declared));
                    same.push((name, *declared, *value));
                }
            }
        }
        for (part, first) in [("open", "entity"), ("closed", "entity, valid_to, merged_into")] {
            let (from, to) = (old.table(copied.from, part), new.table(copied.to, part));
            let mut args = Args::new();
            let mut join = String::new();
            if !same.is_empty() {
                let mut rows = Rows::new(&kinds);
                rows.row();
                for (name, declared, value) in &same {
                    rows.property(name, *declared, value)?;
                }
                args.rows(&rows);
                let names: Vec<String> = (0..same.len()).map(|place| format!("c{place}")).collect();
                join = format!(" CROSS JOIN {} AS s({})", rows.unnest(1), names.join(", "));
            }
            let own: Vec<String> = first.split(", ").map(|name| format!("t.{name}")).collect();
            let sql = format!(
                "INSERT INTO {to}({first}, {columns}) SELECT {}, {values} FROM {from} t{join}",
                own.join(", ")
            );
            self.run(OPERATION, sql, args).await?;
        }
        let (from, to) = (old.table(copied.from, "state"), new.table(copied.to, "state"));
        let mut last: Option<EntityId> = None;
        loop {
            let mut args = Args::new();
            args.limit(PAGE);
            let after = match last {
                Some(last) => {
                    args.id(last);
                    "WHERE entity > $2 "
                }
                None => "",
            };
            let sql = format!(
                "SELECT entity, next_due, ghost, content FROM {from} {after}ORDER BY entity LIMIT $1"
            );
            let mut page = Rows::new(&[Kind::Uuid, Kind::Time, Kind::Bool, Kind::Bytes]);
            let found = self.rows(OPERATION, sql, args).await?;
            for row in &found {
                let id = row.id(0)?;
                page.row().id(id).maybe_time(row.maybe_time(1)?);
                page.bool(row.bool(2)?).bytes(&relay_state(row.bytes(3)?, origins)?);
                last = Some(id);
            }
            if found.is_empty() {
                return Ok(());
            }
            let mut args = Args::new();
            args.rows(&page);
            let sql = format!(
                "INSERT INTO {to}(entity, next_due, ghost, content) SELECT * FROM {}",
                page.unnest(1)
            );
            self.run(OPERATION, sql, args).await?;
        }
    }
}
