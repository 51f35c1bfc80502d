//! Transactions and readers: a leased connection, and what each method of the port leads to.

use async_trait::async_trait;
use defacto_model::{EntityId, Manifest, Sequence, Timestamp};
use defacto_ports::layout::CopiedType;
use defacto_ports::{
    Appended, BuildState, DefinitionVersion, EdgeChange, EdgeKey, EdgeRequest, EdgeRow,
    EntityEventRow, EntityStateRow, Error, HintKey, HintRow, HistoryChange, HistoryQuery,
    HistoryRecord, LedgerRow, MergeRow, NewEvent, OrderKey, Reader, Realm, Transaction,
};
use tokio::sync::OwnedMutexGuard;

use crate::error::damaged;
use crate::session::Session;
use crate::store::{Idle, give_back};

/// An open transaction. Dropping it undoes what was not committed.
#[derive(Debug)]
pub(crate) struct Handle {
    lease: Lease,
    committed: bool,
}

#[derive(Debug)]
enum Lease {
    /// The one writing connection.
    Writer(OwnedMutexGuard<Option<Session>>),
    /// A connection for reading and where it goes afterwards.
    Reader(Option<Box<Session>>, Idle),
}

impl Handle {
    pub(crate) fn writing(lease: OwnedMutexGuard<Option<Session>>) -> Handle {
        Handle { lease: Lease::Writer(lease), committed: false }
    }

    pub(crate) fn reading(session: Session, idle: Idle) -> Handle {
        Handle { lease: Lease::Reader(Some(Box::new(session)), idle), committed: false }
    }

    fn session(&mut self) -> Result<&mut Session, Error> {
        let session = match &mut self.lease {
            Lease::Writer(guard) => guard.as_mut(),
            Lease::Reader(session, _) => session.as_deref_mut(),
        };
        session.ok_or_else(|| damaged("the connection"))
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        match &mut self.lease {
            Lease::Writer(guard) => {
                if let Some(session) = guard.as_mut().filter(|_| !self.committed) {
                    session.abandon(true);
                }
            }
            Lease::Reader(session, idle) => {
                if let Some(mut session) = session.take() {
                    session.abandon(false);
                    give_back(idle, *session);
                }
            }
        }
    }
}

#[async_trait]
impl Reader for Handle {
    async fn entered(&mut self) -> Result<u64, Error> {
        self.session()?.entered().await
    }

    async fn head(&mut self) -> Result<Sequence, Error> {
        self.session()?.head().await
    }

    async fn count_events(&mut self, source: Option<&str>) -> Result<u64, Error> {
        self.session()?.count_events(source).await
    }

    async fn event_types(&mut self) -> Result<Vec<(String, String)>, Error> {
        self.session()?.event_types().await
    }

    async fn scan_events(
        &mut self,
        after: Sequence,
        until: Sequence,
        limit: usize,
        duplicates: bool,
    ) -> Result<Vec<LedgerRow>, Error> {
        self.session()?.scan_events(after, until, limit, duplicates).await
    }

    async fn replay_events(
        &mut self,
        from: Sequence,
        until: Sequence,
        after: Option<OrderKey>,
        limit: usize,
    ) -> Result<Vec<(LedgerRow, Vec<EntityEventRow>)>, Error> {
        self.session()?.replay_events(from, until, after, limit).await
    }

    async fn events_of(
        &mut self,
        ids: &[EntityId],
        from: Option<OrderKey>,
    ) -> Result<Vec<(EntityEventRow, LedgerRow)>, Error> {
        self.session()?.events_of(ids, from).await
    }

    async fn events_relating(
        &mut self,
        ids: &[EntityId],
    ) -> Result<Vec<(EntityEventRow, LedgerRow)>, Error> {
        self.session()?.events_relating(ids).await
    }

    async fn events_by_origin(
        &mut self,
        ids: &[EntityId],
    ) -> Result<Vec<(EntityEventRow, LedgerRow)>, Error> {
        self.session()?.events_by_origin(ids).await
    }

    async fn duplicates_of(&mut self, sequences: &[Sequence]) -> Result<Vec<LedgerRow>, Error> {
        self.session()?.duplicates_of(sequences).await
    }

    async fn raw_texts(&mut self, sequences: &[Sequence]) -> Result<Vec<String>, Error> {
        self.session()?.raw_texts(sequences).await
    }

    async fn entity_events(
        &mut self,
        sequences: &[Sequence],
    ) -> Result<Vec<EntityEventRow>, Error> {
        self.session()?.entity_events(sequences).await
    }

    async fn resolved(&mut self) -> Result<Sequence, Error> {
        self.session()?.resolved().await
    }

    async fn find_hints(&mut self, keys: &[HintKey]) -> Result<Vec<Option<EntityId>>, Error> {
        self.session()?.find_hints(keys).await
    }

    async fn find_hint_text(&mut self, value: &str) -> Result<Vec<HintRow>, Error> {
        self.session()?.find_hint_text(value).await
    }

    async fn hints_of(&mut self, ids: &[EntityId]) -> Result<Vec<HintRow>, Error> {
        self.session()?.hints_of(ids).await
    }

    async fn some_hints(&mut self, id: EntityId, limit: usize) -> Result<Vec<HintRow>, Error> {
        self.session()?.some_hints(id, limit).await
    }

    async fn list_hints(
        &mut self,
        after: Option<&HintKey>,
        limit: usize,
    ) -> Result<Vec<HintRow>, Error> {
        self.session()?.list_hints(after, limit).await
    }

    async fn merges(&mut self, id: Option<EntityId>) -> Result<Vec<MergeRow>, Error> {
        self.session()?.merges(id).await
    }

    async fn merges_from(&mut self, ids: &[EntityId]) -> Result<Vec<MergeRow>, Error> {
        self.session()?.merges_from(ids).await
    }

    async fn merges_into(&mut self, ids: &[EntityId]) -> Result<Vec<MergeRow>, Error> {
        self.session()?.merges_into(ids).await
    }

    async fn merges_between(
        &mut self,
        after: Sequence,
        until: Sequence,
        limit: usize,
    ) -> Result<Vec<MergeRow>, Error> {
        self.session()?.merges_between(after, until, limit).await
    }

    async fn erased_generation(&mut self, digest: &str) -> Result<u32, Error> {
        self.session()?.erased_generation(digest).await
    }

    async fn load_states(
        &mut self,
        realm: &Realm,
        entity_type: &str,
        ids: &[EntityId],
    ) -> Result<Vec<Option<EntityStateRow>>, Error> {
        self.session()?.load_states(realm, entity_type, ids).await
    }

    async fn checkpoint(
        &mut self,
        realm: &Realm,
        entity_type: &str,
        id: EntityId,
        before: OrderKey,
    ) -> Result<Option<EntityStateRow>, Error> {
        self.session()?.checkpoint(realm, entity_type, id, before).await
    }

    async fn due(
        &mut self,
        realm: &Realm,
        entity_type: &str,
        before: Timestamp,
        after: Option<EntityId>,
        limit: usize,
    ) -> Result<Vec<EntityId>, Error> {
        self.session()?.due(realm, entity_type, before, after, limit).await
    }

    async fn count_entities(&mut self, realm: &Realm, entity_type: &str) -> Result<u64, Error> {
        self.session()?.count_entities(realm, entity_type).await
    }

    async fn edge_requests(
        &mut self,
        realm: &Realm,
        pair: &EdgeKey,
        touching: &[EntityId],
    ) -> Result<Vec<EdgeRequest>, Error> {
        self.session()?.edge_requests(realm, pair, touching).await
    }

    async fn edge_requests_by(
        &mut self,
        realm: &Realm,
        relaters: &[EntityId],
    ) -> Result<Vec<EdgeRequest>, Error> {
        self.session()?.edge_requests_by(realm, relaters).await
    }

    async fn open_edges(
        &mut self,
        realm: &Realm,
        pair: &EdgeKey,
        touching: &[EntityId],
    ) -> Result<Vec<EdgeRow>, Error> {
        self.session()?.open_edges(realm, pair, touching).await
    }

    async fn history(
        &mut self,
        realm: &Realm,
        entity_type: &str,
        query: &HistoryQuery,
    ) -> Result<Vec<HistoryRecord>, Error> {
        self.session()?.history(realm, entity_type, query).await
    }

    async fn visitors(
        &mut self,
        realm: &Realm,
        entity_type: &str,
        states: &[String],
    ) -> Result<Vec<EntityId>, Error> {
        self.session()?.visitors(realm, entity_type, states).await
    }

    async fn edges(
        &mut self,
        realm: &Realm,
        pair: &EdgeKey,
        after: Option<(EntityId, EntityId, Timestamp)>,
        limit: usize,
    ) -> Result<Vec<EdgeRow>, Error> {
        self.session()?.edges(realm, pair, after, limit).await
    }

    async fn build(&mut self, version: &str) -> Result<Option<BuildState>, Error> {
        self.session()?.build(version).await
    }

    async fn versions(&mut self) -> Result<Vec<DefinitionVersion>, Error> {
        self.session()?.versions().await
    }

    async fn setting(&mut self, key: &str) -> Result<Option<String>, Error> {
        self.session()?.setting(key).await
    }
}

#[async_trait]
impl Transaction for Handle {
    async fn commit(mut self: Box<Self>) -> Result<(), Error> {
        self.session()?.commit().await?;
        self.committed = true;
        Ok(())
    }

    async fn enter(&mut self) -> Result<u64, Error> {
        self.session()?.enter().await
    }

    async fn append(&mut self, events: &[NewEvent]) -> Result<Vec<Appended>, Error> {
        self.session()?.append(events).await
    }

    async fn rewrite_events(&mut self, rows: &[LedgerRow]) -> Result<(), Error> {
        self.session()?.rewrite_events(rows).await
    }

    async fn suspend_event_ids(&mut self) -> Result<(), Error> {
        self.session()?.suspend_event_ids();
        Ok(())
    }

    async fn restore_event_ids(&mut self) -> Result<u64, Error> {
        self.session()?.restore_event_ids().await
    }

    async fn delete_events(&mut self, sequences: &[Sequence]) -> Result<u64, Error> {
        self.session()?.delete_events(sequences).await
    }

    async fn add_entity_events(&mut self, rows: &[EntityEventRow]) -> Result<(), Error> {
        self.session()?.add_entity_events(rows).await
    }

    async fn move_entity_events(&mut self, from: EntityId, into: EntityId) -> Result<u64, Error> {
        self.session()?.move_entity_events(from, into).await
    }

    async fn clear_entity_events(&mut self, sequences: Option<&[Sequence]>) -> Result<(), Error> {
        self.session()?.clear_entity_events(sequences).await
    }

    async fn add_hints(&mut self, rows: &[HintRow]) -> Result<(), Error> {
        self.session()?.add_hints(rows).await
    }

    async fn move_hints(&mut self, from: EntityId, into: EntityId) -> Result<u64, Error> {
        self.session()?.move_hints(from, into).await
    }

    async fn clear_hints(&mut self, ids: Option<&[EntityId]>) -> Result<(), Error> {
        self.session()?.clear_hints(ids).await
    }

    async fn add_merges(&mut self, rows: &[MergeRow]) -> Result<(), Error> {
        self.session()?.add_merges(rows).await
    }

    async fn clear_merges(&mut self, ids: Option<&[EntityId]>) -> Result<(), Error> {
        self.session()?.clear_merges(ids).await
    }

    async fn set_resolved(&mut self, position: Sequence) -> Result<(), Error> {
        self.session()?.set_resolved(position).await
    }

    async fn create_realm(&mut self, realm: &Realm, manifest: &Manifest) -> Result<(), Error> {
        self.session()?.create_realm(realm, manifest).await
    }

    async fn publish_realm(&mut self, realm: &Realm, _manifest: &Manifest) -> Result<(), Error> {
        self.session()?.publish_realm(realm).await
    }

    async fn drop_realm(&mut self, realm: &Realm) -> Result<(), Error> {
        self.session()?.drop_realm(realm).await
    }

    async fn copy_types(
        &mut self,
        from: &Realm,
        to: &Realm,
        types: &[CopiedType],
        pairs: &[EdgeKey],
    ) -> Result<(), Error> {
        self.session()?.copy_types(from, to, types, pairs).await
    }

    async fn save_states(
        &mut self,
        realm: &Realm,
        entity_type: &str,
        rows: &[EntityStateRow],
    ) -> Result<(), Error> {
        self.session()?.save_states(realm, entity_type, rows).await
    }

    async fn save_checkpoints(
        &mut self,
        realm: &Realm,
        entity_type: &str,
        rows: &[EntityStateRow],
    ) -> Result<(), Error> {
        self.session()?.save_checkpoints(realm, entity_type, rows).await
    }

    async fn delete_checkpoints(
        &mut self,
        realm: &Realm,
        entity_type: &str,
        ids: &[(EntityId, OrderKey)],
    ) -> Result<(), Error> {
        self.session()?.delete_checkpoints(realm, entity_type, ids).await
    }

    async fn delete_states(
        &mut self,
        realm: &Realm,
        entity_type: &str,
        ids: &[EntityId],
    ) -> Result<(), Error> {
        self.session()?.delete_states(realm, entity_type, ids).await
    }

    async fn write_history(
        &mut self,
        realm: &Realm,
        entity_type: &str,
        changes: &[HistoryChange],
    ) -> Result<(), Error> {
        self.session()?.write_history(realm, entity_type, changes).await
    }

    async fn delete_history(
        &mut self,
        realm: &Realm,
        entity_type: &str,
        ids: &[EntityId],
    ) -> Result<(), Error> {
        self.session()?.delete_history(realm, entity_type, ids).await
    }

    async fn add_edge_requests(
        &mut self,
        realm: &Realm,
        requests: &[EdgeRequest],
    ) -> Result<(), Error> {
        self.session()?.add_edge_requests(realm, requests).await
    }

    async fn delete_edge_requests(
        &mut self,
        realm: &Realm,
        relaters: &[(EntityId, Option<Timestamp>)],
    ) -> Result<(), Error> {
        self.session()?.delete_edge_requests(realm, relaters).await
    }

    async fn write_edges(
        &mut self,
        realm: &Realm,
        pair: &EdgeKey,
        changes: &[EdgeChange],
    ) -> Result<(), Error> {
        self.session()?.write_edges(realm, pair, changes).await
    }

    async fn delete_edges(
        &mut self,
        realm: &Realm,
        pair: &EdgeKey,
        touching: &[EntityId],
    ) -> Result<(), Error> {
        self.session()?.delete_edges(realm, pair, touching).await
    }

    async fn save_build(&mut self, version: &str, state: &BuildState) -> Result<(), Error> {
        self.session()?.save_build(version, state).await
    }

    async fn add_version(&mut self, version: &DefinitionVersion) -> Result<(), Error> {
        self.session()?.add_version(version).await
    }

    async fn activate_version(&mut self, version: &str) -> Result<(), Error> {
        self.session()?.activate_version(version).await
    }

    async fn drop_version(&mut self, version: &str) -> Result<(), Error> {
        self.session()?.drop_version(version).await
    }

    async fn set_setting(&mut self, key: &str, value: &str) -> Result<(), Error> {
        self.session()?.set_setting(key, value).await
    }

    async fn add_erased_hint(&mut self, digest: &str) -> Result<u32, Error> {
        self.session()?.add_erased_hint(digest).await
    }
}
