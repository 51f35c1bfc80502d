//! Files that are new, damaged, of another format, or held by another process.

use defacto_ports::{Error, Store};
use defacto_store_sqlite::SqliteStore;

use crate::folder::Folder;

async fn refusal(folder: &Folder) -> Error {
    SqliteStore::open(&folder.file()).await.err().expect("opening should fail")
}

#[tokio::test]
async fn newer_format_is_refused() {
    let folder = Folder::new();
    SqliteStore::open(&folder.file()).await.unwrap().close().await.unwrap();
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(folder.file());
    let mut other = sqlx::ConnectOptions::connect(&options).await.unwrap();
    let sql = "UPDATE schema_meta SET value = '99' WHERE key = 'format'";
    sqlx::query(sql).execute(&mut other).await.unwrap();
    sqlx::Connection::close(other).await.unwrap();
    let error = refusal(&folder).await;
    assert!(matches!(error, Error::Format { found: 99, known: 1 }), "{error}");
}

#[tokio::test]
async fn damaged_file_names_path_and_remedy() {
    let folder = Folder::new();
    std::fs::create_dir_all(folder.file().parent().unwrap()).unwrap();
    std::fs::write(folder.file(), "no database ".repeat(1000)).unwrap();
    let text = refusal(&folder).await.to_string();
    assert!(text.starts_with("opening the store failed: "), "{text}");
    assert!(text.contains("defacto.db") && text.contains("backup"), "{text}");
}

#[tokio::test]
async fn folder_that_cannot_be_made_is_named() {
    let folder = Folder::new();
    std::fs::write(folder.file().parent().unwrap(), "a file").unwrap();
    let text = refusal(&folder).await.to_string();
    assert!(text.contains(".defacto") && text.contains("writable"), "{text}");
}

#[tokio::test]
async fn second_process_waits_for_the_build_lock() {
    let folder = Folder::new();
    let one = SqliteStore::open(&folder.file()).await.unwrap();
    let two = SqliteStore::open(&folder.file()).await.unwrap();
    let held = one.lock_build("v").await.unwrap();
    assert!(matches!(two.lock_build("v").await, Err(Error::Locked { .. })));
    drop(held);
    assert!(two.lock_build("v").await.is_ok());
}

#[tokio::test]
async fn dropped_transaction_frees_the_file_for_others() {
    let folder = Folder::new();
    let one = SqliteStore::open(&folder.file()).await.unwrap();
    let two = SqliteStore::open(&folder.file()).await.unwrap();
    drop(one.begin().await.unwrap());
    two.begin().await.unwrap().commit().await.unwrap();
    drop(one.read().await.unwrap());
    one.close().await.unwrap();
    assert!(one.begin().await.is_err(), "a closed store is closed");
    two.close().await.unwrap();
    assert!(!folder.file().with_extension("db-wal").exists(), "closing empties the log");
}
