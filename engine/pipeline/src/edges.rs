use std::collections::{BTreeMap, BTreeSet};

use defacto_model::{EntityId, Shard, Timestamp, Value};
use defacto_ports::{EdgeChange, EdgeRequest, EdgeRow, MergeRow, OrderKey, Realm, Transaction};

use crate::Error;
use crate::catalog::Catalog;
use crate::fold::EdgeDelta;
use crate::merges::MergeIndex;
use crate::pairs::Pair;

/// What a batch brings to the edges.
#[derive(Debug, Default)]
pub(crate) struct EdgeWork {
    /// New requests, by index of the pair.
    pub(crate) requests: Vec<(usize, EdgeRequest)>,
    /// Changes of entities whose own requests alone decide their edges: relating type, entity, change.
    pub(crate) deltas: Vec<(u32, EntityId, EdgeDelta)>,
    /// Relaters of such edges whose first event stands at the instant of their last one before: what was
    /// before that instant is not at hand, so their edges are folded from the start.
    pub(crate) slow: Vec<EntityId>,
    /// Relaters whose earlier requests no longer hold.
    pub(crate) anew: Vec<EntityId>,
    /// Relaters whose requests after an instant no longer hold.
    pub(crate) later: Vec<(EntityId, Timestamp)>,
    /// Merges that took place.
    pub(crate) merges: Vec<MergeRow>,
    /// Ends of edges that are folded from the start.
    pub(crate) touching: Vec<EntityId>,
    /// Requests that have been deleted, by index of the pair: edges that they closed may be open again.
    pub(crate) withdrawn: Vec<(usize, EdgeRequest)>,
}

type Ends = (EntityId, EntityId);
/// What became of an edge, in order: its properties from an instant on, or none when it was closed.
type Timeline = Vec<(Timestamp, Option<Vec<Value>>)>;

/// Brings the edge history up to date: the fold of all requests in order (decision 27).
///
/// Of a shard, edges that only their relating entity can change are written by the shard that owns it; others by
/// whichever shard brings a request, under a lock that makes the requests of all shards visible.
pub(crate) async fn write_edges(
    tx: &mut dyn Transaction,
    realm: &Realm,
    catalog: &Catalog,
    shard: Option<Shard>,
    merges: &mut MergeIndex,
    any_merges: bool,
    work: EdgeWork,
) -> Result<(), Error> {
    let pairs = &catalog.pairs.pairs;
    if pairs.is_empty() {
        return Ok(());
    }
    let owns = |id: &EntityId| shard.is_none_or(|shard| shard.owns(id));
    let mut touched: Vec<Vec<EdgeRequest>> = vec![Vec::new(); pairs.len()];
    for (at, request) in work.withdrawn {
        if let Some(list) = touched.get_mut(at) {
            list.push(request);
        }
    }
    let mut slow = work.slow;
    slow.sort_unstable();
    let mut gone = work.anew;
    gone.extend(work.merges.iter().map(|merge| merge.from).filter(owns));
    gone.sort_unstable();
    gone.dedup();
    if !gone.is_empty() {
        for request in tx.edge_requests_by(realm, &gone).await? {
            if let Some(at) = pairs.iter().position(|pair| pair.key == request.pair)
                && let Some(list) = touched.get_mut(at)
            {
                list.push(request);
            }
        }
        let all: Vec<_> = gone.iter().map(|id| (*id, None)).collect();
        tx.delete_edge_requests(realm, &all).await?;
    }
    if !work.later.is_empty() {
        let after: BTreeMap<EntityId, Timestamp> = work.later.iter().copied().collect();
        let ids: Vec<EntityId> = after.keys().copied().collect();
        for request in tx.edge_requests_by(realm, &ids).await? {
            if after.get(&request.relater).is_some_and(|at| request.key.timestamp > *at)
                && let Some(at) = pairs.iter().position(|pair| pair.key == request.pair)
                && let Some(list) = touched.get_mut(at)
            {
                list.push(request);
            }
        }
        let next =
            |at: Timestamp| Timestamp::saturating_from_micros(at.as_micros().saturating_add(1));
        let from: Vec<_> = after.iter().map(|(id, at)| (*id, Some(next(*at)))).collect();
        tx.delete_edge_requests(realm, &from).await?;
    }
    let mut added: Vec<EdgeRequest> = Vec::with_capacity(work.requests.len());
    for (at, request) in work.requests {
        let own_only = pairs.get(at).is_some_and(|pair| pair.own_only);
        let fresh = gone.binary_search(&request.relater).is_err()
            && slow.binary_search(&request.relater).is_err();
        if !(own_only && fresh)
            && let Some(list) = touched.get_mut(at)
        {
            list.push(request.clone());
        }
        added.push(request);
    }
    if !added.is_empty() {
        tx.add_edge_requests(realm, &added).await?;
    }
    let mut losers: Vec<EntityId> = work.merges.iter().map(|merge| merge.from).collect();
    if !losers.is_empty() {
        // Requests name ids as they were then: those merged into the losers before lead on as well.
        cluster(tx, &mut losers).await?;
        for (pair, list) in pairs.iter().zip(&mut touched) {
            let requests = tx.edge_requests(realm, &pair.key, &losers).await?;
            // Edges to one that ceased lead to the survivor: the relating entity's owner sees to its own edges, the
            // owner of the one that ceased to edges that others can change too.
            list.extend(requests.into_iter().filter(|request| {
                owns(if pair.own_only { &request.relater } else { &request.other })
            }));
        }
    }
    if !work.touching.is_empty() {
        for (pair, list) in pairs.iter().zip(&mut touched) {
            tx.delete_edges(realm, &pair.key, &work.touching).await?;
            list.extend(tx.edge_requests(realm, &pair.key, &work.touching).await?);
        }
    }
    write_own(tx, realm, catalog, &gone, work.deltas).await?;
    if shard.is_some()
        && pairs.iter().zip(&touched).any(|(p, list)| !p.own_only && !list.is_empty())
    {
        tx.lock_edges().await?;
    }
    // The first merge of all may have been made by another process just now.
    let any_merges = any_merges || shard.is_some();
    for (pair, list) in pairs.iter().zip(touched) {
        if !list.is_empty() {
            refold(tx, realm, pair, merges, any_merges, list).await?;
        }
    }
    Ok(())
}

/// Writes the changes of edges that nobody but the relating entity can change.
async fn write_own(
    tx: &mut dyn Transaction,
    realm: &Realm,
    catalog: &Catalog,
    gone: &[EntityId],
    deltas: Vec<(u32, EntityId, EdgeDelta)>,
) -> Result<(), Error> {
    let mut by_pair: BTreeMap<usize, BTreeMap<Ends, Vec<EdgeDelta>>> = BTreeMap::new();
    for (entity, id, delta) in deltas {
        let Some(side) = catalog.pairs.side(entity, delta.relationship) else { continue };
        let own_only = catalog.pairs.pairs.get(side.pair).is_some_and(|pair| pair.own_only);
        if own_only && gone.binary_search(&id).is_err() {
            let ends = if side.forward { (id, delta.target) } else { (delta.target, id) };
            by_pair.entry(side.pair).or_default().entry(ends).or_default().push(delta);
        }
    }
    for (at, edges) in by_pair {
        let Some(pair) = catalog.pairs.pairs.get(at) else { continue };
        let mut changes = Vec::with_capacity(edges.len());
        for (ends, deltas) in edges {
            let before = deltas.first().and_then(|delta| delta.before.clone());
            let timeline = deltas.into_iter().map(|delta| (delta.at, delta.after)).collect();
            let (from, rows) = versions(ends, before, timeline);
            if let Some(from) = from {
                changes.push(EdgeChange { source: ends.0, target: ends.1, from, rows });
            }
        }
        if !changes.is_empty() {
            tx.write_edges(realm, &pair.key, &changes).await?;
        }
    }
    Ok(())
}

/// Makes versions from what an edge was before and the changes in order; the instant of the first real one.
fn versions(
    ends: Ends,
    before: Option<Vec<Value>>,
    timeline: Timeline,
) -> (Option<Timestamp>, Vec<EdgeRow>) {
    let mut rows: Vec<EdgeRow> = Vec::new();
    let mut first = None;
    let mut value = before;
    let mut changes = timeline.into_iter().peekable();
    let mut closed = false;
    while let Some((at, after)) = changes.next() {
        if changes.peek().is_some_and(|(next, _)| *next == at) {
            closed |= after.is_none();
            continue;
        }
        // An edge that was closed and opened again at one instant has a new version.
        let reopened = std::mem::take(&mut closed) && after.is_some();
        if after == value && !reopened {
            continue;
        }
        first = first.or(Some(at));
        if let Some(open) = rows.last_mut()
            && open.valid_to.is_none()
        {
            open.valid_to = Some(at);
        }
        if let Some(properties) = &after {
            rows.push(EdgeRow {
                source: ends.0,
                target: ends.1,
                properties: properties.clone(),
                valid_from: at,
                valid_to: None,
            });
        }
        value = after;
    }
    (first, rows)
}

fn ends_of(pair: &Pair, request: &EdgeRequest, other: EntityId) -> Ends {
    let (source, target) =
        if request.forward { (request.relater, other) } else { (other, request.relater) };
    if pair.symmetric && source > target { (target, source) } else { (source, target) }
}

/// Folds again everything that the touched requests are connected with.
async fn refold(
    tx: &mut dyn Transaction,
    realm: &Realm,
    pair: &Pair,
    merges: &mut MergeIndex,
    any_merges: bool,
    touched: Vec<EdgeRequest>,
) -> Result<(), Error> {
    let mut ends: BTreeSet<Ends> = BTreeSet::new();
    let mut known: BTreeSet<EntityId> = BTreeSet::new();
    let mut requests: Vec<EdgeRequest> = Vec::new();
    let mut frontier = touched;
    loop {
        if any_merges {
            merges.load(tx, frontier.iter().map(|request| request.other).collect()).await?;
        }
        let mut ids: Vec<EntityId> = Vec::new();
        for request in &frontier {
            let mut other = request.other;
            loop {
                ends.insert(ends_of(pair, request, other));
                match merges.end_of(other) {
                    Some((_, into)) => other = into,
                    None => break,
                }
            }
            let (source, target) = ends_of(pair, request, other);
            match (pair.one_target, pair.one_source) {
                (true, true) => ids.extend([source, target]),
                (false, true) => ids.push(target),
                _ => ids.push(source),
            }
        }
        ids.retain(|id| known.insert(*id));
        if ids.is_empty() {
            break;
        }
        if any_merges {
            cluster(tx, &mut ids).await?;
            known.extend(ids.iter().copied());
        }
        let found = tx.edge_requests(realm, &pair.key, &ids).await?;
        if any_merges {
            let ends = found.iter().flat_map(|request| [request.other, request.relater]);
            merges.load(tx, ends.collect()).await?;
        }
        // What an entity that ceased asked for is void, even where its owner has not withdrawn it yet.
        let found = found.into_iter().filter(|request| merges.end_of(request.relater).is_none());
        let mine = |request: &EdgeRequest| {
            let (source, target) = ends_of(pair, request, merges.root(request.other));
            match (pair.one_target, pair.one_source) {
                (true, true) => true,
                (false, true) => known.contains(&target),
                (true, false) => known.contains(&source),
                (false, false) => ends.contains(&(source, target)),
            }
        };
        let found: Vec<EdgeRequest> = found.filter(mine).collect();
        let both = pair.one_target && pair.one_source;
        frontier = if both { found.clone() } else { Vec::new() };
        if !both {
            for request in &found {
                let mut other = request.other;
                ends.insert(ends_of(pair, request, other));
                while let Some((_, into)) = merges.end_of(other) {
                    other = into;
                    ends.insert(ends_of(pair, request, other));
                }
            }
        }
        requests.extend(found);
    }
    requests.sort_by_key(place);
    requests.dedup_by(|a, b| place(a) == place(b));
    let mut folded = Edges::default();
    folded.run(pair, merges, &requests);
    let Edges { mut timelines, .. } = folded;
    let changes: Vec<EdgeChange> = ends
        .into_iter()
        .map(|ends| {
            let timeline = timelines.remove(&ends).unwrap_or_default();
            let (_, rows) = versions(ends, None, timeline);
            EdgeChange { source: ends.0, target: ends.1, from: Timestamp::MIN, rows }
        })
        .collect();
    tx.write_edges(realm, &pair.key, &changes).await?;
    Ok(())
}

type Place = (OrderKey, u32, EntityId, bool, EntityId);

fn place(request: &EdgeRequest) -> Place {
    (request.key, request.ordinal, request.relater, request.forward, request.other)
}

/// Adds everything that was merged into the ids.
pub(crate) async fn cluster(
    tx: &mut dyn Transaction,
    ids: &mut Vec<EntityId>,
) -> Result<(), Error> {
    let mut new = ids.clone();
    while !new.is_empty() {
        let rows = tx.merges_into(&new).await?;
        new = rows.into_iter().map(|row| row.from).filter(|id| !ids.contains(id)).collect();
        new.sort_unstable();
        new.dedup();
        ids.extend(new.iter().copied());
    }
    Ok(())
}

/// Around every id.
const FIRST: EntityId = EntityId([0; 16]);
const LAST: EntityId = EntityId([0xff; 16]);

/// Open edges and what became of all, while folding.
#[derive(Debug, Default)]
struct Edges {
    open: BTreeMap<Ends, Vec<Value>>,
    /// The ends of the open edges, the other way round.
    by_target: BTreeSet<Ends>,
    timelines: BTreeMap<Ends, Timeline>,
}

impl Edges {
    fn run(&mut self, pair: &Pair, merges: &MergeIndex, requests: &[EdgeRequest]) {
        let mut moves: Vec<(OrderKey, EntityId, EntityId)> = Vec::new();
        if !merges.is_empty() {
            let others: BTreeSet<EntityId> = requests.iter().map(|request| request.other).collect();
            let mut seen = BTreeSet::new();
            for other in others {
                let mut id = other;
                while let Some((key, into)) = merges.end_of(id) {
                    if !seen.insert(id) {
                        break;
                    }
                    moves.push((key, id, into));
                    id = into;
                }
            }
            moves.sort_unstable();
        }
        let mut moves = moves.into_iter().peekable();
        for request in requests {
            while let Some((key, from, into)) = moves.next_if(|(key, ..)| *key <= request.key) {
                self.repoint(pair, key.timestamp, from, into);
            }
            let other = merges.root_at(request.other, request.key);
            let ends = ends_of(pair, request, other);
            self.relate(pair, request.key.timestamp, ends, request.properties.clone());
        }
        for (key, from, into) in moves {
            self.repoint(pair, key.timestamp, from, into);
        }
    }

    /// Open edges of a source.
    fn from(&self, source: EntityId) -> impl Iterator<Item = Ends> {
        self.open.range((source, FIRST)..=(source, LAST)).map(|(ends, _)| *ends)
    }

    /// Open edges to a target.
    fn to(&self, target: EntityId) -> impl Iterator<Item = Ends> {
        self.by_target.range((target, FIRST)..=(target, LAST)).map(|&(to, from)| (from, to))
    }

    fn set(&mut self, at: Timestamp, ends: Ends, properties: Option<Vec<Value>>) {
        if let Some(properties) = &properties {
            self.open.insert(ends, properties.clone());
            self.by_target.insert((ends.1, ends.0));
        } else {
            self.open.remove(&ends);
            self.by_target.remove(&(ends.1, ends.0));
        }
        self.timelines.entry(ends).or_default().push((at, properties));
    }

    fn relate(&mut self, pair: &Pair, at: Timestamp, ends: Ends, properties: Vec<Value>) {
        let mut closed: Vec<Ends> = Vec::new();
        if pair.one_target {
            closed.extend(self.from(ends.0));
        }
        if pair.one_source {
            closed.extend(self.to(ends.1));
        }
        closed.retain(|other| *other != ends);
        closed.sort_unstable();
        closed.dedup();
        for other in closed {
            self.set(at, other, None);
        }
        if self.open.get(&ends) != Some(&properties) {
            self.set(at, ends, Some(properties));
        }
    }

    /// Edges of an entity that ceases lead to the survivor.
    fn repoint(&mut self, pair: &Pair, at: Timestamp, from: EntityId, into: EntityId) {
        let mut moved: Vec<Ends> = self.from(from).chain(self.to(from)).collect();
        moved.sort_unstable();
        moved.dedup();
        for old in moved {
            let swap = |id| if id == from { into } else { id };
            let (source, target) = (swap(old.0), swap(old.1));
            let new =
                if pair.symmetric && source > target { (target, source) } else { (source, target) };
            let properties = self.open.get(&old).cloned();
            self.set(at, old, None);
            if let Some(properties) = properties
                && !self.open.contains_key(&new)
            {
                self.relate(pair, at, new, properties);
            }
        }
    }
}
