import { expect, test } from '@jest/globals';
import { pino } from 'pino';
import { TroubleLog } from '../../../src/agent/trouble-log.ts';

test('the same trouble is told once a minute with its count, and is news again once it was over', () => {
  const lines: { msg: string; because: string; timesSinceLastTold?: number }[] = [];
  const logger = pino({}, { write: (line: string) => void lines.push(JSON.parse(line)) });
  let now = 0;
  const trouble = new TroubleLog(logger, () => now);
  const told = () =>
    lines.splice(0).map(({ msg, because, timesSinceLastTold }) => [msg, because, timesSinceLastTold]);
  const away = new Error('no socket');

  trouble.warn('Redis is away', away);
  trouble.warn('Redis is away', away);
  trouble.warn('Redis is away', new Error('refused'));
  expect(told()).toEqual([
    ['Redis is away', 'no socket', undefined],
    ['Redis is away', 'refused', undefined],
  ]);

  now = 61_000;
  trouble.warn('Redis is away', away);
  expect(told()).toEqual([['Redis is away', 'no socket', 2]]);

  expect(trouble.over('Redis is away')).toBe(true);
  expect(trouble.over('Redis is away')).toBe(false);
  trouble.warn('Redis is away', away);
  expect(told()).toEqual([['Redis is away', 'no socket', undefined]]);
});
