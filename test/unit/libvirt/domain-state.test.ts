import { expect, test } from '@jest/globals';
import { readPower } from '../../../src/host/libvirt/domain-state.ts';

test.each([
  [0, 'unknown', 'user'],
  [1, 'user', 'user'],
  [2, 'migration', 'passing'],
  [3, 'save', 'passing'],
  [4, 'dump', 'passing'],
  [5, 'I/O error', 'ioError'],
  [6, 'watchdog', 'other'],
  [7, 'from a snapshot', 'other'],
  [8, 'shutting down', 'passing'],
  [9, 'snapshot', 'passing'],
  [10, 'crashed', 'other'],
  [11, 'starting up', 'passing'],
  [12, 'postcopy', 'passing'],
  [13, 'postcopy failed', 'other'],
  [14, 'API error', 'other'],
  [99, 'of a libvirt to come', 'other'],
])('a pause of reason %i (%s) is %s', (reason, _name, pauseCause) => {
  expect(readPower({ state: 3, reason })).toEqual({ power: 'paused', pauseCause });
});
