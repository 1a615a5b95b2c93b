/** The embedded API server as a process of its own: `server-process.ts DATA-DIR`; says where it is when it is ready. */
import { startApiServer } from '../../../src/apiserver/index.ts';

const [dataDir = ''] = process.argv.slice(2);
const silent = {
  debug() {},
  info() {},
  warn() {},
  error: (fields: object, text: string) => console.error(text, fields),
};

const server = await startApiServer({
  dataDir,
  listen: { host: '127.0.0.1', port: 0 },
  crdsDir: `${dataDir}/crds`,
  logger: silent,
});
console.log(JSON.stringify({ url: server.url, caPem: server.caPem, token: server.loopbackToken }));
process.once('SIGTERM', () => void server.close());
