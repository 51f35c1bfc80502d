use defacto_model::{EntityId, Timestamp, Value};

use super::sample::{at, id, key, realm, with_realm};
use crate::{EdgeChange, EdgeKey, EdgeRequest, EdgeRow, Error, Store};

fn pair() -> EdgeKey {
    EdgeKey { source_type: "account".to_owned(), relationship: "orders".to_owned() }
}

/// Requests are read from both ends in event order, and replaced from a relater's first key on.
pub async fn edge_requests(store: &dyn Store) -> Result<(), Error> {
    let request = |seconds, ordinal, relater, forward, other| EdgeRequest {
        pair: pair(),
        key: key(seconds, 100 + seconds),
        ordinal,
        relater: id(relater),
        forward,
        other: id(other),
        properties: vec![Value::Float(f64::from(ordinal)), Value::Int(i64::MAX)],
    };
    let mut bare = request(40, 0, 2, true, 11);
    bare.properties = Vec::new();
    let rows = [
        request(10, 0, 1, true, 11),
        request(10, 1, 1, true, 12),
        request(20, 0, 11, false, 2),
        request(30, 0, 1, true, 12),
        bare,
    ];
    let mut transaction = with_realm(store).await?;
    let realm = realm();
    let given: Vec<EdgeRequest> = rows.iter().rev().cloned().collect();
    transaction.add_edge_requests(&realm, &given).await?;
    let at_of = |found: &[EdgeRequest]| -> Vec<i64> {
        found
            .iter()
            .map(|r| (r.key.timestamp.as_micros() - at(0).as_micros()) / 1_000_000)
            .collect()
    };
    let all = transaction.edge_requests(&realm, &pair(), &[id(1), id(2), id(11), id(12)]).await?;
    assert_eq!(all, rows);
    let touching = transaction.edge_requests(&realm, &pair(), &[id(11)]).await?;
    assert_eq!(at_of(&touching), [10, 20, 40]);
    let by = transaction.edge_requests_by(&realm, &[id(1), id(2)]).await?;
    assert_eq!(at_of(&by), [10, 10, 30, 40]);

    transaction
        .add_edge_requests(&realm, &[request(15, 0, 1, true, 13), request(50, 0, 2, true, 13)])
        .await?;
    let by = transaction.edge_requests_by(&realm, &[id(1), id(2)]).await?;
    assert_eq!(at_of(&by), [10, 10, 15, 40, 50], "later ones of the first relater are gone");
    transaction
        .delete_edge_requests(&realm, &[(id(1), Some(at(15))), (id(2), None), (id(99), None)])
        .await?;
    let by = transaction.edge_requests_by(&realm, &[id(1), id(2), id(11)]).await?;
    assert_eq!(at_of(&by), [10, 10, 20]);
    transaction.commit().await
}

fn version(source: u8, target: u8, from: i64, to: Option<i64>) -> EdgeRow {
    EdgeRow {
        source: id(source),
        target: id(target),
        properties: vec![Value::Float(0.5), Value::String("☃".to_owned())],
        valid_from: at(from),
        valid_to: to.map(at),
    }
}

fn edge(source: u8, target: u8, from: Timestamp, rows: &[(i64, Option<i64>)]) -> EdgeChange {
    EdgeChange {
        source: id(source),
        target: id(target),
        from,
        rows: rows.iter().map(|(start, end)| version(source, target, *start, *end)).collect(),
    }
}

/// Versions of edges are replaced from an instant on, and read in key order or by an end.
pub async fn edge_versions(store: &dyn Store) -> Result<(), Error> {
    let mut transaction = with_realm(store).await?;
    let realm = realm();
    let changes = [
        edge(2, 11, Timestamp::MIN, &[(10, Some(20)), (30, None)]),
        edge(1, 12, Timestamp::MIN, &[(10, None)]),
        edge(1, 11, Timestamp::MIN, &[(10, Some(15)), (15, Some(40))]),
    ];
    transaction.write_edges(&realm, &pair(), &changes).await?;
    let expected = [
        version(1, 11, 10, Some(15)),
        version(1, 11, 15, Some(40)),
        version(1, 12, 10, None),
        version(2, 11, 10, Some(20)),
        version(2, 11, 30, None),
    ];
    for limit in [1, 2, 9] {
        let mut found: Vec<EdgeRow> = Vec::new();
        loop {
            let after = found.last().map(|row| (row.source, row.target, row.valid_from));
            let page = transaction.edges(&realm, &pair(), after, limit).await?;
            if page.is_empty() {
                break;
            }
            found.extend(page);
        }
        assert_eq!(found, expected);
    }
    let open = async |transaction: &mut dyn crate::Transaction, ids: &[EntityId]| {
        transaction.open_edges(&realm, &pair(), ids).await
    };
    let transaction = transaction.as_mut();
    assert_eq!(open(transaction, &[id(1)]).await?, [version(1, 12, 10, None)]);
    assert_eq!(open(transaction, &[id(11), id(2)]).await?, [version(2, 11, 30, None)]);
    assert_eq!(open(transaction, &[id(77)]).await?, []);

    let changes = [
        edge(1, 12, at(20), &[(20, Some(25)), (26, None)]),
        edge(1, 11, at(12), &[]),
        edge(2, 11, at(30), &[(35, None)]),
    ];
    transaction.write_edges(&realm, &pair(), &changes).await?;
    let expected = [
        version(1, 11, 10, Some(12)),
        version(1, 12, 10, Some(20)),
        version(1, 12, 20, Some(25)),
        version(1, 12, 26, None),
        version(2, 11, 10, Some(20)),
        version(2, 11, 35, None),
    ];
    assert_eq!(transaction.edges(&realm, &pair(), None, 99).await?, expected);
    transaction.delete_edges(&realm, &pair(), &[id(12), id(2)]).await?;
    let left = transaction.edges(&realm, &pair(), None, 99).await?;
    assert_eq!(left, [version(1, 11, 10, Some(12))]);
    Ok(())
}
