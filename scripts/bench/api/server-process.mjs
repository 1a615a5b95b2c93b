/** The built API server as a process of its own: `server-process.mjs DATA-DIR`; says where it is when it is ready. */
import { startApiServer } from '../../../dist/apiserver/index.js';

const [dataDir = ''] = process.argv.slice(2);
const silent = { debug() {}, info() {}, warn() {}, error: (fields, text) => console.error(text, fields) };

const server = await startApiServer({
  dataDir,
  listen: { host: '127.0.0.1', port: 0 },
  crdsDir: `${dataDir}/crds`,
  logger: silent,
});
console.log(JSON.stringify({ url: server.url, caPem: server.caPem, token: server.loopbackToken }));
process.once('SIGTERM', () => void server.close());
