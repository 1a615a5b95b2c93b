import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Logger } from '../telemetry/logger.ts';
import type { ApiSettings } from './embedded-api.ts';
import { type DaemonStatus, openControlSocket } from './control-socket.ts';
import { pathsOf } from './paths.ts';
import { writePrivateFile } from './private-files.ts';
import { redisPart } from './private-redis.ts';
import { type Part, Supervisor } from './supervisor.ts';
import { purlinVersion } from './version.ts';

export interface UpOptions {
  dataDir: string;
  hostName: string;
  api: ApiSettings;
  /** Network namespace (a name under /run/netns) for the agent and everything that it starts. */
  hostNetns?: string;
  libvirt: 'auto' | 'private' | 'system';
  importDirs: string[];
  allowPrivateImageSources: boolean;
  log: { level: string; format: 'json' | 'pretty' };
  logger: Logger;
}

/** The one command of one machine: redis, the control plane and the agent as supervised children. */
export async function startUp(options: UpOptions): Promise<{ close(): Promise<void> }> {
  const { dataDir, logger } = options;
  mkdirSync(dataDir, { recursive: true, mode: 0o711 });
  const paths = pathsOf(dataDir);
  if (options.hostNetns && !existsSync(`/run/netns/${options.hostNetns}`)) {
    throw new Error(
      `there is no network namespace ${options.hostNetns}; make it with: ip netns add ${options.hostNetns}`,
    );
  }
  keepNetns(paths.hostNetns, options.hostNetns);
  await checkAuditPolicy(options.api);
  const supervisor = new Supervisor(
    [
      redisPart({ directory: paths.redisDir, socket: paths.redisSocket }),
      controlPlanePart(options),
      agentPart(options),
    ],
    logger,
  );
  const status = (): DaemonStatus => ({
    version: purlinVersion,
    pid: process.pid,
    startedAt,
    parts: supervisor.status(),
  });
  const startedAt = Date.now();
  const socket = await openControlSocket(paths.controlSocket, status, logger);
  writePrivateFile(paths.pidFile, `${process.pid}\n`);
  supervisor.start();
  logger.info({ dataDir, version: purlinVersion }, 'purlin is starting');
  return {
    close: async () => {
      await supervisor.stop();
      rmSync(paths.pidFile, { force: true });
      socket.close();
      logger.info('purlin has stopped; guests keep running');
    },
  };
}

/** Remembered for `purlin down --purge`, and because guests that run in one namespace cannot move to another. */
function keepNetns(file: string, wanted: string | undefined): void {
  if (existsSync(file)) {
    const kept = readFileSync(file, 'utf8').trim();
    if (kept !== (wanted ?? '')) {
      throw new Error(
        `this data directory was set up with --host-netns ${kept || '(none)'}; keep it, or purge first`,
      );
    }
  }
  writePrivateFile(file, `${wanted ?? ''}\n`);
}

/** The entry point that runs now, as TypeScript in the sources and as JavaScript in the build. */
export const MAIN = join(
  import.meta.dirname,
  `../main${import.meta.filename.endsWith('.ts') ? '.ts' : '.js'}`,
);

/**
 * The whole should stay far below what one guest takes. As they come, V8 lets a heap grow for a long time before it
 * collects, and glibc gives each thread an arena of its own; both keep what a burst of work took.
 */
export const NODE_FLAGS = [
  '--optimize-for-size',
  '--max-semi-space-size=1',
  '--disable-warning=ExperimentalWarning',
];
export const SMALL_MALLOC = { MALLOC_ARENA_MAX: '1', MALLOC_TRIM_THRESHOLD_: '131072' };

function purlinPart(name: string, args: string[], { log }: UpOptions): Part {
  return {
    name,
    command: process.execPath,
    arguments: [...NODE_FLAGS, MAIN, ...args, '--log-level', log.level, '--log-format', log.format],
    env: SMALL_MALLOC,
    announcesReady: true,
  };
}

/** A faulty file is told of before anything has begun. Read here only if there is one: a supervisor stays small. */
async function checkAuditPolicy({ auditPolicy }: ApiSettings): Promise<void> {
  if (auditPolicy === undefined) return;
  const { readAuditPolicy } = await import('../apiserver/audit/policy-file.ts');
  await readAuditPolicy(auditPolicy);
}

function controlPlanePart(options: UpOptions): Part {
  const { dataDir, hostName, api } = options;
  const args = ['control-plane', '--data-dir', dataDir, '--host-name', hostName];
  args.push('--api-host', api.host, '--api-port', String(api.port));
  if (api.auditPolicy) args.push('--audit-policy', api.auditPolicy);
  if (api.auditLog) args.push('--audit-log', api.auditLog);
  return purlinPart('control-plane', args, options);
}

function agentPart(options: UpOptions): Part {
  const { dataDir, hostName, hostNetns, libvirt, importDirs, allowPrivateImageSources } = options;
  const args = ['agent', '--data-dir', dataDir, '--host-name', hostName];
  args.push('--redis-socket', pathsOf(dataDir).redisSocket, '--libvirt', hostNetns ? 'private' : libvirt);
  for (const directory of importDirs) args.push('--import-dir', directory);
  if (allowPrivateImageSources) args.push('--allow-private-image-sources');
  const part = purlinPart('agent', args, options);
  if (!hostNetns) return part;
  // nsenter and not `ip netns exec`, which would hide the machine's /sys behind a new one.
  const enter = [`--net=/run/netns/${hostNetns}`, '--', part.command];
  return { ...part, command: '/usr/bin/nsenter', arguments: [...enter, ...part.arguments] };
}
