//! A store that is cut off in the middle of its work.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use async_trait::async_trait;
use defacto_model::{EntityId, Manifest, Sequence, Timestamp};
use defacto_ports::layout::CopiedType;
use defacto_ports::{
    Appended, BuildState, DefinitionVersion, EdgeChange, EdgeKey, EdgeRequest, EdgeRow,
    EntityEventRow, EntityStateRow, Error, HintKey, HintRow, HistoryChange, HistoryQuery,
    HistoryRecord, LedgerRow, MergeRow, NewEvent, OrderKey, Reader, Realm, Shards, Store,
    Transaction,
};
use tokio::sync::Notify;

/// Calls that may still be made of writing transactions; negative for all.
#[derive(Debug, Clone)]
struct Left {
    calls: Arc<AtomicI64>,
    /// Whether the call after them hangs instead of failing, and who is told.
    hangs: Arc<AtomicBool>,
    hung: Arc<Notify>,
}

impl Left {
    async fn spend(&self) -> Result<(), Error> {
        let left = self.calls.load(Ordering::Relaxed);
        if left == 0 {
            if self.hangs.load(Ordering::Relaxed) {
                self.hung.notify_one();
                std::future::pending::<()>().await;
            }
            return Err(Error::Inconsistent { message: "cut off".to_owned() });
        }
        if left > 0 {
            self.calls.store(left - 1, Ordering::Relaxed);
        }
        Ok(())
    }
}

/// A store whose writing transactions fail from some call on, whatever the call is: begin, a read, a write, commit.
#[derive(Debug)]
pub(crate) struct Faulty {
    inner: Arc<dyn Store>,
    left: Left,
}

impl Faulty {
    pub(crate) fn new(inner: Arc<dyn Store>) -> Self {
        let left = Left {
            calls: Arc::new(AtomicI64::new(-1)),
            hangs: Arc::default(),
            hung: Arc::default(),
        };
        Self { inner, left }
    }

    /// How many more calls succeed; negative for all.
    pub(crate) fn cut_off_after(&self, calls: i64) {
        self.left.calls.store(calls, Ordering::Relaxed);
        self.left.hangs.store(false, Ordering::Relaxed);
    }

    /// The call after so many never ends.
    pub(crate) fn hang_after(&self, calls: i64) {
        self.cut_off_after(calls);
        self.left.hangs.store(true, Ordering::Relaxed);
    }

    /// Waits until a call hangs.
    pub(crate) async fn hung(&self) {
        self.left.hung.notified().await;
    }
}

#[async_trait]
impl Store for Faulty {
    async fn begin(&self) -> Result<Box<dyn Transaction>, Error> {
        self.left.spend().await?;
        let inner = self.inner.begin().await?;
        Ok(Box::new(FaultyTransaction { inner, left: self.left.clone() }))
    }

    async fn read(&self) -> Result<Box<dyn Reader>, Error> {
        self.inner.read().await
    }

    async fn lock_build(&self, version: &str) -> Result<Box<dyn Send>, Error> {
        self.inner.lock_build(version).await
    }

    async fn unlock_build(&self, lock: Box<dyn Send>) {
        self.inner.unlock_build(lock).await;
    }

    fn shards(&self) -> Option<&dyn Shards> {
        self.inner.shards()
    }

    async fn purge(&self) -> Result<(), Error> {
        self.inner.purge().await
    }

    async fn damage(&self) -> Result<Vec<String>, Error> {
        self.inner.damage().await
    }

    async fn close(&self) -> Result<(), Error> {
        self.inner.close().await
    }
}

struct FaultyTransaction {
    inner: Box<dyn Transaction>,
    left: Left,
}

macro_rules! forward {
    ($name:ident { $($head:tt)* } $(fn $method:ident($($arg:ident: $type:ty),*) -> $out:ty;)*) => {
        #[async_trait]
        impl $name for FaultyTransaction {
            $($head)*
            $(
                async fn $method(&mut self, $($arg: $type),*) -> Result<$out, Error> {
                    self.left.spend().await?;
                    self.inner.$method($($arg),*).await
                }
            )*
        }
    };
}

forward! { Transaction {
    async fn commit(self: Box<Self>) -> Result<(), Error> {
        self.left.spend().await?;
        self.inner.commit().await
    }
}
    fn enter() -> u64;
    fn append(events: &[NewEvent]) -> Vec<Appended>;
    fn rewrite_events(rows: &[LedgerRow]) -> ();
    fn suspend_event_ids() -> ();
    fn restore_event_ids() -> u64;
    fn delete_events(sequences: &[Sequence]) -> u64;
    fn add_entity_events(rows: &[EntityEventRow]) -> ();
    fn move_entity_events(from: EntityId, into: EntityId) -> u64;
    fn clear_entity_events(sequences: Option<&[Sequence]>) -> ();
    fn add_hints(rows: &[HintRow]) -> ();
    fn move_hints(from: EntityId, into: EntityId) -> u64;
    fn clear_hints(ids: Option<&[EntityId]>) -> ();
    fn add_merges(rows: &[MergeRow]) -> ();
    fn clear_merges(ids: Option<&[EntityId]>) -> ();
    fn set_resolved(position: Sequence) -> ();
    fn create_realm(realm: &Realm, manifest: &Manifest) -> ();
    fn publish_realm(realm: &Realm, manifest: &Manifest) -> ();
    fn drop_realm(realm: &Realm) -> ();
    fn copy_types(from: &Realm, to: &Realm, types: &[CopiedType], pairs: &[EdgeKey]) -> ();
    fn save_states(realm: &Realm, entity_type: &str, rows: &[EntityStateRow]) -> ();
    fn save_checkpoints(realm: &Realm, entity_type: &str, rows: &[EntityStateRow]) -> ();
    fn delete_checkpoints(realm: &Realm, entity_type: &str, ids: &[(EntityId, OrderKey)]) -> ();
    fn delete_states(realm: &Realm, entity_type: &str, ids: &[EntityId]) -> ();
    fn write_history(realm: &Realm, entity_type: &str, changes: &[HistoryChange]) -> ();
    fn delete_history(realm: &Realm, entity_type: &str, ids: &[EntityId]) -> ();
    fn add_edge_requests(realm: &Realm, requests: &[EdgeRequest]) -> ();
    fn delete_edge_requests(realm: &Realm, relaters: &[(EntityId, Option<Timestamp>)]) -> ();
    fn write_edges(realm: &Realm, pair: &EdgeKey, changes: &[EdgeChange]) -> ();
    fn delete_edges(realm: &Realm, pair: &EdgeKey, touching: &[EntityId]) -> ();
    fn save_build(version: &str, state: &BuildState) -> ();
    fn add_version(version: &DefinitionVersion) -> ();
    fn activate_version(version: &str) -> ();
    fn drop_version(version: &str) -> ();
    fn set_setting(key: &str, value: &str) -> ();
    fn add_erased_hint(digest: &str) -> u32;
}

forward! { Reader {}
    fn entered() -> u64;
    fn head() -> Sequence;
    fn count_events(source: Option<&str>) -> u64;
    fn event_types() -> Vec<(String, String)>;
    fn scan_events(after: Sequence, until: Sequence, limit: usize, duplicates: bool) -> Vec<LedgerRow>;
    fn replay_events(from: Sequence, until: Sequence, after: Option<OrderKey>, limit: usize) -> Vec<(LedgerRow, Vec<EntityEventRow>)>;
    fn events_of(ids: &[EntityId], from: Option<OrderKey>) -> Vec<(EntityEventRow, LedgerRow)>;
    fn events_by_origin(ids: &[EntityId]) -> Vec<(EntityEventRow, LedgerRow)>;
    fn events_relating(ids: &[EntityId]) -> Vec<(EntityEventRow, LedgerRow)>;
    fn duplicates_of(sequences: &[Sequence]) -> Vec<LedgerRow>;
    fn raw_texts(sequences: &[Sequence]) -> Vec<String>;
    fn entity_events(sequences: &[Sequence]) -> Vec<EntityEventRow>;
    fn resolved() -> Sequence;
    fn find_hints(keys: &[HintKey]) -> Vec<Option<EntityId>>;
    fn find_hint_text(value: &str) -> Vec<HintRow>;
    fn hints_of(ids: &[EntityId]) -> Vec<HintRow>;
    fn some_hints(id: EntityId, limit: usize) -> Vec<HintRow>;
    fn list_hints(after: Option<&HintKey>, limit: usize) -> Vec<HintRow>;
    fn merges(id: Option<EntityId>) -> Vec<MergeRow>;
    fn merges_from(ids: &[EntityId]) -> Vec<MergeRow>;
    fn merges_into(ids: &[EntityId]) -> Vec<MergeRow>;
    fn merges_between(after: Sequence, until: Sequence, limit: usize) -> Vec<MergeRow>;
    fn erased_generation(digest: &str) -> u32;
    fn load_states(realm: &Realm, entity_type: &str, ids: &[EntityId]) -> Vec<Option<EntityStateRow>>;
    fn checkpoint(realm: &Realm, entity_type: &str, id: EntityId, before: OrderKey) -> Option<EntityStateRow>;
    fn due(realm: &Realm, entity_type: &str, before: Timestamp, after: Option<EntityId>, limit: usize) -> Vec<EntityId>;
    fn count_entities(realm: &Realm, entity_type: &str) -> u64;
    fn edge_requests(realm: &Realm, pair: &EdgeKey, touching: &[EntityId]) -> Vec<EdgeRequest>;
    fn edge_requests_by(realm: &Realm, relaters: &[EntityId]) -> Vec<EdgeRequest>;
    fn open_edges(realm: &Realm, pair: &EdgeKey, touching: &[EntityId]) -> Vec<EdgeRow>;
    fn history(realm: &Realm, entity_type: &str, query: &HistoryQuery) -> Vec<HistoryRecord>;
    fn visitors(realm: &Realm, entity_type: &str, states: &[String]) -> Vec<EntityId>;
    fn edges(realm: &Realm, pair: &EdgeKey, after: Option<(EntityId, EntityId, Timestamp)>, limit: usize) -> Vec<EdgeRow>;
    fn build(version: &str) -> Option<BuildState>;
    fn versions() -> Vec<DefinitionVersion>;
    fn setting(key: &str) -> Option<String>;
}
