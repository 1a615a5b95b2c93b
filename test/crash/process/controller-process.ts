/**
 * The controllers as the control plane of `purlin up` composes them, with failpoints around all that they write.
 * Arguments: {@link CrashableController} as JSON.
 */
import { externalEndpoint } from '../../../src/compose/external-api.ts';
import { startController } from '../../../src/compose/controller-process.ts';
import { writePrivateFile } from '../../../src/compose/private-files.ts';
import { runService } from '../../../src/cli/service.ts';
import { createLogger } from '../../../src/telemetry/logger.ts';
import { describeControllerCall } from './controller-boundaries.ts';
import { Failpoints } from './failpoints.ts';
import { installJumpingClock } from './jumping-clock.ts';

export interface CrashableController {
  /** Kept over restarts, as the control plane keeps its own: its Lease is taken back at once. */
  identity: string;
  kubeconfig: string;
  redisSocket: string;
  trustFile: string;
  /** Where the files of `filesOf` are. */
  failpoints: string;
}

installJumpingClock();
const given = JSON.parse(process.argv[2] ?? '') as CrashableController;
const logger = await createLogger({ level: 'debug', format: 'json' });
const failpoints = new Failpoints(given.failpoints, describeControllerCall);

process.exitCode = await runService(async ({ signal, fail }) => {
  const running = await startController(
    {
      endpoint: await externalEndpoint(given.kubeconfig),
      redis: { path: given.redisSocket },
      identity: given.identity,
      logger: logger.child({ process: given.identity }),
      onTrust: (trust) => writePrivateFile(given.trustFile, JSON.stringify(trust)),
      onLost: fail,
    },
    signal,
    (name, port) => failpoints.around(name, port),
  );
  failpoints.ready();
  return running;
}, logger);
