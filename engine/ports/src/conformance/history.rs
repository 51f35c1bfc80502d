use defacto_model::{EntityId, Sequence, Timestamp, Value};

use super::sample::{at, event_id, filled, id, realm, with_realm};
use crate::{Error, HistoryChange, HistoryQuery, HistoryRecord, HistoryRow, Store, Transaction};

/// A row of an account that starts so many seconds after 2024 began; odd ones have no event.
fn row(seconds: i64) -> HistoryRow {
    HistoryRow {
        state: if seconds % 20 == 0 { "new" } else { "old" }.to_owned(),
        properties: vec![Value::Int(seconds), Value::Null, Value::Null, Value::Null, Value::Null],
        valid_from: at(seconds),
        last_event: (seconds % 20 == 0).then(|| at(seconds)),
        entered: at(seconds - 1),
        created: at(0),
        event: (seconds % 20 == 0).then(|| (Sequence(1), event_id(1))),
    }
}

fn change(entity: u8, replace_from: Option<i64>, starts: &[i64]) -> HistoryChange {
    HistoryChange {
        entity_id: id(entity),
        replace_from: replace_from.map(at),
        rows: starts.iter().copied().map(row).collect(),
        ended: None,
    }
}

fn everything() -> HistoryQuery {
    HistoryQuery { merged: true, limit: 1000, ..HistoryQuery::default() }
}

type Interval = (u8, i64, Option<i64>, Option<u8>);

/// Entity, start, end, winner.
async fn intervals(transaction: &mut dyn Transaction) -> Result<Vec<Interval>, Error> {
    let seconds = |instant: Timestamp| (instant.as_micros() - at(0).as_micros()) / 1_000_000;
    let rows = transaction.history(&realm(), "account", &everything()).await?;
    Ok(rows
        .iter()
        .map(|row| {
            let winner = row.merged_into.map(|winner| winner.0[0]);
            let start = seconds(row.row.valid_from);
            (row.entity_id.0[0], start, row.valid_to.map(seconds), winner)
        })
        .collect())
}

async fn write(transaction: &mut dyn Transaction, changes: &[HistoryChange]) -> Result<(), Error> {
    transaction.write_history(&realm(), "account", changes).await
}

/// New rows close the ones before them.
pub async fn history_rows(store: &dyn Store) -> Result<(), Error> {
    let mut transaction = with_realm(store).await?;
    let transaction = transaction.as_mut();
    write(transaction, &[change(2, None, &[10, 20]), change(1, None, &[30])]).await?;
    write(transaction, &[change(2, None, &[40]), change(3, None, &[])]).await?;
    let expected = [
        (1, 30, None, None),
        (2, 10, Some(20), None),
        (2, 20, Some(40), None),
        (2, 40, None, None),
    ];
    assert_eq!(intervals(transaction).await?, expected);
    transaction.delete_history(&realm(), "account", &[id(2), id(50)]).await?;
    assert_eq!(intervals(transaction).await?, [(1, 30, None, None)]);
    write(transaction, &[change(2, None, &[40, 50])]).await?;
    let expected = [(1, 30, None, None), (2, 40, Some(50), None), (2, 50, None, None)];
    assert_eq!(intervals(transaction).await?, expected);
    Ok(())
}

/// Replacing deletes from an instant on; the row before is closed anew, or open again.
pub async fn history_late_rows(store: &dyn Store) -> Result<(), Error> {
    let mut transaction = with_realm(store).await?;
    let transaction = transaction.as_mut();
    write(transaction, &[change(1, None, &[10, 20, 30, 40]), change(2, None, &[10, 20])]).await?;
    write(transaction, &[change(1, Some(25), &[25, 35]), change(2, Some(20), &[20])]).await?;
    let expected = [
        (1, 10, Some(20), None),
        (1, 20, Some(25), None),
        (1, 25, Some(35), None),
        (1, 35, None, None),
        (2, 10, Some(20), None),
        (2, 20, None, None),
    ];
    assert_eq!(intervals(transaction).await?, expected);
    write(transaction, &[change(1, Some(20), &[]), change(2, Some(5), &[7])]).await?;
    assert_eq!(intervals(transaction).await?, [(1, 10, None, None), (2, 7, None, None)]);
    write(transaction, &[change(1, Some(60), &[60]), change(2, Some(0), &[])]).await?;
    assert_eq!(intervals(transaction).await?, [(1, 10, Some(60), None), (1, 60, None, None)]);
    write(transaction, &[change(1, Some(60), &[70])]).await?;
    assert_eq!(intervals(transaction).await?, [(1, 10, Some(70), None), (1, 70, None, None)]);
    Ok(())
}

/// A merged-away entity ends, and all its rows carry the winner until it returns.
pub async fn history_merged(store: &dyn Store) -> Result<(), Error> {
    let ended = |mut change: HistoryChange, end: i64, winner: u8| {
        change.ended = Some((at(end), id(winner)));
        change
    };
    let mut transaction = with_realm(store).await?;
    let transaction = transaction.as_mut();
    write(transaction, &[change(1, None, &[10, 20]), change(2, None, &[10, 30])]).await?;
    write(transaction, &[ended(change(1, None, &[25]), 27, 9)]).await?;
    write(transaction, &[ended(change(2, None, &[]), 30, 9)]).await?;
    let expected = [
        (1, 10, Some(20), Some(9)),
        (1, 20, Some(25), Some(9)),
        (1, 25, Some(27), Some(9)),
        (2, 10, Some(30), Some(9)),
    ];
    assert_eq!(intervals(transaction).await?, expected, "a row without length is none");
    let visible = HistoryQuery { limit: 10, ..HistoryQuery::default() };
    assert_eq!(transaction.history(&realm(), "account", &visible).await?, []);
    write(transaction, &[change(3, None, &[20])]).await?;
    for (states, expected) in [
        (&["new"][..], &[id(1), id(3)][..]),
        (&["old"], &[id(1), id(2)]),
        (&["old", "new"], &[id(1), id(2), id(3)]),
        (&["other"], &[]),
    ] {
        let states: Vec<String> = states.iter().map(|&state| state.to_owned()).collect();
        assert_eq!(transaction.visitors(&realm(), "account", &states).await?, expected);
    }
    transaction.delete_history(&realm(), "account", &[id(3)]).await?;

    write(transaction, &[ended(change(1, None, &[]), 90, 8)]).await?;
    write(transaction, &[ended(change(2, None, &[]), 20, 8)]).await?;
    let expected = [
        (1, 10, Some(20), Some(8)),
        (1, 20, Some(25), Some(8)),
        (1, 25, Some(27), Some(8)),
        (2, 10, Some(20), Some(8)),
    ];
    assert_eq!(intervals(transaction).await?, expected);

    write(transaction, &[change(1, Some(26), &[26])]).await?;
    write(transaction, &[ended(change(2, Some(10), &[10, 15]), 17, 7)]).await?;
    let expected = [
        (1, 10, Some(20), None),
        (1, 20, Some(25), None),
        (1, 25, Some(26), None),
        (1, 26, None, None),
        (2, 10, Some(15), Some(7)),
        (2, 15, Some(17), Some(7)),
    ];
    assert_eq!(intervals(transaction).await?, expected);
    Ok(())
}

/// Typed columns give back what they took.
pub async fn history_values(store: &dyn Store) -> Result<(), Error> {
    filled(store, &[(1, 10)]).await?;
    let samples = [
        [
            Value::Int(i64::MIN),
            Value::String("☃\0'".to_owned()),
            Value::Float(-0.0),
            Value::Bool(true),
            Value::DateTime(Timestamp::MIN),
        ],
        [
            Value::Int(i64::MAX),
            Value::String(String::new()),
            Value::Float(5.0),
            Value::Bool(false),
            Value::DateTime(Timestamp::MAX),
        ],
        [
            Value::Int(0),
            Value::String("1e3".to_owned()),
            Value::Float(1e300),
            Value::Null,
            Value::DateTime(at(0)),
        ],
    ];
    let mut changes = Vec::new();
    for (entity, values) in (1..).zip(samples) {
        let mut change = change(entity, None, &[20, 50]);
        change.rows.iter_mut().for_each(|row| row.properties = values.to_vec());
        changes.push(change);
    }
    let mut transaction = with_realm(store).await?;
    transaction.write_history(&realm(), "account", &changes).await?;
    let mut expected = Vec::new();
    for change in &changes {
        let ends = change.rows.iter().skip(1).map(|row| Some(row.valid_from)).chain([None]);
        expected.extend(change.rows.iter().zip(ends).map(|(row, valid_to)| HistoryRecord {
            entity_id: change.entity_id,
            row: row.clone(),
            valid_to,
            merged_into: None,
        }));
    }
    let found = transaction.history(&realm(), "account", &everything()).await?;
    assert_eq!(format!("{found:?}"), format!("{expected:?}"), "also the sign of zero");
    let mut wrong = change(1, None, &[90]);
    wrong.rows.iter_mut().for_each(|row| row.properties = vec![Value::Bool(true); 5]);
    let refused = transaction.write_history(&realm(), "account", &[wrong]).await;
    assert!(matches!(refused, Err(Error::Inconsistent { .. })), "a value of another type");
    Ok(())
}

/// Pages, one entity, one instant, current rows, merged rows.
pub async fn history_reading(store: &dyn Store) -> Result<(), Error> {
    let mut transaction = with_realm(store).await?;
    let mut changes: Vec<HistoryChange> =
        (1..=9).rev().map(|n| change(n, None, &[10, 20, 30 + i64::from(n)])).collect();
    for change in changes.iter_mut().filter(|change| change.entity_id == id(4)) {
        change.ended = Some((at(50), id(1)));
    }
    transaction.write_history(&realm(), "account", &changes).await?;
    transaction.commit().await?;

    let mut reader = store.read().await?;
    for merged in [true, false] {
        let mut expected: Vec<(EntityId, Timestamp)> = Vec::new();
        for change in changes.iter().filter(|change| merged || change.ended.is_none()) {
            expected.extend(change.rows.iter().map(|row| (change.entity_id, row.valid_from)));
        }
        expected.sort_unstable();
        for limit in [1, 4, 100] {
            let mut found: Vec<(EntityId, Timestamp)> = Vec::new();
            loop {
                let after = found.last().copied();
                let query = HistoryQuery { merged, after, limit, ..HistoryQuery::default() };
                let page = reader.history(&realm(), "account", &query).await?;
                if page.is_empty() {
                    break;
                }
                found.extend(page.iter().map(|row| (row.entity_id, row.row.valid_from)));
            }
            assert_eq!(found, expected);
        }
    }
    let one = HistoryQuery { entity_id: Some(id(3)), ..everything() };
    assert_eq!(reader.history(&realm(), "account", &one).await?.len(), 3);
    let current = HistoryQuery { current: true, ..everything() };
    assert_eq!(reader.history(&realm(), "account", &current).await?.len(), 8);
    for (instant, count) in [(9, 0), (10, 9), (20, 9), (49, 9), (50, 8)] {
        let query = HistoryQuery { as_of: Some(at(instant)), ..everything() };
        let found = reader.history(&realm(), "account", &query).await?;
        assert_eq!(found.len(), count, "at {instant}");
        let newer = found.iter().all(|row| instant != 20 || row.row.valid_from == at(20));
        assert!(newer, "at a boundary the newer row is valid");
    }
    assert_eq!(reader.history(&realm(), "order", &everything()).await?, []);
    Ok(())
}
