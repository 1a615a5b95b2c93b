/**
 * Sends requests that were made from seeds to an API server of this process: no crash, no answer of 500, nobody kept
 * waiting for a second, every error a Status.
 *
 *   npm run fuzz [-- --seed N] [-- --count N]
 */
import { parseArgs } from 'node:util';
import { asCurl } from '../test/fuzz/requests.ts';
import { fuzz } from '../test/fuzz/run.ts';

const { values } = parseArgs({
  options: { seed: { type: 'string', default: '1' }, count: { type: 'string', default: '5000' } },
});
const findings = await fuzz(Number(values.seed), Number(values.count));
for (const { seed, why, request } of findings) console.log(`seed ${seed}: ${why}\n  ${asCurl(request)}\n`);
console.log(`${values.count} requests from seed ${values.seed}: ${findings.length} findings`);
if (findings.length > 0) process.exitCode = 1;
