import { createHash } from 'node:crypto';
import { access } from 'node:fs/promises';
import { expect, test } from '@jest/globals';
import { probeFirmware, probeKvm } from '../../../src/host/libvirt/kvm-probe.ts';

test('the firmware itself works: under emulation it reaches long mode and says so', async () => {
  expect(probeFirmware()).toHaveLength(64 * 1024);
  expect(await probeKvm('tcg')).toEqual({ works: true, reason: 'a probe guest ran on TCG' });
});

test('on KVM it gives an answer with a reason, soon', async () => {
  const began = performance.now();
  const result = await probeKvm();
  expect(performance.now() - began).toBeLessThan(10_000);
  const hasDevice = await access('/dev/kvm').then(
    () => true,
    () => false,
  );
  if (!hasDevice) expect(result.works).toBe(false);
  expect(result.reason).toMatch(result.works ? /ran on KVM/ : /hung on KVM|did not run on KVM/);
});

test('the committed bytes are the ones that were assembled', () => {
  expect(createHash('sha256').update(probeFirmware()).digest('hex')).toBe(
    '3f5ec62bfe7db3573435567de18864fdf1cc9410619a090ef0e2b43af89e27bb',
  );
});
