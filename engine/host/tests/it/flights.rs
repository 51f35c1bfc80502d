//! The flights example: threads, caches, and what came in against what comes out.

use std::fs;
use std::path::Path;
use std::thread;

use defacto_host::{Host, HostOptions, Limits};
use defacto_ports::{Machines, RawRecord};

use crate::support::{flights, instant};

fn operations() -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../definitions-examples/flights");
    fs::read_to_string(folder.join("data/operations.jsonl")).unwrap()
}

#[test]
fn threads_and_batch_sizes_do_not_matter() {
    let component = flights();
    let text = operations();
    let records: Vec<_> = text.lines().map(|text| RawRecord { text }).collect();
    let now = instant("2024-01-01T00:00:00Z");
    let run = |rows_max| {
        let limits = Limits { rows_max, ..Limits::default() };
        let machine =
            Host::new(HostOptions { limits, cache: None }).unwrap().load(&component).unwrap();
        let (source, _) = machine.manifest().find_source("operations").unwrap();
        let results: Vec<_> = thread::scope(|scope| {
            let parts: Vec<_> = records
                .chunks(records.len().div_ceil(3))
                .map(|part| scope.spawn(|| machine.normalize(source, part, now).unwrap()))
                .collect();
            parts.into_iter().flat_map(|part| part.join().unwrap()).collect()
        });
        results
    };
    let whole = run(1_024);
    assert_eq!(whole.len(), records.len());
    assert!(whole.iter().all(|one| one.result.is_ok()));
    assert_eq!(whole, run(13));
}

#[test]
fn cached_code_is_used_only_while_it_is_whole_and_private() {
    let component = flights();
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("code-cache");
    if folder.exists() {
        fs::remove_dir_all(&folder).unwrap();
    }
    let load = || {
        let options = HostOptions { limits: Limits::default(), cache: Some(folder.clone()) };
        Host::new(options).unwrap().load(&component).unwrap().digest().to_owned()
    };
    let digest = load();
    let file = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.extension().is_some_and(|suffix| suffix == "cwasm"))
        .unwrap();
    assert!(file.file_name().unwrap().to_string_lossy().starts_with(&digest));
    let stored = fs::read(&file).unwrap();
    assert_eq!(load(), digest);

    let mut damaged = stored.clone();
    let last = damaged.len() - 1;
    damaged[last] ^= 1;
    fs::write(&file, &damaged).unwrap();
    assert_eq!(load(), digest);
    assert_ne!(fs::read(&file).unwrap(), damaged, "made anew");

    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = fs::metadata(&folder).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o777)).unwrap();
        fs::remove_file(&file).unwrap();
        assert_eq!(load(), digest);
        assert!(!file.exists(), "a folder that others can write is not used");
    }
    fs::remove_dir_all(&folder).unwrap();
}
