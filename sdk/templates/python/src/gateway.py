"""Lines of a metering gateway to readings and alarms.

    1772352900 M-7731 kWh=12.5 V=229.8 !LOW_BATTERY

Unix seconds, a device, then values it measured and alarms it raised: one line makes any number of events. Empty lines and
those that start with '#' make none.
"""

import re

DESCRIPTION = {
    "name": "my_normalizer",
    "version": "0.1.0",
    "events": [
        {
            "type": "reading",
            "description": "A device measured something.",
            "fields": [
                {"name": "device", "type": "string"},
                {"name": "quantity", "type": "string", "description": "What was measured, and in which unit."},
                {"name": "value", "type": "number"},
            ],
        },
        {
            "type": "alarm",
            "description": "A device wants attention.",
            "fields": [
                {"name": "device", "type": "string"},
                {"name": "code", "type": "string"},
            ],
        },
    ],
}

EVENTS = [event["type"] for event in DESCRIPTION["events"]]

TIME = re.compile(r"[0-9]{1,11}")
NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")


class Failure(Exception):
    """Why a record gives no events: a code (a letter, then up to 31 letters, digits, - and _), a sentence that names the
    value, and the field at fault if one is."""

    def __init__(self, code, message, field=None):
        super().__init__(message)
        self.code, self.message, self.field = code, message, field


def normalize(line):
    """The events of a line, each as (type, Unix seconds, values in the order of the description)."""
    words = [word for word in line.split(" ") if word]
    if not words or line.startswith("#"):
        return []
    time, *rest = words
    if not TIME.fullmatch(time):
        raise Failure("BAD_TIME", f"'{time}' is no time in Unix seconds")
    if not rest:
        raise Failure("NO_DEVICE", "the line has no device")
    device, *items = rest
    return [event(int(time), device, item) for item in items]


def event(seconds, device, item):
    if item.startswith("!"):
        return "alarm", seconds, [device, item[1:]]
    quantity, equals, text = item.partition("=")
    if not equals:
        raise Failure("BAD_ITEM", f"'{item}' is neither NAME=VALUE nor !CODE")
    return "reading", seconds, [device, quantity, number(text)]


def number(text):
    """Digits, with a minus before and a fraction after them if need be; at most fifteen digits, which are exact."""
    if not NUMBER.fullmatch(text) or sum(c.isdigit() for c in text) > 15:
        raise Failure("BAD_VALUE", f"'{text}' is no number", "value")
    return float(text)
