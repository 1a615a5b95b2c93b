/**
 * The agent as `purlin agent` composes it, with failpoints around all that it changes the host through.
 * Arguments: {@link CrashableAgent} as JSON.
 */
import type { PortName } from '../../../src/values/around.ts';
import { startAgentProcess } from '../../../src/compose/agent-process.ts';
import { runService } from '../../../src/cli/service.ts';
import { createLogger } from '../../../src/telemetry/logger.ts';
import { DataWriter } from '../written-data.ts';
import { AgentBoundaries } from './agent-boundaries.ts';
import { Failpoints } from './failpoints.ts';
import { installJumpingClock } from './jumping-clock.ts';

export interface CrashableAgent {
  dataDir: string;
  redisSocket: string;
  importDir: string;
  trustFile: string;
  /** Where the files of `filesOf` are. */
  failpoints: string;
  /** Book of the {@link DataWriter}. */
  writtenData: string;
}

installJumpingClock();
const given = JSON.parse(process.argv[2] ?? '') as CrashableAgent;
const logger = await createLogger({ level: 'debug', format: 'json' });
const boundaries = new AgentBoundaries();
const failpoints = new Failpoints(given.failpoints, boundaries.describe);
const writer = new DataWriter(given.dataDir, given.writtenData);

/** What belongs to an effect, and so is done before anything strikes after it. */
function withinBoundary<Port extends object>(name: PortName, port: Port): Port {
  if (name === 'orders') return boundaries.learning(port);
  return name === 'storage' ? writer.around(port) : port;
}

process.exitCode = await runService(async ({ signal, fail }) => {
  const running = await startAgentProcess(
    {
      dataDir: given.dataDir,
      hostName: 'h1',
      redis: { path: given.redisSocket },
      importDirs: [given.importDir],
      allowPrivateImageSources: false,
      libvirt: 'private',
      trustFile: given.trustFile,
      logger: logger.child({ process: 'agent' }),
    },
    signal,
    (name, port) => failpoints.around(name, withinBoundary(name, port)),
  );
  running.agent.failed.catch((error: unknown) => fail(String(error)));
  await running.agent.ready();
  failpoints.ready();
  return running;
}, logger);
