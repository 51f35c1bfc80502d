//! Files that are new, damaged, of another format, or held by another process.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use defacto_model::Sequence;
use defacto_ports::{Error, Store, conformance};
use defacto_store_sqlite::SqliteStore;

use crate::folder::Folder;

async fn refusal(folder: &Folder) -> Error {
    SqliteStore::open(&folder.file()).await.unwrap_err()
}

#[tokio::test]
async fn another_format_is_refused() {
    let folder = Folder::new();
    SqliteStore::open(&folder.file()).await.unwrap().close().await.unwrap();
    change(&folder, &["UPDATE schema_meta SET value = '99' WHERE key = 'format'"]).await;
    let error = refusal(&folder).await;
    assert!(matches!(error, Error::Format { found: 99, known: 3 }), "{error}");
    assert!(error.to_string().contains("use a newer defacto"), "{error}");
    change(&folder, &["UPDATE schema_meta SET value = '2' WHERE key = 'format'"]).await;
    let error = refusal(&folder).await;
    assert!(matches!(error, Error::Format { found: 2, known: 3 }), "{error}");
    assert!(error.to_string().contains("ingest the source files again"), "{error}");
    change(&folder, &["UPDATE schema_meta SET value = 'x' WHERE key = 'format'"]).await;
    assert!(refusal(&folder).await.to_string().contains("the format"));
}

async fn change(folder: &Folder, statements: &[&'static str]) {
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(folder.file());
    let mut other = sqlx::ConnectOptions::connect(&options).await.unwrap();
    for sql in statements {
        sqlx::query(*sql).execute(&mut other).await.unwrap();
    }
    sqlx::Connection::close(other).await.unwrap();
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

/// Where [`writer_to_kill`] writes.
const FILE: &str = "STORE_OF_THE_WRITER_TO_KILL";

#[tokio::test]
async fn reader_of_an_earlier_state_delays_a_purge() {
    let folder = Folder::new();
    let store = SqliteStore::open(&folder.file()).await.unwrap();
    let mut transaction = store.begin().await.unwrap();
    transaction.set_setting("k", "gone-and-forgotten").await.unwrap();
    transaction.commit().await.unwrap();
    let reader = store.read().await.unwrap();
    let mut transaction = store.begin().await.unwrap();
    transaction.set_setting("k", "").await.unwrap();
    transaction.commit().await.unwrap();
    let error = store.purge().await.unwrap_err();
    assert_eq!(error.disposition(), defacto_ports::Disposition::Retry, "{error}");
    drop(reader);
    store.purge().await.unwrap();
    let log = std::fs::read(folder.file().with_extension("db-wal")).unwrap();
    let file = std::fs::read(folder.file()).unwrap();
    for bytes in [log, file] {
        assert!(!bytes.windows(18).any(|part| part == b"gone-and-forgotten"));
    }
    store.close().await.unwrap();
}

#[tokio::test]
async fn killed_writer_loses_what_was_not_committed_and_leaves_no_lock() {
    let folder = Folder::new();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "files::writer_to_kill", "--ignored", "--nocapture"])
        .env(FILE, folder.file())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let ready = lines.map_while(Result::ok).any(|line| line.contains("in the middle"));
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(ready, "the writer came to its second transaction");

    let store = SqliteStore::open(&folder.file()).await.unwrap();
    drop(store.lock_build("v").await.unwrap());
    let mut transaction = store.begin().await.unwrap();
    assert_eq!(transaction.head().await.unwrap(), Sequence(3));
    let names = ["first", "second"];
    for (name, expected) in names.into_iter().zip([Some("kept"), None]) {
        assert_eq!(transaction.setting(name).await.unwrap().as_deref(), expected);
    }
}

#[tokio::test]
#[ignore = "run, and killed, by another test"]
async fn writer_to_kill() {
    let store = SqliteStore::open(std::env::var(FILE).unwrap().as_ref()).await.unwrap();
    let _held = store.lock_build("v").await.unwrap();
    let mut first = store.begin().await.unwrap();
    first.append(&[1, 2, 3].map(conformance::event_of)).await.unwrap();
    first.set_setting("first", "kept").await.unwrap();
    first.commit().await.unwrap();
    let mut second = store.begin().await.unwrap();
    let many: Vec<_> = (4..5_000).map(conformance::event_of).collect();
    second.append(&many).await.unwrap();
    second.set_setting("second", "lost").await.unwrap();
    writeln!(std::io::stdout(), "in the middle").unwrap();
    std::io::stdin().read_line(&mut String::new()).unwrap();
}
