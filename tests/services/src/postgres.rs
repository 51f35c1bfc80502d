use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use crate::Folder;
use crate::user::{give, ordinary};

/// How long a server may take to answer.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often a server is started on another port when one is taken.
const ATTEMPTS: u32 = 5;

/// Starts the server named by `$@` and ends it when the standard input closes, which happens at the latest when the
/// process of the tests ends, however it ends. Then deletes the folder `$FOLDER`, unless it is to be kept.
const GUARD: &str = r#"
"$@" >>"$LOG" 2>&1 </dev/null &
server=$!
echo "$server"
read -r last
kill -QUIT "$server" 2>/dev/null
wait "$server" 2>/dev/null
if [ "$last" != keep ]; then rm -rf "$FOLDER"; fi
"#;

/// A Postgres cluster of its own, with the user `postgres` who needs no password.
#[derive(Debug)]
pub struct Postgres {
    port: u16,
    settings: Vec<String>,
    databases: AtomicU32,
    server: Mutex<Option<Server>>,
    folder: Folder,
}

/// A running server.
#[derive(Debug)]
pub struct Server {
    guard: Child,
    input: Option<ChildStdin>,
    pid: String,
}

impl Postgres {
    /// The cluster that the tests of one binary share: fast, and not safe against a crash.
    #[must_use]
    pub fn shared() -> &'static Postgres {
        static SHARED: OnceLock<Postgres> = OnceLock::new();
        SHARED.get_or_init(|| {
            Postgres::start(&["fsync=off", "synchronous_commit=off", "full_page_writes=off"])
        })
    }

    /// A cluster of the caller's own with settings (`name=value`); by default it keeps everything committed through
    /// a crash.
    #[must_use]
    pub fn start(settings: &[&str]) -> Postgres {
        Self::start_in(Folder::new("postgres"), settings)
    }

    /// The same with encryption: the server's certificate is for 127.0.0.1 and from an authority of its own
    /// ([`Postgres::authority`]).
    #[must_use]
    pub fn start_secure() -> Postgres {
        let folder = Folder::new("postgres");
        certify(folder.path());
        give(&folder.path().join("server.key"));
        let file = |name: &str| folder.path().join(name).display().to_string();
        let certificate = format!("ssl_cert_file={}", file("server.crt"));
        let key = format!("ssl_key_file={}", file("server.key"));
        Self::start_in(folder, &["fsync=off", "ssl=on", &certificate, &key])
    }

    /// The certificate of the authority that a secure cluster's own is from.
    #[must_use]
    pub fn authority(&self) -> PathBuf {
        self.folder.path().join("authority.crt")
    }

    /// The folder of the server's files.
    #[must_use]
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn start_in(folder: Folder, settings: &[&str]) -> Postgres {
        give(folder.path());
        let data = folder.path().join("data");
        let mut init = ordinary(&program("initdb"));
        init.arg("-D").arg(&data);
        init.args(["-U", "postgres", "--auth=trust", "--no-sync", "-E", "UTF8", "--no-locale"]);
        init.env("HOME", folder.path()).env("LC_ALL", "C");
        expect("initdb", &output(&mut init));
        let mut settings: Vec<String> =
            settings.iter().map(|&setting| setting.to_owned()).collect();
        settings.push("listen_addresses=127.0.0.1".to_owned());
        settings.push(format!("unix_socket_directories={}", folder.path().display()));
        settings.push("max_connections=200".to_owned());
        let mut cluster = Postgres {
            port: 0,
            settings,
            databases: AtomicU32::new(0),
            server: Mutex::new(None),
            folder,
        };
        for _ in 0..ATTEMPTS {
            cluster.port = free_port();
            if cluster.try_start() {
                return cluster;
            }
        }
        panic!("postgres does not start: {}", cluster.log());
    }

    /// The port on 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Makes an empty database and returns its URL.
    #[must_use]
    pub fn database(&self) -> String {
        let number = self.databases.fetch_add(1, Ordering::Relaxed) + 1;
        let name = format!("test_{number}");
        self.query(&self.url("postgres"), &format!("CREATE DATABASE {name}"));
        self.url(&name)
    }

    /// The URL of a database, whether or not it exists.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{database}", self.port)
    }

    /// Runs SQL in the database of a URL and returns the rows: columns separated by `|`, a line each.
    pub fn query(&self, url: &str, sql: &str) -> String {
        let mut psql = Command::new(program("psql"));
        psql.args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", sql, url]);
        // A server without statistics overestimates small tables, and compiles for 0.3 s what takes 1 ms.
        psql.env_remove("PGPASSWORD").env("PGTZ", "UTC").env("PGOPTIONS", "-c jit=off");
        expect("psql", &output(&mut psql)).trim_end().to_owned()
    }

    /// Ends the server at once, as when the machine's power fails.
    pub fn kill(&self) {
        let mut server = self.server();
        if let Some(running) = server.take() {
            running.signal("-KILL");
            running.end("keep\n");
        }
    }

    /// Starts the server again on the same data and port.
    pub fn restart(&self) {
        if let Some(running) = self.server().take() {
            running.end("keep\n");
        }
        let start = Instant::now();
        // The processes of a server that was killed take a moment to notice.
        while !self.try_start() {
            assert!(start.elapsed() < PATIENCE, "postgres does not start again: {}", self.log());
        }
    }

    /// One of the programs that come with the server.
    #[must_use]
    pub fn program(name: &str) -> PathBuf {
        program(name)
    }

    /// What the server wrote.
    #[must_use]
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.log_file()).unwrap_or_default()
    }

    fn log_file(&self) -> PathBuf {
        self.folder.path().join("log")
    }

    fn server(&self) -> MutexGuard<'_, Option<Server>> {
        self.server.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts the server and waits until it answers; false when it ends instead.
    fn try_start(&self) -> bool {
        let mut server = ordinary(&program("postgres"));
        server.arg("-D").arg(self.folder.path().join("data"));
        server.args(["-p", &self.port.to_string()]);
        for setting in &self.settings {
            server.args(["-c", setting]);
        }
        let mut guard = Command::new("sh");
        guard.args(["-c", GUARD, "guard"]).arg(server.get_program()).args(server.get_args());
        guard.env("HOME", self.folder.path()).env("LC_ALL", "C");
        guard.env("LOG", self.log_file()).env("FOLDER", self.folder.path());
        guard.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut guard = match guard.spawn() {
            Ok(guard) => guard,
            Err(error) => panic!("sh does not start: {error}"),
        };
        let mut pid = String::new();
        if let Some(out) = guard.stdout.take() {
            drop(BufReader::new(out).read_line(&mut pid));
        }
        let input = guard.stdin.take();
        let running = Server { guard, input, pid: pid.trim().to_owned() };
        let start = Instant::now();
        while running.lives() {
            let mut ready = Command::new(program("pg_isready"));
            let port = self.port.to_string();
            ready.args(["-q", "-h", "127.0.0.1", "-U", "postgres", "-d", "postgres", "-p", &port]);
            if output(&mut ready).status.success() && running.lives() {
                *self.server() = Some(running);
                return true;
            }
            assert!(start.elapsed() < PATIENCE, "postgres does not answer: {}", self.log());
            std::thread::sleep(Duration::from_millis(20));
        }
        running.end("keep\n");
        false
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        if let Some(running) = self.server().take() {
            running.end("");
        }
    }
}

impl Server {
    fn lives(&self) -> bool {
        // A process that ended stays as a zombie until the guard waits for it.
        std::fs::read_to_string(format!("/proc/{}/stat", self.pid))
            .is_ok_and(|stat| !stat.contains(") Z "))
    }

    fn signal(&self, signal: &str) {
        drop(output(Command::new("kill").args([signal, &self.pid])));
    }

    /// Tells the guard to end the server, and waits until it is gone.
    fn end(mut self, last: &str) {
        if let Some(mut input) = self.input.take() {
            drop(std::io::Write::write_all(&mut input, last.as_bytes()));
        }
        drop(self.guard.wait());
    }
}

/// Makes an authority and a server's key and certificate.
fn certify(folder: &Path) {
    let key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-batch"];
    let name = folder.join("names");
    if let Err(error) = std::fs::write(&name, "subjectAltName=IP:127.0.0.1\n") {
        panic!("{} cannot be written: {error}", name.display());
    }
    let authority = ["-x509", "-days", "2", "-subj", "/CN=authority"];
    let authority = [&authority[..], &["-keyout", "authority.key", "-out", "authority.crt"]];
    let server = ["-subj", "/CN=server", "-keyout", "server.key", "-out", "server.csr"];
    let sign = ["x509", "-req", "-in", "server.csr", "-CA", "authority.crt", "-CAkey"];
    let signed = ["authority.key", "-CAcreateserial", "-days", "2", "-extfile", "names"];
    for args in [
        [&["req"][..], &key, &authority.concat()].concat(),
        [&["req"][..], &key, &server].concat(),
        [&sign[..], &signed, &["-out", "server.crt"]].concat(),
    ] {
        expect("openssl", &output(Command::new("openssl").args(args).current_dir(folder)));
    }
}

/// A port that nobody listens on.
fn free_port() -> u16 {
    let port = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    match port {
        Ok(address) => address.port(),
        Err(error) => panic!("no port is free: {error}"),
    }
}

/// A program of the newest Postgres installed. Debian keeps the server's out of `PATH`.
fn program(name: &str) -> PathBuf {
    static FOLDER: OnceLock<Option<PathBuf>> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| {
        let installed = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
        installed
            .filter_map(|entry| {
                let version: u32 = entry.file_name().to_str()?.parse().ok()?;
                let folder = entry.path().join("bin");
                folder.join("initdb").exists().then_some((version, folder))
            })
            .max()
            .map(|(_, folder)| folder)
    });
    folder.as_deref().map_or_else(|| PathBuf::from(name), |folder: &Path| folder.join(name))
}

fn output(command: &mut Command) -> Output {
    match command.output() {
        Ok(output) => output,
        Err(error) => panic!(
            "{} does not start: {error} (tests/run installs what the tests need)",
            command.get_program().display()
        ),
    }
}

fn expect(what: &str, output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{what}: {}{}", text(&output.stdout), text(&output.stderr));
    text(&output.stdout)
}
