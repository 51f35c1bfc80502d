// The canonical ABI of the world `normalizer`, by hand: there is no generator of bindings for AssemblyScript. Layouts are
// those of the component model. What crosses lies in an arena that is emptied after each call, when nothing is left on the
// stack, and the collector runs.

import { Event, Events, Failure, Kind, RawRecord, Value } from "./defacto";
import * as author from "./gateway";

const CHUNK: usize = 1 << 20;
let chunks: usize[] = [];
let next: usize = 0;
let end: usize = 0;

function allocate(size: usize): usize {
  const aligned = (size + 7) & ~7;
  if (next + aligned > end || next == 0) {
    const room = max(aligned, CHUNK);
    next = heap.alloc(room);
    end = next + room;
    chunks.push(next);
  }
  const at = next;
  next += aligned;
  return at;
}

export function cabi_realloc(old: usize, oldSize: usize, align: usize, size: usize): usize {
  const at = allocate(size);
  if (oldSize) memory.copy(at, old, oldSize);
  return at;
}

function release(): void {
  for (let i = 0; i < chunks.length; i++) heap.free(chunks[i]);
  chunks = [];
  next = end = 0;
  __collect();
}

export function cabi_post_describe(answer: usize): void {
  release();
}

export function cabi_post_normalize(answer: usize): void {
  release();
}

export function describe(config: usize, length: usize): usize {
  const said = author.describe(read(config, length));
  const answer = allocate(12);
  store<u32>(answer, said.refused ? 1 : 0);
  lowerText(answer + 4, said.text);
  return answer;
}

export function normalize(config: usize, length: usize, batch: usize, count: i32): usize {
  const settings = read(config, length);
  const results = allocate(32 * count);
  for (let i = 0; i < count; i++) {
    const events = new Events();
    const failure = author.normalize(settings, lift(batch + 12 * i), events);
    const result = results + 32 * i;
    if (failure) lowerFailure(result, failure);
    else lowerEvents(result, events.made);
  }
  const answer = allocate(8);
  store<usize>(answer, results);
  store<i32>(answer + 4, count);
  return answer;
}

function lift(raw: usize): RawRecord {
  const record = new RawRecord(<Kind>load<u8>(raw));
  const at = load<usize>(raw + 4);
  const length = load<usize>(raw + 8);
  if (record.kind == Kind.Row) {
    for (let column = at; column < at + 16 * length; column += 16) {
      record.names.push(read(load<usize>(column), load<usize>(column + 4)));
      record.texts.push(read(load<usize>(column + 8), load<usize>(column + 12)));
    }
  } else if (record.kind == Kind.Bytes) {
    record.bytes = new ArrayBuffer(<i32>length);
    memory.copy(changetype<usize>(record.bytes), at, length);
  } else {
    record.text = read(at, length);
  }
  return record;
}

function lowerEvents(result: usize, events: Event[]): void {
  const list = allocate(24 * events.length);
  store<u32>(result, 0);
  store<usize>(result + 4, list);
  store<i32>(result + 8, events.length);
  for (let i = 0; i < events.length; i++) {
    const event = events[i];
    const to = list + 24 * i;
    store<u32>(to, event.type);
    store<i64>(to + 8, event.micros);
    const values = allocate(16 * event.values.length);
    store<usize>(to + 16, values);
    store<i32>(to + 20, event.values.length);
    for (let k = 0; k < event.values.length; k++) lowerValue(values + 16 * k, event.values[k]);
  }
}

function lowerValue(to: usize, value: Value): void {
  store<u64>(to, value.tag);
  if (value.tag == 4 || value.tag == 7) lowerText(to + 8, value.str);
  else store<u64>(to + 8, value.bits);
}

function lowerFailure(result: usize, failure: Failure): void {
  store<u32>(result, 1);
  lowerText(result + 4, failure.code);
  store<u32>(result + 12, failure.field.length ? 1 : 0);
  lowerText(result + 16, failure.field);
  lowerText(result + 24, failure.message);
}

function lowerText(to: usize, text: string): void {
  const length = String.UTF8.byteLength(text);
  const at = allocate(length);
  String.UTF8.encodeUnsafe(changetype<usize>(text), text.length, at, false);
  store<usize>(to, at);
  store<usize>(to + 4, length);
}

function read(at: usize, length: usize): string {
  return length ? String.UTF8.decodeUnsafe(at, length) : "";
}
