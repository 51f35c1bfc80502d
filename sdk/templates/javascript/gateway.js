// Lines of a metering gateway to readings and alarms.
//
//     1772352900 M-7731 kWh=12.5 V=229.8 !LOW_BATTERY
//
// Unix seconds, a device, then values it measured and alarms it raised: one line makes any number of events. Empty
// lines and those that start with '#' make none.

export const description = {
  name: 'my_normalizer',
  version: '0.1.0',
  events: [
    {
      type: 'reading',
      description: 'A device measured something.',
      fields: [
        { name: 'device', type: 'string' },
        { name: 'quantity', type: 'string', description: 'What was measured, and in which unit.' },
        { name: 'value', type: 'number' },
      ],
    },
    {
      type: 'alarm',
      description: 'A device wants attention.',
      fields: [
        { name: 'device', type: 'string' },
        { name: 'code', type: 'string' },
      ],
    },
  ],
};

// Why a record gives no events: a code (a letter, then up to 31 letters, digits, - and _), a sentence that names the value, and
// the field at fault if one is.
export class Failure extends Error {
  constructor(code, message, field = undefined) {
    super(message);
    this.code = code;
    this.field = field;
  }
}

// The events of a line: type, Unix seconds, values in the order of the description.
export function normalizeLine(line) {
  const [time, device, ...items] = line.split(' ').filter((word) => word !== '');
  if (time === undefined || line.startsWith('#')) return [];
  if (!/^[0-9]{1,11}$/.test(time)) throw new Failure('BAD_TIME', `'${time}' is no time in Unix seconds`);
  if (device === undefined) throw new Failure('NO_DEVICE', 'the line has no device');
  return items.map((item) => event(Number(time), device, item));
}

function event(seconds, device, item) {
  if (item.startsWith('!')) return { type: 'alarm', seconds, values: [device, item.slice(1)] };
  const cut = item.indexOf('=');
  if (cut < 0) throw new Failure('BAD_ITEM', `'${item}' is neither NAME=VALUE nor !CODE`);
  return { type: 'reading', seconds, values: [device, item.slice(0, cut), number(item.slice(cut + 1))] };
}

// Digits, with a minus before and a fraction after them if need be; at most fifteen digits, which are exact.
export function number(text) {
  if (!/^-?[0-9]+(\.[0-9]+)?$/.test(text) || text.replace(/[^0-9]/g, '').length > 15) {
    throw new Failure('BAD_VALUE', `'${text}' is no number`, 'value');
  }
  return Number(text);
}
