/** Says `held` or `refused` for a data directory's socket, and holds it until it is killed. Arguments: which, its path. */
import { openControlSocket } from '../../../src/compose/control-socket.ts';
import { openStoreSocket } from '../../../src/compose/store-socket.ts';

const [which, path = ''] = process.argv.slice(2);
const logger = { warn: () => undefined };
const status = () => ({ version: '', pid: process.pid, startedAt: 0, parts: [] });
// They wait for each other, so that all begin at the same moment.
process.stdin.once('data', () => {
  const opened = which === 'store' ? openStoreSocket(path, logger) : openControlSocket(path, status, logger);
  opened.then(
    () => process.stdout.write('held\n'),
    (error: Error) => process.stdout.write(`${error.name}\n`),
  );
});
process.stdout.write('ready\n');
