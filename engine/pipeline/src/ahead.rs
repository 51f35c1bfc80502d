//! Reading the ledger while what was read before is applied.

use std::collections::BTreeSet;
use std::sync::Arc;

use defacto_model::Sequence;
use defacto_ports::{EntityEventRow, LedgerRow, OrderKey, Store};
use rayon::prelude::*;
use tokio::task::JoinSet;

use crate::Error;
use crate::blocking::{FEW, blocking};
use crate::catalog::Catalog;
use crate::decode::Event;

/// Work that goes on by itself, at most one at a time; it ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Ahead<T>(JoinSet<Result<T, Error>>);

impl<T> Default for Ahead<T> {
    fn default() -> Self {
        Self(JoinSet::new())
    }
}

impl<T: Send + 'static> Ahead<T> {
    pub(crate) fn start(&mut self, work: impl Future<Output = Result<T, Error>> + Send + 'static) {
        self.0.spawn(work);
    }

    /// The same for computation.
    pub(crate) fn compute(&mut self, work: impl FnOnce() -> Result<T, Error> + Send + 'static) {
        self.0.spawn_blocking(work);
    }

    /// What was started, once it has ended; `None` when nothing was, or when it did not end by itself.
    pub(crate) async fn take(&mut self) -> Option<Result<T, Error>> {
        self.0.join_next().await?.ok()
    }
}

/// A part of the ledger to read a page of.
pub(crate) struct Pages {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) catalog: Arc<Catalog>,
    pub(crate) size: usize,
    pub(crate) after: Sequence,
    pub(crate) until: Sequence,
}

/// Events in the order of the ledger.
pub(crate) async fn fetch(pages: Pages) -> Result<Vec<Arc<Event>>, Error> {
    let mut reader = pages.store.read().await?;
    let rows = reader.scan_events(pages.after, pages.until, pages.size, false).await?;
    drop(reader);
    decode(&pages.catalog, rows)
}

/// A part of the ledger in event order.
pub(crate) struct Page {
    /// Key of the last event read.
    pub(crate) last: OrderKey,
    pub(crate) events: Vec<Arc<Event>>,
    /// To whom each belongs.
    pub(crate) entities: Vec<Vec<EntityEventRow>>,
}

/// Events in event order after a key, with their entities, of these types only; `None` at the end.
pub(crate) async fn fetch_in_order(
    pages: Pages,
    after: Option<OrderKey>,
    only: Option<Arc<BTreeSet<String>>>,
) -> Result<Option<Page>, Error> {
    let mut reader = pages.store.read().await?;
    let page = reader.replay_events(pages.after, pages.until, after, pages.size).await?;
    drop(reader);
    let Some((last, _)) = page.last() else { return Ok(None) };
    let last = OrderKey { timestamp: last.event.timestamp, sequence: last.sequence };
    let (rows, entities): (Vec<LedgerRow>, Vec<Vec<EntityEventRow>>) =
        page.into_iter().filter_map(|row| of_types(row, only.as_deref())).unzip();
    Ok(Some(Page { last, events: decode(&pages.catalog, rows)?, entities }))
}

/// An event with those of its entities that are of these types, if it has any.
fn of_types(
    (event, mut entities): (LedgerRow, Vec<EntityEventRow>),
    only: Option<&BTreeSet<String>>,
) -> Option<(LedgerRow, Vec<EntityEventRow>)> {
    if let Some(only) = only {
        entities.retain(|row| only.contains(&row.entity_type));
        if entities.is_empty() {
            return None;
        }
    }
    Some((event, entities))
}

/// Decodes rows in parallel.
pub(crate) fn decode(catalog: &Catalog, rows: Vec<LedgerRow>) -> Result<Vec<Arc<Event>>, Error> {
    let one = |row| Event::from_row(catalog, row).map(Arc::new);
    if rows.len() <= FEW {
        return rows.into_iter().map(one).collect();
    }
    blocking(|| rows.into_par_iter().with_min_len(128).map(one).collect())
}
