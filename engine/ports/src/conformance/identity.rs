use defacto_model::{EntityId, Sequence};

use super::sample::{at, filled, id, key};
use crate::{EntityEventRow, Error, HintKey, HintRow, MergeRow, Store};

fn row(sequence: i64, entity_type: &str, origin: EntityId, entity: EntityId) -> EntityEventRow {
    EntityEventRow {
        sequence: Sequence(sequence),
        entity_type: entity_type.to_owned(),
        origin_id: origin,
        entity_id: entity,
        targets: Vec::new(),
    }
}

/// Mappings of events round-trip; moves change the current id and keep the original one.
pub async fn entity_events(store: &dyn Store) -> Result<(), Error> {
    filled(store, &[(1, 50), (2, 10), (3, 30), (4, 30)]).await?;
    let mut transaction = store.begin().await?;
    let rows = [
        row(1, "account", id(1), id(1)),
        row(2, "account", id(2), id(2)),
        row(2, "order", id(5), id(5)),
        row(3, "account", id(1), id(1)),
        row(4, "account", id(3), id(1)),
    ];
    transaction.add_entity_events(&rows).await?;
    transaction.commit().await?;
    let mut reader = store.read().await?;
    let of = reader.events_of(&[id(2), id(1)], Some(key(30, 4))).await?;
    assert_eq!(of.iter().map(|(row, _)| row.sequence.0).collect::<Vec<_>>(), [4, 1]);
    let of = reader.events_by_origin(&[id(1), id(3)]).await?;
    assert_eq!(of.iter().map(|(row, _)| row.sequence.0).collect::<Vec<_>>(), [3, 1, 4]);
    drop(reader);
    let mut transaction = store.begin().await?;
    let sequences = [1, 2, 3, 4].map(Sequence);
    assert_eq!(transaction.entity_events(&sequences).await?, rows);

    let order = |events: Vec<(EntityEventRow, crate::LedgerRow)>| -> Vec<(u8, i64)> {
        events.iter().map(|(row, event)| (row.entity_id.0[0], event.sequence.0)).collect()
    };
    let of = transaction.events_of(&[id(2), id(1), id(99)], None).await?;
    assert!(of.iter().all(|(_, row)| row.event.raw.is_empty() && !row.event.data.is_empty()));
    assert_eq!(order(of), [(2, 2), (1, 3), (1, 4), (1, 1)]);
    let related = EntityEventRow { targets: vec![None, Some(id(3))], ..rows[2].clone() };
    transaction.add_entity_events(std::slice::from_ref(&related)).await?;
    let relating = transaction.events_relating(&[id(3), id(2)]).await?;
    assert_eq!(relating.iter().map(|(row, _)| row).collect::<Vec<_>>(), [&related]);
    assert!(relating.iter().all(|(_, row)| row.sequence.0 == 2 && !row.event.data.is_empty()));
    assert!(transaction.events_relating(&[id(1), id(99)]).await?.is_empty());
    transaction.add_entity_events(&rows[2..3]).await?;
    let late = transaction.events_of(&[id(1)], Some(key(30, 4))).await?;
    assert_eq!(order(late), [(1, 4), (1, 1)]);

    assert_eq!(transaction.move_entity_events(id(1), id(2)).await?, 3);
    assert_eq!(transaction.move_entity_events(id(98), id(2)).await?, 0);
    let moved = transaction.events_of(&[id(2), id(1)], None).await?;
    assert_eq!(order(moved), [(2, 2), (2, 3), (2, 4), (2, 1)]);
    let by_origin = transaction.events_by_origin(&[id(1)]).await?;
    assert_eq!(order(by_origin), [(2, 3), (2, 1)]);
    let by_origin = transaction.events_by_origin(&[id(2), id(3)]).await?;
    assert_eq!(order(by_origin), [(2, 2), (2, 4)]);
    assert_eq!(transaction.move_entity_events(id(2), id(1)).await?, 4);
    assert_eq!(order(transaction.events_by_origin(&[id(1)]).await?), [(1, 3), (1, 1)]);

    transaction.clear_entity_events(Some(&[Sequence(2), Sequence(3)])).await?;
    assert_eq!(order(transaction.events_of(&[id(1)], None).await?), [(1, 4), (1, 1)]);
    transaction.clear_entity_events(None).await?;
    assert_eq!(transaction.entity_events(&sequences).await?, []);
    assert_eq!(transaction.resolved().await?, Sequence(0));
    transaction.set_resolved(Sequence(4)).await?;
    assert_eq!(transaction.resolved().await?, Sequence(4));
    transaction.commit().await
}

fn hint(entity_type: &str, space: &str, value: &str, entity_id: EntityId) -> HintRow {
    HintRow {
        key: HintKey {
            entity_type: entity_type.to_owned(),
            space: space.to_owned(),
            value: value.to_owned(),
        },
        field: format!("{space}_field"),
        entity_id,
    }
}

/// The identity map finds whole texts only, in the order asked, and lists in key order.
pub async fn hints(store: &dyn Store) -> Result<(), Error> {
    let mut rows = vec![
        hint("account", "phone", "1", id(1)),
        hint("account", "email", "b\0c", id(1)),
        hint("account", "email", "B\0c", id(2)),
        hint("account", "email", "b", id(3)),
        hint("order", "email", "b", id(4)),
        hint("order", "number", "☃'\"", id(4)),
    ];
    rows.extend((0..300).map(|n| hint("order", "bulk", &format!("{n:03}"), id(5))));
    let mut transaction = store.begin().await?;
    transaction.add_hints(&rows).await?;
    transaction.commit().await?;

    let mut reader = store.read().await?;
    let mut asked: Vec<HintKey> = rows.iter().rev().map(|row| row.key.clone()).collect();
    asked.push(hint("nothing", "email", "b", id(0)).key);
    asked.push(hint("account", "email", "b\0", id(0)).key);
    let mut expected: Vec<Option<EntityId>> =
        rows.iter().rev().map(|row| Some(row.entity_id)).collect();
    expected.extend([None, None]);
    assert_eq!(reader.find_hints(&asked).await?, expected);
    let mut sorted = rows.clone();
    sorted.sort_by(|a, b| a.key.cmp(&b.key));
    let mut listed: Vec<HintRow> = Vec::new();
    loop {
        let page = reader.list_hints(listed.last().map(|row| &row.key), 7).await?;
        if page.is_empty() {
            break;
        }
        listed.extend(page);
    }
    assert_eq!(listed, sorted);
    let text = reader.find_hint_text("b").await?;
    assert_eq!(
        text,
        [rows.get(3), rows.get(4)]
            .map(|row| row.cloned())
            .into_iter()
            .flatten()
            .collect::<Vec<_>>()
    );
    drop(reader);

    let mut transaction = store.begin().await?;
    assert_eq!(transaction.move_hints(id(1), id(2)).await?, 2);
    assert_eq!(transaction.hints_of(&[id(1)]).await?, []);
    assert_eq!(transaction.hints_of(&[id(2), id(3)]).await?.len(), 4);
    let bulk = transaction.some_hints(id(5), 2).await?;
    let bulk: Vec<&str> = bulk.iter().map(|row| row.key.value.as_str()).collect();
    assert_eq!(bulk, ["000", "001"]);
    let all = transaction.hints_of(&[id(2)]).await?;
    assert_eq!(transaction.some_hints(id(2), 300).await?, all);
    assert_eq!(transaction.some_hints(id(99), 1).await?, []);
    transaction.clear_hints(Some(&[id(2), id(5)])).await?;
    assert_eq!(transaction.list_hints(None, 100).await?.len(), 3);
    transaction.clear_hints(None).await?;
    assert_eq!(transaction.list_hints(None, 100).await?, []);
    transaction.commit().await
}

/// Merges are listed by place, and by side unless undone.
pub async fn merges(store: &dyn Store) -> Result<(), Error> {
    let merge = |sequence: i64, from: u8, into: u8| MergeRow {
        from: id(from),
        into: id(into),
        entity_type: "account".to_owned(),
        timestamp: at(sequence),
        sequence: Sequence(sequence),
        reason: (sequence == 3).then(|| "asked".to_owned()),
        undone_by: None,
    };
    let mut rows = [merge(3, 4, 1), merge(3, 2, 1), merge(5, 1, 9)];
    let mut transaction = store.begin().await?;
    transaction.add_merges(&rows).await?;
    rows.sort_by_key(|row| (row.sequence, row.from));
    let [first, second, third] = rows.clone();
    assert_eq!(transaction.merges(None).await?, rows);
    assert_eq!(transaction.merges(Some(id(4))).await?, std::slice::from_ref(&second));
    assert_eq!(transaction.merges(Some(id(9))).await?, std::slice::from_ref(&third));
    assert_eq!(transaction.merges_from(&[id(1), id(2)]).await?.len(), 2);
    assert_eq!(transaction.merges_into(&[id(1)]).await?.len(), 2);
    let between = transaction.merges_between(Sequence(2), Sequence(5), 2).await?;
    assert_eq!(between, [first, second.clone()]);
    assert_eq!(transaction.merges_between(Sequence(3), Sequence(5), 9).await?, [third]);

    let undone = MergeRow { undone_by: Some(Sequence(8)), ..second };
    transaction.add_merges(std::slice::from_ref(&undone)).await?;
    assert_eq!(transaction.merges(Some(id(4))).await?, [undone]);
    assert_eq!(transaction.merges_from(&[id(4)]).await?, []);
    assert_eq!(transaction.merges_into(&[id(1)]).await?.len(), 1);
    assert_eq!(transaction.merges_between(Sequence(0), Sequence(9), 9).await?.len(), 2);
    transaction.clear_merges(Some(&[id(9)])).await?;
    assert_eq!(transaction.merges(None).await?.len(), 2);
    transaction.clear_merges(None).await?;
    assert_eq!(transaction.merges(None).await?, []);
    transaction.commit().await
}

/// Each erasure of a hint raises its generation.
pub async fn erased_hints(store: &dyn Store) -> Result<(), Error> {
    let mut transaction = store.begin().await?;
    assert_eq!(transaction.erased_generation("d").await?, 0);
    assert_eq!(transaction.add_erased_hint("d").await?, 1);
    assert_eq!(transaction.add_erased_hint("d").await?, 2);
    assert_eq!(transaction.add_erased_hint("e").await?, 1);
    assert_eq!(transaction.erased_generation("d").await?, 2);
    transaction.commit().await
}
