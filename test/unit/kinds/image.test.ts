import { describe, expect, test } from '@jest/globals';
import { type ImageInput, planImage } from '../../../src/kinds/image/plan.ts';
import { imageStatus } from '../../../src/kinds/image/status.ts';
import { image as imageKind } from '../../../src/kinds/image/index.ts';
import { settled } from '../../../src/plan/outcome.ts';
import type { ImageSnapshot } from '../../../src/plan/snapshot.ts';
import { deleted, disk, host, image, sentence, silentHost } from './builders.ts';
import { readerOf } from './reader.ts';

const uid = 'uid-of-debian';
const cached = (changes: Partial<ImageSnapshot> = {}) => ({
  images: {
    [uid]: {
      imageUid: uid,
      state: 'complete' as const,
      digest: 'sha256:abc',
      format: 'qcow2' as const,
      virtualSizeBytes: 2 ** 31,
      overlays: [],
      ...changes,
    },
  },
});
const given = (changes: Partial<ImageInput> = {}): ImageInput => ({
  image: image(),
  hosts: [host()],
  users: [],
  ...changes,
});

describe('planning an Image', () => {
  test.each<[string, ImageInput, string]>([
    [
      'one never seen before is protected by the finalizer first',
      given({ image: image('debian', { metadata: { finalizers: [] } }) }),
      'api.addFinalizer (Adopting): deletion must wait until the hosts are clean',
    ],
    [
      'a host without it imports it',
      given(),
      'image.import on h1 (Importing): host h1 does not have the image',
    ],
    [
      'an import under way keeps being asked for, which is the same order',
      given({ hosts: [host(cached({ state: 'importing' }))] }),
      'image.import on h1 (Importing): host h1 does not have the image',
    ],
    [
      'one that a host had and lost is drift',
      given({ image: image('debian', { status: { hosts: ['h1'] } }) }),
      'image.import on h1 (Importing, drift): the cached image is gone from host h1',
    ],
    [
      'the second host gets it when the first has it',
      given({ hosts: [host(cached()), host({ hostName: 'h2' })] }),
      'image.import on h2 (Importing): host h2 does not have the image',
    ],
    [
      'nothing is made on one that has no Host yet',
      given({ hosts: [{ ...host(), registered: false }, host({ hostName: 'h2' })] }),
      'image.import on h2 (Importing): host h2 does not have the image',
    ],
    [
      'one on which it failed does not hold up the other',
      given({
        hosts: [
          host({
            results: {
              [image().metadata.uid]: { orderId: 'o', action: 'a', outcome: 'failed', atSequence: 1 },
            },
          }),
          host({ hostName: 'h2' }),
        ],
      }),
      'image.import on h2 (Importing): host h2 does not have the image',
    ],
    [
      'a host that cannot be seen is passed over',
      given({ hosts: [silentHost('h0'), host(cached())] }),
      'settled',
    ],
    ['complete everywhere', given({ hosts: [host(cached())] }), 'settled'],
    [
      'without any host it waits for one',
      given({ hosts: [] }),
      'wait (NoHost): no host has reported yet; start an agent (purlin up does)',
    ],
    [
      'with only silent hosts it waits as well',
      given({ hosts: [silentHost()] }),
      'wait (NoHost): no host has reported yet; start an agent (purlin up does)',
    ],
    [
      'deleted in use, it waits and names every user',
      given({ image: image('debian', { metadata: deleted }), users: ['a', 'b'] }),
      'wait (InUse): in use by Disk a, Disk b',
    ],
    [
      'deleted and unused, it goes from the host',
      given({ image: image('debian', { metadata: deleted }), hosts: [host(cached())] }),
      'image.delete on h1 (Removing): the Image is being deleted and no Disk uses it',
    ],
    [
      'a host that cannot be seen is no proof of absence',
      given({ image: image('debian', { metadata: deleted }), hosts: [silentHost()] }),
      'wait (HostUnknown): a complete snapshot of host h1',
    ],
    [
      'recorded as removed everywhere, the finalizer goes',
      given({ image: image('debian', { metadata: deleted }), hosts: [host({ removed: { [uid]: 1 } })] }),
      'api.releaseFinalizer (Released): no host refers to the image any more',
    ],
  ])('%s', (_name, input, expected) => {
    expect(sentence(planImage(input))).toBe(expected);
  });

  test('the order carries source, checksum, format and compression, and locks the Image', () => {
    const outcome = planImage(given());
    expect(outcome).toMatchObject({
      step: {
        lock: [uid],
        action: {
          arguments: {
            from: { url: 'https://images.example/debian.qcow2' },
            checksum: `sha256:${'0'.repeat(64)}`,
            format: 'qcow2',
            compression: 'None',
          },
        },
      },
    });
  });

  test('a file source is passed on as a file', () => {
    const fromFile = image('debian', { spec: { source: { file: '/import/debian.qcow2' } } });
    expect(planImage(given({ image: fromFile }))).toMatchObject({
      step: { action: { arguments: { from: { file: '/import/debian.qcow2' } } } },
    });
  });
});

describe('the status of an Image', () => {
  const statusOf = (input: ImageInput, failure?: Parameters<typeof imageStatus>[2]) =>
    imageStatus(input, planImage(input), failure);

  test('complete: ready, with digest, sizes and hosts', () => {
    expect(statusOf(given({ hosts: [host(cached())] }))).toMatchObject({
      conditions: [{ type: 'Ready', status: 'True' }],
      fields: {
        phase: 'Ready',
        progress: '100%',
        digest: 'sha256:abc',
        virtualSize: '2Gi',
        virtualSizeBytes: 2 ** 31,
        hosts: ['h1'],
      },
    });
  });

  test('importing: the progress of the download is told', () => {
    const input = given({ hosts: [host(cached({ state: 'importing', progressPercent: 42 }))] });
    expect(statusOf(input)).toMatchObject({
      conditions: [{ status: 'False', reason: 'Importing' }],
      fields: { phase: 'Importing', progress: '42%', hosts: [] },
    });
  });

  test('importing something of unknown length: no invented number', () => {
    const input = given({ hosts: [host(cached({ state: 'importing' }))] });
    expect(statusOf(input).fields['progress']).toBeUndefined();
  });

  test('a failed import names its reason', () => {
    const failure = { reason: 'DownloadFailed', message: 'HTTP status 404', retryable: true };
    expect(statusOf(given(), failure)).toMatchObject({
      conditions: [{ status: 'False', reason: 'DownloadFailed', message: 'HTTP status 404' }],
      fields: { phase: 'Failed' },
    });
  });

  test('phases of waiting and deleted ones', () => {
    expect(statusOf(given({ hosts: [] })).fields['phase']).toBe('Pending');
    expect(statusOf(given({ image: image('debian', { metadata: deleted }) })).fields['phase']).toBe(
      'Terminating',
    );
  });

  test('settled on hosts that all fell silent is not ready', () => {
    expect(imageStatus(given({ hosts: [] }), settled, undefined).conditions[0]?.status).toBe('False');
  });

  test('an odd virtual size is rounded for people and exact for machines', () => {
    const input = given({ hosts: [host(cached({ virtualSizeBytes: 2 ** 31 + 512 }))] });
    expect(statusOf(input).fields).toMatchObject({
      virtualSize: '2048Mi',
      virtualSizeBytes: 2 ** 31 + 512,
    });
  });
});

test('a Disk made from the Image concerns it; a blank one does not', () => {
  const [watch] = imageKind.watches;
  const reader = readerOf([]);
  expect(watch?.keys(disk('a', { spec: { source: { imageRef: { name: 'debian' } } } }), reader)).toEqual([
    'default/debian',
  ]);
  expect(watch?.keys(disk('a'), reader)).toEqual([]);
});
