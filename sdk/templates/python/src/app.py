"""What the engine calls. `wit_world` is generated at build time from the contract; what is to be done with a record
stands in gateway.py, which needs nothing and can be tested by itself."""

import json

import wit_world
from componentize_py_types import Err, Ok
from wit_world.imports import types

import gateway


class WitWorld(wit_world.WitWorld):
    def describe(self, config: str) -> str:
        return json.dumps(gateway.DESCRIPTION)

    def normalize(self, config, batch):
        return [one(record) for record in batch]


def one(record):
    try:
        if not isinstance(record, types.RawRecord_Text):
            raise gateway.Failure("INPUT", "this normalizer reads `input: text`")
        return Ok([event(*made) for made in gateway.normalize(record.value)])
    except gateway.Failure as failure:
        return Err(types.Failure(failure.code, failure.field, failure.message))


def event(kind, seconds, values):
    return types.Event(gateway.EVENTS.index(kind), seconds * 1_000_000, [value(v) for v in values])


def value(python):
    """Date-times and JSON have no Python type of their own here: make types.Value_Datetime or types.Value_Json instead."""
    match python:
        case None:
            return types.Value_Null()
        case bool():
            return types.Value_Boolean(python)
        case int():
            return types.Value_Integer(python)
        case float():
            return types.Value_Float(python)
        case str():
            return types.Value_Text(python)
        case _:
            return python
