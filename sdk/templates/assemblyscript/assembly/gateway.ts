// Lines of a metering gateway to readings and alarms.
//
//     1772352900 M-7731 kWh=12.5 V=229.8 !LOW_BATTERY
//
// Unix seconds, a device, then values it measured and alarms it raised: one line makes any number of events. Empty
// lines and those that start with '#' make none.

import { Description, Events, Failure, Kind, RawRecord, Value } from "./defacto";

// Order of the events in the description.
const READING: u32 = 0;
const ALARM: u32 = 1;

const DESCRIPTION = `{"name": "my_normalizer", "version": "0.1.0", "events": [
  {"type": "reading", "description": "A device measured something.", "fields": [
    {"name": "device", "type": "string"},
    {"name": "quantity", "type": "string", "description": "What was measured, and in which unit."},
    {"name": "value", "type": "number"}]},
  {"type": "alarm", "description": "A device wants attention.", "fields": [
    {"name": "device", "type": "string"},
    {"name": "code", "type": "string"}]}]}`;

/** What the module makes, or what is wrong with the configuration. */
export function describe(config: string): Description {
  return Description.of(DESCRIPTION);
}

/** Adds the events of one record, or says why there are none. */
export function normalize(config: string, record: RawRecord, events: Events): Failure | null {
  if (record.kind != Kind.Text) return new Failure("INPUT", "this normalizer reads `input: text`");
  const line = record.text;
  if (line.startsWith("#")) return null;
  const words = line.split(" ").filter((word) => word.length > 0);
  if (words.length == 0) return null;

  const time = words[0];
  if (!isDigits(time, 11)) return new Failure("BAD_TIME", `'${time}' is no time in Unix seconds`);
  if (words.length == 1) return new Failure("NO_DEVICE", "the line has no device");
  const at = I64.parseInt(time) * 1_000_000;
  const device = words[1];

  for (let i = 2; i < words.length; i++) {
    const item = words[i];
    if (item.startsWith("!")) {
      events.add(ALARM, at, [Value.text(device), Value.text(item.substring(1))]);
      continue;
    }
    const cut = item.indexOf("=");
    if (cut < 0) return new Failure("BAD_ITEM", `'${item}' is neither NAME=VALUE nor !CODE`);
    const text = item.substring(cut + 1);
    const value = parseNumber(text);
    if (isNaN(value)) return new Failure("BAD_VALUE", `'${text}' is no number`, "value");
    events.add(READING, at, [Value.text(device), Value.text(item.substring(0, cut)), Value.number(value)]);
  }
  return null;
}

/** Digits and nothing else, at most so many. */
function isDigits(text: string, most: i32): bool {
  if (text.length == 0 || text.length > most) return false;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code < 48 || code > 57) return false;
  }
  return true;
}

/** Digits, with a minus before and a fraction after them if need be; at most fifteen digits, which are exact. */
function parseNumber(text: string): f64 {
  const negative = text.startsWith("-");
  const unsigned = negative ? text.substring(1) : text;
  const point = unsigned.indexOf(".");
  const whole = point < 0 ? unsigned : unsigned.substring(0, point);
  const fraction = point < 0 ? "" : unsigned.substring(point + 1);
  if (!isDigits(whole, 15 - fraction.length)) return NaN;
  if (point >= 0 && !isDigits(fraction, 15)) return NaN;
  // Both are exact, so that the quotient is the double nearest to the decimal number.
  let scale: f64 = 1;
  for (let i = 0; i < fraction.length; i++) scale *= 10;
  const value = <f64>I64.parseInt(whole + fraction) / scale;
  return negative ? -value : value;
}
