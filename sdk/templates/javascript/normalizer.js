// What the engine calls; what is to be done with a record stands in gateway.js.

import { description, Failure, normalizeLine } from './gateway.js';

const EVENTS = description.events.map((event) => event.type);

export function describe(config) {
  return JSON.stringify(description);
}

export function normalize(config, batch) {
  return batch.map((record) => {
    try {
      if (record.tag !== 'text') throw new Failure('INPUT', 'this normalizer reads `input: text`');
      return { tag: 'ok', val: normalizeLine(record.val).map(lower) };
    } catch (failure) {
      if (!(failure instanceof Failure)) throw failure;
      const { code, field, message } = failure;
      return { tag: 'err', val: { code, field, message } };
    }
  });
}

function lower({ type, seconds, values }) {
  return { eventType: EVENTS.indexOf(type), timestamp: seconds * 1_000_000, values: values.map(value) };
}

// Numbers go out as doubles; write { tag: 'integer', val: 7 } or { tag: 'datetime', val: micros } yourself.
function value(js) {
  if (js === null) return { tag: 'null' };
  switch (typeof js) {
    case 'boolean':
      return { tag: 'boolean', val: js };
    case 'number':
      return { tag: 'float', val: js };
    case 'string':
      return { tag: 'text', val: js };
    default:
      return js;
  }
}
