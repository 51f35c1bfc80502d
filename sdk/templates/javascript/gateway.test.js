import assert from 'node:assert/strict';
import { test } from 'node:test';

import { normalizeLine, number } from './gateway.js';

test('a line makes an event of each word', () => {
  assert.deepEqual(normalizeLine('1772352900 M-7731 kWh=12.5 !LOW_BATTERY'), [
    { type: 'reading', seconds: 1772352900, values: ['M-7731', 'kWh', 12.5] },
    { type: 'alarm', seconds: 1772352900, values: ['M-7731', 'LOW_BATTERY'] },
  ]);
});

test('what is no number is named', () => {
  assert.throws(() => normalizeLine('1772352900 M-7731 kWh=much'), { message: "'much' is no number", field: 'value' });
});

test('numbers are exact', () => {
  assert.equal(number('-0.5'), -0.5);
  for (const text of ['', '-', '.5', '5.', '1e3', '+1', '1234567890123456', 'Infinity', '0x1']) {
    assert.throws(() => number(text), { code: 'BAD_VALUE' }, text);
  }
});
