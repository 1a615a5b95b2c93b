import { join } from 'node:path';
import { randomUUID } from 'node:crypto';
import { Command } from 'commander';
import type { Trust } from '../compose/controller-process.ts';
import { pathsOf } from '../compose/paths.ts';
import { announce } from '../compose/supervisor.ts';
import type { ApiSettings } from '../compose/embedded-api.ts';
import type { RedisAddress } from '../compose/addresses.ts';
import { createLogger, type LogFormat } from '../telemetry/logger.ts';
import { options } from './options.ts';
import { runService } from './service.ts';
import { UsageError } from './usage-error.ts';

interface Common {
  dataDir: string;
  hostName: string;
  logLevel: string;
  logFormat: LogFormat;
}

interface RedisOptions {
  redisUrl?: string;
  redisSocket?: string;
}

/** What the commands that start an API server say of it in the same words. */
export interface ApiFlags {
  apiHost: string;
  apiPort: number;
  auditPolicy?: string;
  auditLog?: string;
}

export const apiSettings = ({ apiHost, apiPort, auditPolicy, auditLog }: ApiFlags): ApiSettings => ({
  host: apiHost,
  port: apiPort,
  ...(auditPolicy && { auditPolicy }),
  ...(auditLog && { auditLog }),
});

/** How often a part tells its supervisor anew whether it does its work. */
const ANNOUNCE_MS = 500;

const loggerOf = ({ logLevel, logFormat }: Common) => createLogger({ level: logLevel, format: logFormat });

function redisOf({ redisUrl, redisSocket }: RedisOptions): RedisAddress {
  if (redisUrl) return { url: redisUrl };
  if (redisSocket) return { path: redisSocket };
  throw new UsageError('name the Redis server with --redis-url or --redis-socket');
}

/** Repeats readiness to the supervisor whenever it changes. */
function announceWhile(ready: () => true | string): () => void {
  let told: true | string | undefined;
  const timer = setInterval(() => {
    const now = ready();
    if (now === told) return;
    told = now;
    announce(now === true ? { ready: true } : { ready: false, detail: now });
  }, ANNOUNCE_MS);
  return () => clearInterval(timer);
}

export function apiserverCommand(): Command {
  return new Command('apiserver')
    .description('the embedded Kubernetes-compatible API server alone')
    .addOption(options.config())
    .addOption(options.dataDir())
    .addOption(options.hostName())
    .addOption(options.apiHost())
    .addOption(options.apiPort())
    .addOption(options.auditPolicy())
    .addOption(options.auditLog())
    .addOption(options.logLevel())
    .addOption(options.logFormat())
    .addHelpText('after', '\nExample:\n  purlin apiserver --data-dir /var/lib/purlin --api-port 16443')
    .action(async (given: Common & ApiFlags) => {
      const logger = await loggerOf(given);
      const { startEmbeddedApi } = await import('../compose/embedded-api.ts');
      const { dataDir } = given;
      process.exitCode = await runService(async () => {
        const api = await startEmbeddedApi({ dataDir, api: apiSettings(given), logger });
        logger.info({ url: api.url, kubeconfig: pathsOf(dataDir).kubeconfig }, 'API serves');
        return api;
      }, logger);
    });
}

export function controllerCommand(): Command {
  return new Command('controller')
    .description('the controllers alone, against a Kubernetes API server and Redis')
    .addOption(options.config())
    .addOption(options.dataDir())
    .addOption(options.hostName())
    .addOption(options.kubeconfig())
    .addOption(options.redisUrl())
    .addOption(options.redisSocket())
    .addOption(options.trustFile())
    .addOption(options.logLevel())
    .addOption(options.logFormat())
    .addHelpText(
      'after',
      '\nExample:\n  purlin controller --kubeconfig ~/.kube/config --redis-url rediss://redis.example:6379',
    )
    .action(async (given: Common & RedisOptions & { kubeconfig?: string; trustFile?: string }) => {
      const logger = await loggerOf(given);
      const redis = redisOf(given);
      const { externalEndpoint } = await import('../compose/external-api.ts');
      const { startController } = await import('../compose/controller-process.ts');
      const { writePrivateFile } = await import('../compose/private-files.ts');
      const trustFile = given.trustFile ?? pathsOf(given.dataDir).trust;
      process.exitCode = await runService(async ({ signal, fail }) => {
        const settings = {
          endpoint: await externalEndpoint(given.kubeconfig),
          redis,
          identity: `${given.hostName}-${randomUUID()}`,
          logger,
          onTrust: (trust: Trust) => {
            writePrivateFile(trustFile, JSON.stringify(trust));
            logger.info({ trustFile }, 'agents of this installation need a copy of the trust file');
          },
          onLost: fail,
        };
        return startController(settings, signal);
      }, logger);
    });
}

export function agentCommand(): Command {
  return new Command('agent')
    .description('the agent of one hypervisor')
    .addOption(options.config())
    .addOption(options.dataDir())
    .addOption(options.hostName())
    .addOption(options.redisUrl())
    .addOption(options.redisSocket())
    .addOption(options.trustFile())
    .addOption(options.libvirt())
    .addOption(options.importDir())
    .addOption(options.allowPrivateImageSources())
    .addOption(options.logLevel())
    .addOption(options.logFormat())
    .addHelpText(
      'after',
      '\nExample:\n  purlin agent --redis-url rediss://redis.example:6379 --trust-file /etc/purlin/trust.json',
    )
    .action(async (given: Common & RedisOptions & HostOptions & { trustFile?: string }) => {
      const logger = await loggerOf(given);
      const redis = redisOf(given);
      const { startAgentProcess } = await import('../compose/agent-process.ts');
      process.exitCode = await runService(async ({ signal, fail }) => {
        const running = await startAgentProcess(
          {
            ...hostOptions(given),
            hostName: given.hostName,
            redis,
            trustFile: given.trustFile ?? pathsOf(given.dataDir).trust,
            logger,
          },
          signal,
        );
        running.agent.failed.catch((error: unknown) => fail(String(error)));
        await running.agent.ready();
        announce({ ready: true });
        return running;
      }, logger);
    });
}

/** What `up` and `agent` say of the host in the same words. */
export interface HostOptions {
  dataDir: string;
  libvirt: 'auto' | 'private' | 'system';
  importDir: string[];
  allowPrivateImageSources?: boolean;
}

export const hostOptions = ({ dataDir, libvirt, importDir, allowPrivateImageSources }: HostOptions) => ({
  dataDir,
  libvirt,
  importDirs: importDir.length > 0 ? importDir : [join(dataDir, 'import')],
  allowPrivateImageSources: allowPrivateImageSources ?? false,
});

/** API server and controllers in one process, as `purlin up` runs them. */
export function controlPlaneCommand(): Command {
  return new Command('control-plane')
    .addOption(options.dataDir())
    .addOption(options.hostName())
    .addOption(options.apiHost())
    .addOption(options.apiPort())
    .addOption(options.auditPolicy())
    .addOption(options.auditLog())
    .addOption(options.logLevel())
    .addOption(options.logFormat())
    .action(async (given: Common & ApiFlags) => {
      const logger = await loggerOf(given);
      const { startControlPlane } = await import('../compose/control-plane.ts');
      const { dataDir, hostName } = given;
      process.exitCode = await runService(async ({ fail }) => {
        const plane = await startControlPlane({
          dataDir,
          api: apiSettings(given),
          redis: { path: pathsOf(dataDir).redisSocket },
          hostName,
          logger,
          onLost: fail,
        });
        logger.info({ url: plane.url }, 'API serves');
        const stopAnnouncing = announceWhile(() => plane.ready());
        return {
          close: async () => {
            stopAnnouncing();
            await plane.close();
          },
        };
      }, logger);
    });
}
