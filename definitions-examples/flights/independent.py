#!/usr/bin/env python3
"""Calculate by hand what Defacto must say of the flights, and compare.

usage: independent.py EVENTS_DIR AS_OF AIRCRAFT.jsonl AIRLINE.jsonl

EVENTS_DIR holds registry.jsonl and operations.jsonl, the other two files what `defacto history aircraft` and
`defacto history airline` print with `--format jsonl` after `defacto build --as-of AS_OF`. Nothing here knows how
Defacto works: it is the meaning of the two definitions, written down once more as a plain loop. Compared are, for every
aircraft and airline, the number of history rows, and all counters of the current row.
"""
import collections, datetime as dt, json, pathlib, sys

DAY = dt.timedelta(days=1)


def instant(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text.replace("Z", "+00:00"))


class Aircraft:
    def __init__(self, at):
        self.state, self.entered, self.last = "parked", at, None
        self.values = {"manufacturer": None, "model": None, "seats": None, "carrier": None, "last_airport": None,
                       "flights": 0, "miles": 0.0, "delay_minutes": 0.0, "worst_delay": 0.0, "cancellations": 0}
        self.rows = {}

    def enter(self, state, at):
        self.state, self.entered = state, at

    def row(self):
        return (self.state, self.entered, tuple(self.values.items()))

    def advance(self, until):
        while True:
            if self.state == "parked" and self.last is not None:
                due, state = max(self.last + 30 * DAY, self.entered), "stored"
            elif self.state == "airborne":
                due, state = self.entered + DAY, "parked"
            else:
                return
            if due >= until:
                return
            self.enter(state, due)
            self.rows[due] = self.row()


def fly(kind, event, at, aircraft):
    """One event on one aircraft that exists or not; returns the aircraft."""
    creates = kind in ("registered", "departed", "cancelled")
    if aircraft is None and not creates:
        return None
    if aircraft is None:
        aircraft, before = Aircraft(at), None
    else:
        aircraft.advance(at)
        before = aircraft.row()
    v = aircraft.values
    state = aircraft.state
    if kind == "registered" and state == "parked":
        v.update(manufacturer=event["manufacturer"], model=event["model"], seats=event["seats"])
    if kind == "cancelled" and state == "parked":
        v["cancellations"] += 1
    if kind == "departed" and state in ("parked", "stored"):
        if state == "parked":
            v["carrier"] = event["carrier"]
        v["last_airport"] = event["route"]["origin"]
        v["flights"] += 1
        aircraft.enter("airborne", at)
    if kind == "arrived":
        delay = float(event["delay"] or 0)
        if state == "airborne":
            v["last_airport"] = event["route"]["dest"]
            v["miles"] += event["route"]["miles"]
            v["worst_delay"] = max(v["worst_delay"], delay)
            aircraft.enter("parked", at)
        if delay > 0:
            v["delay_minutes"] += delay
    aircraft.last = at
    if aircraft.row() != before:
        aircraft.rows[at] = aircraft.row()
    return aircraft


def main():
    folder, as_of = pathlib.Path(sys.argv[1]), instant(sys.argv[2])
    events = []
    for name, field, key in (("registry", "registered_on", "kind"), ("operations", "at", "type")):
        with open(folder / f"{name}.jsonl") as f:
            for line in f:
                event = json.loads(line)
                events.append((instant(event[field]), event[key].removeprefix("flight."), event))
    events.sort(key=lambda e: e[0])  # stable: at one instant, order of arrival
    fleet, airlines, airline_rows = {}, collections.defaultdict(collections.Counter), collections.defaultdict(set)
    for at, kind, event in events:
        tail = event["tailnum"] if kind == "registered" else event["aircraft"]["tail"]
        tail = tail.strip().upper() if tail else None
        if tail:
            aircraft = fly(kind, event, at, fleet.get(tail))
            if aircraft:
                fleet[tail] = aircraft
        if kind in ("departed", "cancelled"):
            counter = airlines[event["carrier"]]
            counter["departures" if kind == "departed" else "cancellations"] += 1
            counter["late_departures"] += kind == "departed" and event["delay"] > 15
            airline_rows[event["carrier"]].add(at)
    for aircraft in fleet.values():
        aircraft.advance(as_of)

    key = lambda row: tuple((value is not None, value) for value in row)
    names = ["flights", "miles", "delay_minutes", "worst_delay", "cancellations", "last_airport", "carrier", "model"]
    want = [(len(a.rows), a.state, *(a.values[n] for n in names)) for a in fleet.values()]
    got, got_rows = read_rows(sys.argv[3], ["aircraft_id", "aircraft_state", *names])
    compare("aircraft", sorted(want, key=key), sorted(got, key=key))
    want = [(len(airline_rows[c]), n["departures"], n["late_departures"], n["cancellations"]) for c, n in airlines.items()]
    got, more = read_rows(sys.argv[4], ["airline_id", "departures", "late_departures", "cancellations"])
    compare("airlines", sorted(want), sorted(got))
    print(f"{len(fleet)} aircraft and {len(airlines)} airlines agree, {got_rows + more} history rows")


def read_rows(path, columns):
    rows, current = collections.Counter(), {}
    with open(path) as f:
        for line in f:
            row = json.loads(line)
            rows[row[columns[0]]] += 1
            if row["valid_to"] is None:
                current[row[columns[0]]] = tuple(row[c] for c in columns[1:])
    return [(rows[i], *current[i]) for i in current], sum(rows.values())


def compare(what, want, got):
    if want != got:
        wrong = [pair for pair in zip(want, got) if pair[0] != pair[1]][:5]
        raise SystemExit(f"{what} differ: {len(want)} expected, {len(got)} found; first differences {wrong}")


if __name__ == "__main__":
    main()
