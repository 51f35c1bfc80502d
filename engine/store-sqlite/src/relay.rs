//! Copying an entity type's tables into ones with other properties.

use std::sync::Arc;

use defacto_ports::Error;
use defacto_ports::codec::relay_state;
use defacto_ports::layout::{AlikeType, Origin};

use crate::columns::{Args, Columns};
use crate::history_write::shared_columns;
use crate::realms::{RealmInfo, property_column};
use crate::session::{Parts, Session};

const OPERATION: &str = "copying state tables";
/// States read at once.
const PAGE: i64 = 4096;

impl Session {
    /// History in one statement a table, states one by one.
    pub(crate) async fn relay(
        &mut self,
        old: &Arc<RealmInfo>,
        new: &Arc<RealmInfo>,
        copied: &AlikeType<'_>,
        origins: &[Origin<'_>],
    ) -> Result<(), Error> {
        let columns = shared_columns(&copied.to.properties);
        let mut values = shared_columns(&[]);
        let mut same = Vec::new();
        for (origin, (name, declared)) in origins.iter().zip(&copied.to.properties) {
            values.push_str(", ");
            match origin {
                Origin::Property(_) => values.push_str(&property_column(name)),
                Origin::Same(value) => {
                    values.push('?');
                    same.push((name, *declared, *value));
                }
            }
        }
        for (part, first) in [("open", "entity"), ("closed", "entity, lasted, merged_into")] {
            let (from, to) = (old.table(copied.from, part), new.table(copied.to, part));
            let sql = format!(
                "INSERT INTO {to}({first}, {columns}) SELECT {first}, {values} FROM {from}"
            );
            let mut args = Args::new();
            for (name, declared, value) in &same {
                args.property(name, *declared, value)?;
            }
            self.run(OPERATION, sql, args).await?;
        }
        let (from, to) = (old.table(copied.from, "state"), new.table(copied.to, "state"));
        let before = format!("INSERT INTO {to}(entity, next_due, ghost, content) ");
        let parts = Parts { before: &before, columns: 4, after: "" };
        let mut last = i64::MIN;
        loop {
            let mut args = Args::new();
            args.int(last).int(PAGE);
            let sql = format!(
                "SELECT entity, next_due, ghost, content FROM {from} WHERE entity > ? \
                 ORDER BY entity LIMIT ?"
            );
            let mut page = Vec::new();
            for row in self.rows(OPERATION, sql, args).await? {
                let content = relay_state(row.blob(3)?, origins)?;
                page.push((row.int(0)?, row.maybe_int(1)?, row.maybe_int(2)?, content));
            }
            let Some((entity, ..)) = page.last() else { return Ok(()) };
            last = *entity;
            self.run_many(OPERATION, parts, &page, |args, (entity, due, ghost, content)| {
                args.int(*entity).maybe_int(*due).maybe_int(*ghost).blob(content.clone());
                Ok(())
            })
            .await?;
        }
    }
}
