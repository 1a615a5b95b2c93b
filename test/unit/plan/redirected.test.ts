import { expect, test } from '@jest/globals';
import { bringBack } from '../../../src/plan/redirected.ts';

test.each([
  [
    '/var/lib/backup.qcow2',
    'disk vda of the guest is /var/lib/backup.qcow2 and not the file that Purlin made',
  ],
  ['', 'disk vda of the guest is no file and not the file that Purlin made'],
])('a disk that goes on in %j: what it is, and how to get back', (redirectedTo, what) => {
  const told = bringBack('u', { target: 'vda', redirectedTo });
  expect(told).toContain(what);
  expect(told).toContain('virsh blockcommit u vda --active --pivot');
});
