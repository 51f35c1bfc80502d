use std::collections::BTreeSet;

use defacto_model::{EntityId, Sequence};

use super::sample::{at, event, event_id, filled, id, key};
use crate::{Appended, EntityEventRow, Error, LedgerRow, NewEvent, OrderKey, Store};

/// Sequences follow arrival without a gap, a known id keeps its first one, also within a batch,
/// and what was appended is read back to the byte.
pub async fn append(store: &dyn Store) -> Result<(), Error> {
    let mut first = store.begin().await?;
    assert_eq!(first.head().await?, Sequence(0));
    let batch = [event(1, 50), event(101, 10), event(1, 99), event(2, 30)];
    let expected = [
        Appended::Inserted(Sequence(1)),
        Appended::Inserted(Sequence(2)),
        Appended::Duplicate(Sequence(1)),
        Appended::Inserted(Sequence(3)),
    ];
    assert_eq!(first.append(&batch).await?, expected);
    assert_eq!(first.append(&[]).await?, []);
    first.commit().await?;

    let mut second = store.begin().await?;
    let appended = second.append(&[event(2, 0), event(3, 0), event(101, 10)]).await?;
    let expected = [
        Appended::Duplicate(Sequence(3)),
        Appended::Inserted(Sequence(4)),
        Appended::Duplicate(Sequence(2)),
    ];
    assert_eq!(appended, expected);
    second.commit().await?;

    let mut reader = store.read().await?;
    assert_eq!(reader.head().await?, Sequence(4));
    assert_eq!(reader.count_events(None).await?, 4);
    assert_eq!(reader.count_events(Some("third")).await?, 1);
    assert_eq!(reader.count_events(Some("nowhere")).await?, 0);
    let types = reader.event_types().await?;
    let expected: BTreeSet<(String, String)> =
        [event(1, 50), event(101, 10), event(2, 0), event(3, 0)]
            .into_iter()
            .map(|event| (event.source, event.event_type))
            .collect();
    assert_eq!(types, expected.into_iter().collect::<Vec<_>>());
    let rows = reader.scan_events(Sequence(1), Sequence(3), 10, true).await?;
    let expected = [(2, event(101, 10)), (3, event(2, 30))].map(|(sequence, event)| LedgerRow {
        sequence: Sequence(sequence),
        event,
        duplicate_of: None,
        redacted: false,
    });
    assert_eq!(rows, expected);
    assert_eq!(reader.scan_events(Sequence(0), Sequence(9), 2, true).await?.len(), 2);
    let raw = reader.raw_texts(&[Sequence(3), Sequence(1)]).await?;
    assert_eq!(raw, [event(2, 0).raw, event(1, 0).raw]);
    Ok(())
}

async fn replayed(
    store: &dyn Store,
    from: i64,
    until: i64,
    limit: usize,
) -> Result<Vec<i64>, Error> {
    let mut reader = store.read().await?;
    let mut after: Option<OrderKey> = None;
    let mut found = Vec::new();
    loop {
        let page = reader.replay_events(Sequence(from), Sequence(until), after, limit).await?;
        assert!(page.len() <= limit, "a page holds at most its limit");
        let Some((last, _)) = page.last() else { return Ok(found) };
        after = Some(OrderKey { timestamp: last.event.timestamp, sequence: last.sequence });
        found.extend(page.iter().map(|(row, _)| row.sequence.0));
    }
}

/// Replay is in event order, in pages of any size, within its range, with the entities.
pub async fn replay(store: &dyn Store) -> Result<(), Error> {
    filled(store, &[(1, 50), (2, 10), (3, 30), (4, 30), (5, 10), (6, 70)]).await?;
    let mut transaction = store.begin().await?;
    let owner = |entity_type: &str, entity: EntityId| EntityEventRow {
        sequence: Sequence(2),
        entity_type: entity_type.to_owned(),
        origin_id: entity,
        entity_id: entity,
        targets: vec![None, Some(id(9)), None],
    };
    let owners = [owner("account", id(1)), owner("order", id(2))];
    transaction.add_entity_events(&owners).await?;
    transaction.commit().await?;
    for limit in [1, 2, 4, 100] {
        assert_eq!(replayed(store, 0, 6, limit).await?, [2, 5, 3, 4, 1, 6]);
        assert_eq!(replayed(store, 1, 5, limit).await?, [2, 5, 3, 4]);
    }
    let mut reader = store.read().await?;
    let page = reader.replay_events(Sequence(0), Sequence(6), None, 1).await?;
    let mut expected = event(2, 10);
    expected.raw = String::new();
    assert_eq!(page.iter().map(|(row, _)| &row.event).collect::<Vec<_>>(), [&expected]);
    assert_eq!(page.first().map(|(_, owners)| owners.as_slice()), Some(owners.as_slice()));
    let rest = reader.replay_events(Sequence(0), Sequence(6), Some(key(30, 3)), 2).await?;
    assert_eq!(rest.iter().map(|(row, _)| row.sequence.0).collect::<Vec<_>>(), [4, 1]);
    Ok(())
}

/// A range too long to be sorted in memory is replayed alike.
pub async fn replay_late_range(store: &dyn Store) -> Result<(), Error> {
    const COUNT: u32 = 70_000;
    let mut transaction = store.begin().await?;
    let mut expected: Vec<(i64, i64)> = Vec::new();
    let events: Vec<NewEvent> = (0..COUNT)
        .map(|number| {
            // Times that neither rise nor fall with arrival, some of them equal.
            let seconds = i64::from(number * 7919 % 50_021);
            expected.push((seconds, i64::from(number) + 1));
            let mut event = event(0, seconds);
            event.event_id.0[8..12].copy_from_slice(&number.to_be_bytes());
            event
        })
        .collect();
    transaction.append(&events).await?;
    transaction.commit().await?;
    expected.retain(|(_, sequence)| *sequence > 2);
    expected.sort_unstable();
    let expected: Vec<i64> = expected.into_iter().map(|(_, sequence)| sequence).collect();
    assert_eq!(replayed(store, 2, COUNT.into(), 9_999).await?, expected);
    Ok(())
}

/// Rewriting changes what normalization made; ids may repeat in between, and then the first event
/// of each id is canonical.
pub async fn rewrite(store: &dyn Store) -> Result<(), Error> {
    filled(store, &[(1, 10), (2, 20), (3, 30), (4, 40)]).await?;
    let mut transaction = store.begin().await?;
    let owner = EntityEventRow {
        sequence: Sequence(4),
        entity_type: "account".to_owned(),
        origin_id: id(1),
        entity_id: id(1),
        targets: Vec::new(),
    };
    transaction.add_entity_events(std::slice::from_ref(&owner)).await?;
    let mut rows = transaction.scan_events(Sequence(0), Sequence(4), 10, true).await?;
    for row in &mut rows {
        row.event.event_id = event_id(if row.sequence.0 < 3 { 2 } else { 1 });
        row.event.timestamp = at(100 - row.sequence.0);
        row.event.event_type = "renamed".to_owned();
        row.event.raw = "{}".to_owned();
        row.redacted = row.sequence.0 == 4;
    }
    transaction.suspend_event_ids().await?;
    transaction.rewrite_events(&rows).await?;
    assert_eq!(transaction.restore_event_ids().await?, 2);
    transaction.commit().await?;

    assert_eq!(replayed(store, 0, 4, 10).await?, [3, 1], "duplicates are left out");
    let mut reader = store.read().await?;
    for (row, place) in rows.iter_mut().zip([None, Some(1), None, Some(3)]) {
        row.duplicate_of = place.map(Sequence);
    }
    assert_eq!(reader.scan_events(Sequence(0), Sequence(4), 10, true).await?, rows);
    assert_eq!(reader.scan_events(Sequence(0), Sequence(4), 10, false).await?.len(), 2);
    assert_eq!(reader.count_events(None).await?, 2);
    assert_eq!(reader.events_of(&[id(1)], None).await?, [], "its only event is a duplicate");
    drop(reader);

    let mut transaction = store.begin().await?;
    let appended = transaction.append(&[event(1, 0), event(3, 0)]).await?;
    let expected = [Appended::Duplicate(Sequence(3)), Appended::Inserted(Sequence(5))];
    assert_eq!(appended, expected, "ids are those of the rewritten rows");
    for row in &mut rows {
        row.event.event_id = event_id(10 + u16::try_from(row.sequence.0).unwrap_or(0));
    }
    transaction.suspend_event_ids().await?;
    transaction.rewrite_events(&rows).await?;
    assert_eq!(transaction.restore_event_ids().await?, 0, "rewriting can be taken back");
    transaction.commit().await?;
    let mut reader = store.read().await?;
    let events = reader.events_of(&[id(1)], Some(key(96, 4))).await?;
    assert_eq!(events.len(), 1, "the new time counts");
    assert_eq!(reader.events_of(&[id(1)], Some(key(96, 5))).await?.len(), 0);
    assert_eq!(reader.count_events(None).await?, 5);
    Ok(())
}

/// Deleting takes duplicates and mappings along; sequences are never given twice.
pub async fn delete(store: &dyn Store) -> Result<(), Error> {
    filled(store, &[(1, 10), (2, 20), (3, 30)]).await?;
    let mut transaction = store.begin().await?;
    let owner = |sequence| EntityEventRow {
        sequence: Sequence(sequence),
        entity_type: "account".to_owned(),
        origin_id: id(1),
        entity_id: id(1),
        targets: Vec::new(),
    };
    transaction.add_entity_events(&[owner(1), owner(2), owner(3)]).await?;
    let mut rows = transaction.scan_events(Sequence(2), Sequence(3), 10, true).await?;
    for row in &mut rows {
        row.event.event_id = event_id(2);
        row.duplicate_of = Some(Sequence(2));
    }
    transaction.rewrite_events(&rows).await?;
    assert_eq!(transaction.count_events(None).await?, 2);
    assert_eq!(transaction.delete_events(&[Sequence(2)]).await?, 2);
    assert_eq!(transaction.count_events(None).await?, 1);
    assert_eq!(transaction.events_of(&[id(1)], None).await?.len(), 1);
    let left = transaction.entity_events(&[Sequence(2), Sequence(3), Sequence(1)]).await?;
    assert_eq!(left, [owner(1)]);
    let appended = transaction.append(&[event(2, 20)]).await?;
    assert_eq!(appended, [Appended::Inserted(Sequence(4))]);
    transaction.commit().await
}
