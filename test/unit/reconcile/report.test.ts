import { describe, expect, test } from '@jest/globals';
import { act, blocked, settled, waiting } from '../../../src/plan/outcome.ts';
import { noteOf, statusPatch } from '../../../src/reconcile/report.ts';
import type { Disk } from '../../../src/resources/kinds.ts';
import { disk } from '../kinds/builders.ts';

const NOW = '2026-02-01T00:00:00Z';
const EARLIER = '2026-01-01T00:00:00Z';
const ready = { type: 'Ready', status: 'True', reason: 'Ready', message: 'fine' } as const;
const wanted = { conditions: [ready], fields: { phase: 'Ready', capacity: 5 } };
const asWanted: Disk['status'] = {
  phase: 'Ready',
  capacity: 5,
  observedGeneration: 1,
  conditions: [{ ...ready, lastTransitionTime: EARLIER, observedGeneration: 1 }],
};

describe('statusPatch', () => {
  test('nothing to write when it is as wanted', () => {
    expect(statusPatch(disk('data', { status: asWanted }), wanted, NOW)).toBeUndefined();
  });

  test('a first status is written whole', () => {
    expect(statusPatch(disk(), wanted, NOW)).toEqual({
      status: {
        phase: 'Ready',
        capacity: 5,
        observedGeneration: 1,
        conditions: [{ ...ready, lastTransitionTime: NOW, observedGeneration: 1 }],
      },
    });
  });

  test('only what differs is written; what the kind does not own is left alone', () => {
    const status = { ...asWanted, claim: { machineName: 'web', machineUid: 'u' } };
    expect(
      statusPatch(disk('data', { status }), { ...wanted, fields: { phase: 'Ready', capacity: 6 } }, NOW),
    ).toEqual({ status: { capacity: 6 } });
  });

  test('a member that is not wanted any more is removed', () => {
    expect(
      statusPatch(
        disk('data', { status: asWanted }),
        { ...wanted, fields: { phase: 'Ready', capacity: undefined } },
        NOW,
      ),
    ).toEqual({ status: { capacity: null } });
  });

  test('lastTransitionTime moves with the status only, not with reason or message', () => {
    const patch = (condition: object) =>
      statusPatch(
        disk('data', { status: asWanted }),
        { ...wanted, conditions: [{ ...ready, ...condition }] },
        NOW,
      );
    expect(patch({ message: 'better' })).toMatchObject({
      status: { conditions: [{ message: 'better', lastTransitionTime: EARLIER }] },
    });
    expect(patch({ status: 'False' })).toMatchObject({
      status: { conditions: [{ status: 'False', lastTransitionTime: NOW }] },
    });
  });

  test('a new generation is acknowledged even when nothing else changes', () => {
    const changed = disk('data', { status: asWanted, metadata: { generation: 2 } });
    expect(statusPatch(changed, wanted, NOW)).toMatchObject({ status: { observedGeneration: 2 } });
  });
});

test('a step becomes an Event; drift is a warning', () => {
  const step = { on: 'api', action: { name: 'api.bindDisk', hostName: 'h1' } } as const;
  const why = { reason: 'Bound', because: 'h1 has room' };
  const normal = act(step, why);
  const drift = act(step, { ...why, drift: true });
  if (normal.type !== 'act' || drift.type !== 'act') throw new Error('act makes steps');
  expect(noteOf(normal)).toEqual({ type: 'Normal', reason: 'Bound', message: 'h1 has room' });
  expect(noteOf(drift)).toEqual({ type: 'Warning', reason: 'Bound', message: 'h1 has room' });
  expect([settled, waiting('A', 'b'), blocked('A', 'b')].map(({ type }) => type)).toEqual([
    'settled',
    'waiting',
    'blocked',
  ]);
});
