#!/usr/bin/env python3
"""Run the whole flights job and lay it beside the floor and beside the reference implementation.

usage: flights.py [--defacto BINARY] [--work DIR] [--limit N] [--no-reference] [--no-floor]

The job: ingest 667,444 real events, build, read one history back. Prints events per second, peak memory and
database size for Defacto; the same rows written to SQLite by a bare loop of prepared statements (the floor:
no program that stores these rows in SQLite can do better); and the same job on PyPI defacto==0.1.1, which needs
Python 3.12 or newer (REFERENCE_PYTHON names it) and stops early, so it runs on the first 20,000 events unless
REFERENCE_LIMIT says otherwise. Exits with 1 when the job is slower than 2.5 times the floor, or when an event costs more
than 1.3 times what it costs in a job of 20,000 (CPU time: that is what does not depend on other programs).
"""
import argparse, json, os, pathlib, resource, shutil, sqlite3, subprocess, sys, tempfile, time

ROOT = pathlib.Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "definitions-examples" / "flights"
AS_OF = "2014-01-01T00:00:00Z"
RATIO_MAX = 2.5
SMALL = 20_000
SCALE_MAX = 1.3
FLOOR_BATCH = 5_000

REFERENCE = """
import itertools, json, resource, sys, tempfile, time, pathlib
from defacto import Defacto
definitions, limit, *inputs = sys.argv[1:]
d = Defacto(definitions, database=str(pathlib.Path(tempfile.mkdtemp()) / "reference.db"), batch_size=1000, log_level="ERROR")
started, events, failures = time.perf_counter(), 0, 0
for item in inputs:
    source, path = item.split("=", 1)
    rows = [json.loads(line) for line in itertools.islice(open(path), int(limit))]
    for i in range(0, len(rows), 1000):
        failures += len(d.ingest(source, rows[i:i + 1000], process=True).failures)
    events += len(rows)
seconds = time.perf_counter() - started
print(json.dumps({"events": events, "failures": failures, "seconds": seconds, "events_per_s": events / seconds,
                  "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))
"""


def data(work: pathlib.Path) -> pathlib.Path:
    folder = work / "flights-events"
    if not (folder / "operations.jsonl").exists():
        subprocess.run([sys.executable, EXAMPLE / "make_events.py", folder], check=True)
    return folder


def head(path: pathlib.Path, limit: int, work: pathlib.Path) -> pathlib.Path:
    if not limit:
        return path
    short = work / f"{path.stem}-{limit}.jsonl"
    with open(path) as source, open(short, "w") as target:
        target.writelines(line for line, _ in zip(source, range(limit)))
    return short


def run(command: list, quiet=False) -> tuple:
    """Runs a command; returns its seconds, its peak memory in MiB, its output and the seconds of CPU it used."""
    started = time.perf_counter()
    child = subprocess.Popen([str(c) for c in command], stdout=subprocess.PIPE,
                             stderr=subprocess.DEVNULL if quiet else None)
    out = child.stdout.read()
    _, status, usage = os.wait4(child.pid, 0)
    if os.waitstatus_to_exitcode(status) != 0:
        raise SystemExit(f"{' '.join(map(str, command))} ended with {os.waitstatus_to_exitcode(status)}")
    return time.perf_counter() - started, usage.ru_maxrss / 1024, out, usage.ru_utime + usage.ru_stime


def job(binary: str, project: pathlib.Path, inputs: dict) -> dict:
    base = [binary, "--project", project, "--quiet", "--log-level", "error"]
    steps, peak, events, cpu = {}, 0.0, 0, 0.0
    for source, path in inputs.items():
        seconds, memory, out, used = run(base + ["ingest", source, path, "--format", "json"])
        steps[f"ingest {source}"], peak, cpu = seconds, max(peak, memory), cpu + used
        events += json.loads(out)["events_ingested"]
    steps["build"], memory, _, used = run(base + ["build", "--as-of", AS_OF])
    peak, cpu = max(peak, memory), cpu + used
    seconds, _, out, _ = run(base + ["history", "aircraft", "--format", "jsonl"])
    total = sum(steps.values())
    database = project / ".defacto" / "defacto.db"
    return {"events": events, "seconds": total, "events_per_s": events / total, "peak_mib": peak,
            "cpu_us_per_event": cpu / events * 1e6,
            "steps": steps, "history_rows": out.count(b"\n"), "history_s": seconds,
            "database_mib": sum(f.stat().st_size for f in database.parent.glob("defacto.db*")) / 2**20}


def floor(database: pathlib.Path, work: pathlib.Path) -> float:
    """Seconds to insert the rows of the finished database into an empty one of the same schema."""
    path = work / "floor.db"
    for old in work.glob("floor.db*"):
        old.unlink()
    source = sqlite3.connect(database)
    target = sqlite3.connect(path, isolation_level=None)
    target.execute("pragma journal_mode=wal"), target.execute("pragma synchronous=full")
    target.execute("pragma cache_size=-65536")
    schema = source.execute("select type, name, sql from sqlite_master where sql is not null "
                            "and name not like 'sqlite_%' order by type = 'index', rowid").fetchall()
    tables = [name for kind, name, _ in schema if kind == "table"]
    for kind, _, sql in schema:
        if kind in ("table", "index"):
            target.execute(sql)
    seconds = 0.0
    for table in tables:
        cursor = source.execute(f'select * from "{table}"')
        marks = ",".join("?" * len(cursor.description))
        insert = f'insert into "{table}" values ({marks})'
        while rows := cursor.fetchmany(FLOOR_BATCH):
            started = time.perf_counter()
            target.execute("begin immediate")
            target.executemany(insert, rows)
            target.execute("commit")
            seconds += time.perf_counter() - started
    target.close(), source.close()
    return seconds


def reference(inputs: dict, work: pathlib.Path) -> dict:
    python = os.environ.get("REFERENCE_PYTHON") or shutil.which("python3.12") or shutil.which("python3.13")
    if not python:
        return {"skipped": "no Python 3.12 found; name one in REFERENCE_PYTHON"}
    venv = work / "reference"
    if not (venv / "bin" / "python").exists():
        subprocess.run([python, "-m", "venv", venv], check=True)
        subprocess.run([venv / "bin" / "pip", "install", "-q", "defacto==0.1.1"], check=True)
    script = work / "reference.py"
    script.write_text(REFERENCE)
    limit = os.environ.get("REFERENCE_LIMIT", "20000")
    _, _, out, _ = run([venv / "bin" / "python", script, EXAMPLE, limit] + [f"{s}={p}" for s, p in inputs.items()])
    return json.loads(out.splitlines()[-1])


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--defacto", default=shutil.which("defacto"))
    p.add_argument("--work", type=pathlib.Path, default=pathlib.Path(tempfile.gettempdir()) / "defacto-flights")
    p.add_argument("--limit", type=int, default=0, help="only so many operations")
    p.add_argument("--no-reference", action="store_true")
    p.add_argument("--no-floor", action="store_true")
    a = p.parse_args()
    if not a.defacto:
        raise SystemExit("name the binary: --defacto PATH (cargo build --release makes it)")
    a.work.mkdir(parents=True, exist_ok=True)
    events = data(a.work)
    inputs = {"registry": events / "registry.jsonl",
              "operations": head(events / "operations.jsonl", a.limit, a.work)}
    project = a.work / "project"

    def fresh():
        shutil.rmtree(project, ignore_errors=True)
        shutil.copytree(EXAMPLE, project, ignore=shutil.ignore_patterns(".defacto", "data", "expected"))

    fresh()
    few = inputs | {"operations": head(events / "operations.jsonl", SMALL, a.work)}
    small = job(a.defacto, project, few)
    fresh()
    result = {"defacto": job(a.defacto, project, inputs)}
    scale = result["defacto"]["cpu_us_per_event"] / small["cpu_us_per_event"]
    result["scale"] = {"events": small["events"], "cpu_us_per_event": small["cpu_us_per_event"], "ratio": scale}
    if not a.no_floor:
        seconds = floor(project / ".defacto" / "defacto.db", a.work)
        result["floor"] = {"seconds": seconds, "ratio": result["defacto"]["seconds"] / seconds}
    if not a.no_reference:
        result["reference"] = reference(inputs, a.work)
    print(json.dumps(result, indent=1))
    if scale > SCALE_MAX:
        raise SystemExit(f"an event of many costs more than {SCALE_MAX} times one of few")
    if not a.no_floor and result["floor"]["ratio"] > RATIO_MAX:
        raise SystemExit(f"slower than {RATIO_MAX} times the floor")


if __name__ == "__main__":
    main()
