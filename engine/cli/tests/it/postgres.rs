//! The binary on Postgres.

use std::process::Stdio;

use defacto_test_services::Postgres;

use crate::project::{Project, text};

const AS_OF: &str = "2013-01-09T00:00:00Z";

/// What the fingerprint of an example is in a file.
fn in_a_file(example: &str, as_of: &str) -> String {
    let project = Project::example(example);
    project.ingest(&[]);
    project.ok(&["build", "--as-of", as_of]);
    project.fingerprint()
}

#[test]
fn the_tour_of_the_readme_works_there() {
    let cluster = Postgres::shared();
    let project = Project::empty();
    project.ok(&["init", "."]);
    let url = cluster.database();
    let toml = "database = \"${SHOP_DATABASE}\"\nnamespace = \"shop\"\npool_size = 2\n";
    project.write("defacto.toml", toml);
    let run = |args: &[&str]| {
        let output = project.command(args).env("SHOP_DATABASE", &url).output().unwrap();
        assert!(output.status.success(), "{args:?}: {}", text(&output.stderr));
        text(&output.stdout)
    };
    run(&["ingest", "app", "data/app.jsonl"]);
    run(&["build", "--as-of", "2026-06-01T00:00:00Z"]);
    assert!(run(&["table", "customer"]).contains("customer_state"));
    let rows = run(&["history", "customer", "--format", "jsonl"]);
    assert_eq!(rows.lines().count(), 11, "{rows}");
    assert!(run(&["identity", "lookup", " ADA@example.org"]).contains("ada@example.org"));
    run(&["verify"]);
    let schema =
        cluster.query(&url, "SELECT nspname FROM pg_namespace WHERE nspname LIKE 'shop_%'");
    let count = cluster.query(&url, &format!("SELECT count(*) FROM {schema}.customer_history"));
    assert_eq!(count, "11", "what the command prints is what SQL sees");
    let missing = project.fails(2, &["status"]);
    assert!(missing.contains("SHOP_DATABASE") && missing.contains("defacto.toml"), "{missing}");
}

/// The data of events can be searched as JSONB by an index, if that is wished for; what JSONB cannot hold is kept all the same.
#[test]
fn data_are_indexed_where_it_is_wished_for() {
    let cluster = Postgres::shared();
    let url = cluster.database();
    let project = Project::empty();
    project.ok(&["init", "."]);
    let run = |args: &[&str], wished: &str| {
        let mut command = project.command(args);
        command.env("DEFACTO_DATABASE", &url).env("DEFACTO_INDEX_PAYLOAD", wished);
        command.output().unwrap()
    };
    let ask = |sql: &str| {
        cluster.query(&url, &format!("SET enable_seqscan = off; SET search_path = defacto; {sql}"))
    };
    let ok = |args: &[&str], wished: &str| {
        let output = run(args, wished);
        assert!(output.status.success(), "{args:?}: {}", text(&output.stderr));
    };
    // On a ledger that has events already, by the first command that is told of it.
    ok(&["ingest", "app", "data/app.jsonl"], "false");
    assert_eq!(ask("SELECT to_regclass('ledger_payload') IS NULL"), "t");
    ok(&["status"], "true");
    let record = r#"{"id":99,"event":"signup","at":"2026-05-01T00:00:00Z","user":{"email":"\u0000@example.org"}}"#;
    project.write("data/odd.jsonl", record);
    ok(&["ingest", "app", "data/odd.jsonl"], "true");
    let first = ask("SELECT data FROM ledger WHERE sequence = 1").replace('\'', "''");
    let wanted = format!("FROM ledger WHERE payload(data) @> '{first}'");
    assert_ne!(ask(&format!("SELECT count(*) {wanted}")), "0");
    let plan = ask(&format!("EXPLAIN SELECT sequence {wanted}"));
    assert!(plan.contains("ledger_payload"), "{plan}");
    let odd = "SELECT count(*) FROM ledger WHERE payload(data) IS NULL";
    assert_eq!(ask(odd), "1");

    let typed = run(&["status"], "maybe");
    let told = text(&typed.stderr);
    assert!(typed.status.code() == Some(2) && told.contains("DEFACTO_INDEX_PAYLOAD"), "{told}");
    project.write("defacto.toml", "index_payload = true\n");
    let told = project.fails(2, &["status"]);
    assert!(told.contains("index_payload") && told.contains("postgres:"), "{told}");
}

/// One figure for every store, batch size and way of processing, on a server with and without what only Postgres has.
#[test]
fn history_is_the_same_as_in_a_file() {
    let want = in_a_file("flights", AS_OF);
    for (process, portable) in [(false, false), (true, true)] {
        let project = Project::example("flights");
        let url = Postgres::shared().database();
        let run = |args: &[&str]| {
            let mut command = project.command(args);
            command.env("DEFACTO_DATABASE", &url);
            if portable {
                command.env("DEFACTO_POSTGRES_PORTABLE", "1");
            }
            let output = command.output().unwrap();
            assert!(output.status.success(), "{args:?}: {}", text(&output.stderr));
            text(&output.stdout)
        };
        for (source, path) in project.data() {
            let mut args = vec!["ingest", &source, &path, "--batch-size", "777"];
            args.extend(process.then_some("--process"));
            run(&args);
        }
        run(&["build", "--as-of", AS_OF]);
        let shown = run(&["verify", "--fingerprint", "--format", "json"]);
        assert!(shown.contains(&want), "process {process}, portable {portable}: {shown}");
        run(&["verify"]);
        let ids = run(&["table", "aircraft", "--format", "jsonl"]);
        let row: serde_json::Value = serde_json::from_str(ids.lines().next().unwrap()).unwrap();
        run(&["erase", row["aircraft_id"].as_str().unwrap(), "--yes"]);
        run(&["build", "--full", "--as-of", AS_OF]);
        run(&["verify"]);
        let compared = run(&["verify", "--rebuild", "--format", "json"]);
        assert!(compared.contains("\"equal\":true"), "{compared}");
        assert!(!project.dir.join(".defacto/defacto.db").exists(), "a file beside the server");
    }
}

/// Makes the server hang once at a change of a table, until it is killed: in the middle of the transaction, or when
/// that commits.
fn hang(cluster: &Postgres, url: &str, table: &str, when: &str, at_commit: bool) {
    let started = cluster.query(url, "SELECT pg_postmaster_start_time()");
    let timing = if at_commit {
        "CONSTRAINT TRIGGER hang AFTER INSERT OR UPDATE"
    } else {
        "TRIGGER hang BEFORE INSERT OR UPDATE"
    };
    let deferred = if at_commit { "DEFERRABLE INITIALLY DEFERRED" } else { "" };
    cluster.query(
        url,
        &format!(
            "CREATE OR REPLACE FUNCTION hang() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
             IF pg_postmaster_start_time() = '{started}' THEN PERFORM pg_sleep(600); END IF; \
             RETURN NEW; END $$; \
             CREATE {timing} ON defacto.{table} {deferred} FOR EACH ROW WHEN ({when}) \
             EXECUTE FUNCTION hang()"
        ),
    );
}

/// The server is killed while events go in and history comes out: the commands go on by themselves, and the result is
/// that of a run that nobody disturbed.
#[test]
fn a_killed_server_loses_nothing_and_needs_no_hand() {
    let want = in_a_file("flights", AS_OF);
    let cluster = Postgres::start(&[]);
    let url = cluster.database();
    let project = Project::example("flights");
    let start = |args: &[&str]| {
        let mut command = project.command(args);
        command.env("DEFACTO_DATABASE", &url).stdout(Stdio::null()).stderr(Stdio::piped());
        command.spawn().unwrap()
    };
    let end = |child: std::process::Child| {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", text(&output.stderr));
    };
    let disturbed = |args: &[&str], table: &str, when: &str, at_commit: bool| {
        hang(&cluster, &url, table, when, at_commit);
        let mut child = start(args);
        let hanging = "SELECT count(*) > 0 FROM pg_stat_activity WHERE wait_event = 'PgSleep'";
        while cluster.query(&url, hanging) != "t" {
            assert!(child.try_wait().unwrap().is_none(), "{args:?} ended without coming to {when}");
        }
        cluster.kill();
        cluster.restart();
        end(child);
        cluster.query(&url, &format!("DROP TRIGGER hang ON defacto.{table}"));
    };
    let [(operations, flights), (registry, fleet)] = &project.data()[..] else {
        panic!("the example has two sources")
    };
    end(start(&["ingest", registry, fleet]));
    let lines = std::fs::read_to_string(flights).unwrap();
    let lines: Vec<&str> = lines.lines().collect();
    let half = |name: &str, lines: &[&str]| {
        project.write(name, &(lines.join("\n") + "\n")).to_str().unwrap().to_owned()
    };
    let (first, rest) = lines.split_at(lines.len() / 2);
    let (first, rest) = (half("first.jsonl", first), half("rest.jsonl", rest));
    let ingest = |file: &'static str| ["ingest", operations.as_str(), file, "--batch-size", "100"];
    let (first, rest): (&'static str, &'static str) = (first.leak(), rest.leak());
    disturbed(&ingest(first), "ledger", "NEW.sequence = 450", false);
    let build = ["build", "--no-tick", "--batch-size", "100"];
    disturbed(&build, "event_entities", "NEW.sequence = 333", false);
    let process = [&ingest(rest)[..], &["--process"]].concat();
    disturbed(&process, "build_state", "NEW.cursor > 1500", true);
    disturbed(&["build", "--full", "--as-of", AS_OF], "build_state", "NEW.generation = 1", false);
    let output = project
        .command(&["verify", "--fingerprint"])
        .env("DEFACTO_DATABASE", &url)
        .output()
        .unwrap();
    assert!(text(&output.stdout).contains(&want), "{}", text(&output.stdout));
    let counts = "SELECT (SELECT count(*) FROM defacto.ledger), \
         (SELECT sum(events) FROM defacto.ledger_counts), (SELECT max(sequence) FROM defacto.ledger)";
    let counts = cluster.query(&url, counts);
    let counts: Vec<&str> = counts.split('|').collect();
    assert!(counts.iter().all(|count| *count == counts[0]), "{counts:?}");
}

#[test]
fn settings_tell_their_origin_and_keep_passwords() {
    let project = Project::example("quickstart");
    project.write("secret", "postgres://ada:hush@db.example/shop?sslmode=verify-full\n");
    project.write(
        "defacto.toml",
        "database_file = \"secret\"\nnamespace = \"shop\"\nbatch_size = 7\n",
    );
    let shown = |project: &Project, args: &[&str], variables: &[(&str, &str)]| {
        let mut command =
            project.command(&[&["config", "show", "--format", "jsonl"], args].concat());
        let output = command.envs(variables.iter().copied()).output().unwrap();
        assert!(output.status.success(), "{}", text(&output.stderr));
        let shown = text(&output.stdout);
        assert!(!shown.contains("hush"), "{shown}");
        let find = move |name: &str| {
            let row = shown.lines().map(|line| serde_json::from_str(line).unwrap());
            let row: serde_json::Value =
                row.into_iter().find(|row: &serde_json::Value| row["setting"] == name).unwrap();
            let part = |key: &str| row[key].as_str().unwrap().to_owned();
            (part("value"), part("origin"))
        };
        find
    };
    let find = shown(&project, &[], &[("DEFACTO_POOL_SIZE", "9")]);
    let (value, origin) = find("database");
    assert_eq!(value, "postgres://ada:***@db.example/shop?sslmode=verify-full");
    assert!(origin.ends_with("secret"), "{origin}");
    assert_eq!(find("pool_size"), ("9".to_owned(), "environment DEFACTO_POOL_SIZE".to_owned()));
    let (value, origin) = find("batch_size");
    assert!(value == "7" && origin.ends_with("defacto.toml"), "{value} {origin}");
    assert_eq!(find("workers").1, "default");
    let environment = [("DEFACTO_DATABASE", "postgres://ada:hush@e/x"), ("DEFACTO_NAMESPACE", "n")];
    let find = shown(&project, &["--namespace", "flag"], &environment);
    assert_eq!(find("namespace"), ("flag".to_owned(), "--namespace".to_owned()));
    let database = ("postgres://ada:***@e/x".to_owned(), "environment DEFACTO_DATABASE".to_owned());
    assert_eq!(find("database"), database);
}

#[test]
fn what_goes_wrong_with_a_server_has_its_exit_code_and_remedy() {
    let project = Project::example("quickstart");
    let cluster = Postgres::shared();
    let database = |url: &str| ["--database".to_owned(), url.to_owned()];
    let nowhere = cluster.url("nowhere");
    for (url, code, words) in [
        ("postgres://ada:hush@h:port/x", 2, "percent-encoded"),
        ("mysql://ada:hush@h/x", 2, "postgres: URL"),
        ("postgres://ada:hush@127.0.0.1:1/x", 4, "does not answer"),
        (nowhere.as_str(), 4, "createdb"),
    ] {
        let args = [&["status".to_owned()][..], &database(url)].concat();
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        for more in [&[][..], &["--format", "json"], &["--log-level", "debug"]] {
            let message = project.fails(code, &[&args[..], more].concat());
            assert!(message.contains(words), "{url}: {message}");
            assert!(!message.contains("hush"), "{message}");
        }
    }
    let url = cluster.database();
    for namespace in ["Shop", "a-b", "1st", "", "x.y", "\"; DROP SCHEMA public; --"] {
        let args = ["status", "--database", &url, "--namespace", namespace];
        let message = project.fails(2, &args);
        assert!(message.contains("lower-case"), "{namespace}: {message}");
    }
    assert_eq!(
        cluster.query(&url, "SELECT count(*) FROM pg_namespace WHERE nspname !~ '^pg_'"),
        "2"
    );
}

/// Makes every statement that writes count itself, and ends its connection where the count lies between two numbers.
const CUTTER: &str = "CREATE SEQUENCE public.met; CREATE TABLE public.cuts(first BIGINT, last BIGINT); \
     INSERT INTO public.cuts VALUES (0, 0); \
     CREATE FUNCTION public.cut() RETURNS trigger LANGUAGE plpgsql AS $$ \
     DECLARE n BIGINT := nextval('public.met'); BEGIN \
     IF EXISTS (SELECT 1 FROM public.cuts WHERE n BETWEEN first AND last) \
     THEN PERFORM pg_terminate_backend(pg_backend_pid()); END IF; RETURN NULL; END $$; \
     DO $$ DECLARE t RECORD; BEGIN \
     FOR t IN SELECT schemaname, tablename FROM pg_tables WHERE schemaname LIKE 'defacto%' \
     AND tablename NOT LIKE 'shard%' LOOP \
     EXECUTE format('CREATE TRIGGER cut AFTER INSERT OR UPDATE OR DELETE ON %I.%I \
     FOR EACH STATEMENT EXECUTE FUNCTION public.cut()', t.schemaname, t.tablename); END LOOP; END $$";

/// The connection ends in the middle of an operation on an entity: once, and it is tried again and done once; every time,
/// and it is told, and nothing of it stays.
#[test]
fn a_connection_cut_in_the_middle_of_an_operation_leaves_it_whole_or_undone() {
    let cluster = Postgres::shared();
    let project = Project::example("quickstart");
    for (name, portable) in [("merge", false), ("erase", false), ("redact", true)] {
        let url = cluster.database();
        let run = |args: &[&str]| {
            let mut command = project.command(args);
            command.env("DEFACTO_DATABASE", &url);
            if portable {
                command.env("DEFACTO_POSTGRES_PORTABLE", "1");
            }
            command.output().unwrap()
        };
        let ok = |args: &[&str]| {
            let output = run(args);
            assert!(output.status.success(), "{args:?}: {}", text(&output.stderr));
            text(&output.stdout)
        };
        let json = |args: &[&str]| -> serde_json::Value {
            serde_json::from_str(&ok(&[args, &["--format", "json"]].concat())).unwrap()
        };
        for (source, path) in project.data() {
            ok(&["ingest", &source, &path]);
        }
        ok(&["build", "--as-of", AS_OF]);
        let id = |hint: &str| {
            let found = json(&["identity", "lookup", hint]);
            found[0]["entity_id"].as_str().unwrap().to_owned()
        };
        let (ada, grace) = (id("ada@example.org"), id("grace@example.org"));
        let args: Vec<&str> = match name {
            "merge" => vec!["merge", &grace, &ada],
            "erase" => vec!["erase", &grace, "--yes"],
            _ => vec!["redact", &grace],
        };
        cluster.query(&url, CUTTER);
        let cut = |first: u32, last: u32| {
            let sql = "SELECT setval('public.met', 1, false); UPDATE public.cuts SET";
            cluster.query(&url, &format!("{sql} first = {first}, last = {last}"));
        };
        let fingerprint = || ok(&["verify", "--fingerprint"]);
        let before = fingerprint();
        for first in [1, 3, 6] {
            cut(first, 1_000_000);
            let output = run(&args);
            let told = text(&output.stderr);
            assert_eq!(output.status.code(), Some(4), "{name}, write {first}: {told}");
            assert!(told.contains("the server is stopping or starting"), "{name}: {told}");
            cut(0, 0);
            assert_eq!(fingerprint(), before, "{name}, write {first}");
        }
        cut(5, 5);
        ok(&args);
        let met = cluster.query(&url, "SELECT last_value FROM public.met");
        assert!(met.parse::<u32>().unwrap() > 9, "{name}: {met} writes and no second attempt");
        let merges = if name == "merge" { "1" } else { "0" };
        assert_eq!(cluster.query(&url, "SELECT count(*) FROM defacto.merge_log"), merges);
        assert_ne!(fingerprint(), before);
        ok(&["verify"]);
        assert_eq!(json(&["verify", "--rebuild"])["equal"], true, "{name}");
    }
}
