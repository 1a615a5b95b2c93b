/**
 * A process that makes durable writes one after another, and says of each when it was acknowledged. Arguments: what
 * keeps them (`store` or `fence`) and a directory.
 */
import { join } from 'node:path';
import { SqliteFenceBook } from '../../../src/agent/fence-book.ts';
import { openStore } from '../../../src/store/index.ts';

type Write = () => unknown;

function storeIn(directory: string): { writes: Write[]; close: () => unknown } {
  const store = openStore({ file: join(directory, 'store.db'), historyRevisions: 100 });
  return {
    writes: [
      () => store.create('/registry/things/a', '1'),
      () => store.update('/registry/things/a', '2', store.get('/registry/things/a')?.revision ?? 0),
      () => store.delete('/registry/things/a', store.get('/registry/things/a')?.revision ?? 0),
    ],
    close: () => store.close(),
  };
}

function fenceIn(directory: string): { writes: Write[]; close: () => unknown } {
  const book = new SqliteFenceBook(directory);
  return {
    writes: [
      () => book.setFact('epoch', '7'),
      () => book.admit('a', { epoch: 7, generation: 1 }),
      () => book.recordRemoval('a', 1, 0),
    ],
    close: () => book.close(),
  };
}

const [keeper, directory = ''] = process.argv.slice(2);
const { writes, close } = keeper === 'store' ? storeIn(directory) : fenceIn(directory);
process.stdout.write('begins\n');
for (const write of writes) {
  await write();
  process.stdout.write('acknowledged\n');
}
await close();
