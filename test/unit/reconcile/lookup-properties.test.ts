import { test } from '@jest/globals';
import fc from 'fast-check';
import { lookupsOf } from '../../../src/plan/lookups.ts';
import { ObjectCache } from '../../../src/reconcile/object-cache.ts';
import { machine } from '../kinds/builders.ts';

const names = ['a', 'b', 'c'] as const;

/** A Machine of that name, of its first life or its second, on these Subnets and with these Disks. */
const version = fc.record({
  type: fc.constantFrom('put' as const, 'remove' as const),
  name: fc.constantFrom(...names),
  life: fc.constantFrom(1, 2),
  subnets: fc.uniqueArray(fc.constantFrom(...names)),
  disks: fc.uniqueArray(fc.constantFrom(...names)),
});

test('a lookup finds what a look at all objects finds, whatever became of them before', () => {
  fc.assert(
    fc.property(fc.array(version, { maxLength: 30 }), (versions) => {
      const lookups = lookupsOf('Machine');
      const cache = new ObjectCache(lookups);
      for (const [index, { type, name, life, subnets, disks }] of versions.entries()) {
        const metadata = { uid: `${name}-${life}`, resourceVersion: `${index + 1}` };
        const spec = {
          interfaces: subnets.map((subnet) => ({ name: subnet, subnetRef: { name: subnet } })),
          disks: disks.map((disk) => ({ name: disk, diskRef: { name: disk } })),
        };
        cache[type](machine(name, { metadata, spec }));
        for (const [by, valuesOf] of lookups) {
          for (const value of names.map((each) => `default/${each}`)) {
            const found = cache.find(by, value).map((object) => object.metadata.uid);
            const there = cache.list().filter((object) => valuesOf(object).includes(value));
            const expected = there.map((object) => object.metadata.uid);
            if (found.sort().join() !== expected.sort().join())
              throw new Error(`${by} ${value}: found ${found.join()}, there are ${expected.join()}`);
          }
        }
      }
    }),
  );
});
