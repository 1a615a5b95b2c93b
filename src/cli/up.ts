import { setTimeout as delay } from 'node:timers/promises';
import { Command } from 'commander';
import { pathsOf } from '../compose/paths.ts';
import { readDaemonStatus } from '../compose/control-socket.ts';
import { createLogger, type LogFormat } from '../telemetry/logger.ts';
import { options } from './options.ts';
import { type ApiFlags, type HostOptions, apiSettings, hostOptions } from './parts.ts';
import { runService } from './service.ts';
import { UsageError } from './usage-error.ts';

const STOP_TIMEOUT_MS = 15_000;

interface UpFlags extends HostOptions, ApiFlags {
  hostName: string;
  hostNetns?: string;
  logLevel: string;
  logFormat: LogFormat;
}

export function upCommand(): Command {
  return new Command('up')
    .description('run everything on this host: API server, controllers, Redis, libvirt and the agent')
    .addOption(options.config())
    .addOption(options.dataDir())
    .addOption(options.hostName())
    .addOption(options.apiHost())
    .addOption(options.apiPort())
    .addOption(options.auditPolicy())
    .addOption(options.auditLog())
    .addOption(options.hostNetns())
    .addOption(options.libvirt())
    .addOption(options.importDir())
    .addOption(options.allowPrivateImageSources())
    .addOption(options.logLevel())
    .addOption(options.logFormat())
    .addHelpText(
      'after',
      `
Stops cleanly on SIGTERM; guests are never touched by a stop, a crash or an upgrade.

Examples:
  purlin up
  purlin up --host-netns lab --data-dir /srv/purlin
  PURLIN_API_PORT=6443 purlin up --import-dir /srv/images`,
    )
    .action(async (given: UpFlags) => {
      if (process.getuid?.() !== 0)
        throw new UsageError('purlin up makes bridges and virtual machines; run it as root');
      const log = { level: given.logLevel, format: given.logFormat };
      const logger = await createLogger(log);
      const { startUp } = await import('../compose/up.ts');
      process.exitCode = await runService(
        () =>
          startUp({
            ...hostOptions(given),
            hostName: given.hostName,
            api: apiSettings(given),
            ...(given.hostNetns ? { hostNetns: given.hostNetns } : {}),
            log,
            logger,
          }),
        logger,
      );
    });
}

export function downCommand(): Command {
  return new Command('down')
    .description('stop purlin up; guests keep running')
    .addOption(options.dataDir())
    .option('--purge', 'also stop and remove every guest, bridge and file of this data directory')
    .addHelpText('after', '\nExamples:\n  purlin down\n  purlin down --purge --data-dir /srv/purlin')
    .action(async ({ dataDir, purge }: { dataDir: string; purge?: boolean }) => {
      const daemon = await readDaemonStatus(pathsOf(dataDir).controlSocket);
      if (daemon) await stopDaemon(daemon.pid, dataDir);
      else if (!purge) console.error(`purlin does not run with data directory ${dataDir}`);
      if (purge) {
        const { purgeHost } = await import('../compose/purge.ts');
        await purgeHost(dataDir);
      }
    });
}

async function stopDaemon(pid: number, dataDir: string): Promise<void> {
  process.kill(pid, 'SIGTERM');
  const deadline = Date.now() + STOP_TIMEOUT_MS;
  while (await readDaemonStatus(pathsOf(dataDir).controlSocket)) {
    if (Date.now() > deadline)
      throw new Error(`purlin (pid ${pid}) did not stop within ${STOP_TIMEOUT_MS / 1000} s`);
    await delay(100);
  }
}

/** The part of `down --purge` that runs inside the network namespace of the host side. */
export function purgeHostCommand(): Command {
  return new Command('purge-host')
    .addOption(options.dataDir())
    .action(async ({ dataDir }: { dataDir: string }) => {
      const { purgeHostSide } = await import('../compose/purge.ts');
      await purgeHostSide(dataDir);
    });
}
