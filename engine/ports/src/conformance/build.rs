use defacto_model::Sequence;

use super::sample::{at, event, filled, id, key};
use crate::{BuildState, DefinitionVersion, Error, HintKey, HintRow, Store};

/// Progress and named texts come back as stored.
pub async fn builds_and_settings(store: &dyn Store) -> Result<(), Error> {
    let full = BuildState {
        cursor: Sequence(5),
        watermark: Some(at(1)),
        definition_hash: "a".to_owned(),
        label_hash: "b".to_owned(),
        module_hash: "c".to_owned(),
        generation: 3,
        pending: Some((4, Sequence(9), Some(key(2, 7)))),
        tick_as_of: Some(at(3)),
        last_mode: "FULL".to_owned(),
        last_built_at: Some(at(4)),
    };
    let started = BuildState { pending: Some((1, Sequence(2), None)), ..BuildState::default() };
    let mut transaction = store.begin().await?;
    assert_eq!(transaction.build("one").await?, None);
    for state in [&full, &started, &BuildState::default()] {
        transaction.save_build("one", state).await?;
        assert_eq!(transaction.build("one").await?.as_ref(), Some(state));
    }
    assert_eq!(transaction.build("two").await?, None);
    assert_eq!(transaction.setting("k").await?, None);
    for value in ["", "v\0☃"] {
        transaction.set_setting("k", value).await?;
        assert_eq!(transaction.setting("k").await?.as_deref(), Some(value));
    }
    transaction.commit().await
}

/// Versions are listed by time of registration; one at most is active.
pub async fn versions(store: &dyn Store) -> Result<(), Error> {
    let version = |name: &str, seconds| DefinitionVersion {
        version: name.to_owned(),
        definitions: "{}".to_owned(),
        content_hash: format!("hash of {name}"),
        active: false,
        created_at: at(seconds),
    };
    let mut transaction = store.begin().await?;
    transaction.add_version(&version("B", 1)).await?;
    transaction.add_version(&version("a", 2)).await?;
    assert_eq!(transaction.versions().await?, [version("B", 1), version("a", 2)]);
    for active in ["a", "B", "B"] {
        transaction.activate_version(active).await?;
        let versions = transaction.versions().await?;
        let found: Vec<&str> =
            versions.iter().filter(|v| v.active).map(|v| v.version.as_str()).collect();
        assert_eq!(found, [active]);
    }
    assert!(transaction.activate_version("c").await.is_err(), "an unknown version");
    transaction.save_build("a", &BuildState::default()).await?;
    transaction.drop_version("a").await?;
    assert_eq!(transaction.versions().await?.len(), 1);
    assert_eq!(transaction.build("a").await?, None);
    transaction.commit().await
}

/// What is not committed never was, and leaves nothing remembered.
pub async fn rollback(store: &dyn Store) -> Result<(), Error> {
    let hint = HintRow {
        key: HintKey {
            entity_type: "account".to_owned(),
            space: "email".to_owned(),
            value: "x".to_owned(),
        },
        field: "email".to_owned(),
        entity_id: id(1),
    };
    let mut transaction = store.begin().await?;
    transaction.append(&[event(1, 1)]).await?;
    transaction.add_hints(std::slice::from_ref(&hint)).await?;
    drop(transaction);

    let mut transaction = store.begin().await?;
    assert_eq!(transaction.head().await?, Sequence(0));
    assert_eq!(transaction.find_hints(std::slice::from_ref(&hint.key)).await?, [None]);
    transaction.append(&[event(2, 1)]).await?;
    transaction.add_hints(std::slice::from_ref(&hint)).await?;
    transaction.commit().await?;
    let mut reader = store.read().await?;
    assert_eq!(reader.scan_events(Sequence(0), Sequence(9), 9, true).await?.len(), 1);
    assert_eq!(reader.find_hints(&[hint.key]).await?, [Some(id(1))]);
    Ok(())
}

/// A reader sees one moment.
pub async fn moments(store: &dyn Store) -> Result<(), Error> {
    filled(store, &[(1, 1)]).await?;
    let mut before = store.read().await?;
    filled(store, &[(2, 2)]).await?;
    let mut after = store.read().await?;
    assert_eq!(before.head().await?, Sequence(1));
    assert_eq!(after.head().await?, Sequence(2));
    drop((before, after));
    assert_eq!(store.read().await?.head().await?, Sequence(2));
    Ok(())
}

/// One build of a version at a time, from any holder, until the guard drops.
pub async fn locks(store: &dyn Store) -> Result<(), Error> {
    let held = store.lock_build("one").await?;
    assert!(matches!(store.lock_build("one").await, Err(Error::Locked { .. })));
    let other = store.lock_build("One").await?;
    drop(held);
    drop(store.lock_build("one").await?);
    drop(other);
    Ok(())
}

/// A purge changes nothing that can be read, and the store goes on.
pub async fn purge(store: &dyn Store) -> Result<(), Error> {
    let mut transaction = store.begin().await?;
    transaction.append(&[event(1, 1), event(2, 2), event(3, 3)]).await?;
    transaction.set_setting("k", "before").await?;
    transaction.commit().await?;
    let mut transaction = store.begin().await?;
    transaction.delete_events(&[Sequence(2)]).await?;
    transaction.set_setting("k", "after").await?;
    transaction.commit().await?;
    store.purge().await?;
    assert_eq!(store.damage().await?, [""; 0]);
    let mut transaction = store.begin().await?;
    let rows = transaction.scan_events(Sequence(0), Sequence(9), 9, true).await?;
    assert_eq!(rows.iter().map(|row| row.sequence.0).collect::<Vec<_>>(), [1, 3]);
    assert_eq!(transaction.setting("k").await?.as_deref(), Some("after"));
    transaction.append(&[event(4, 4)]).await?;
    assert_eq!(transaction.head().await?, Sequence(4));
    transaction.commit().await
}
