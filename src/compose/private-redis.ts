import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Part } from './supervisor.ts';

/**
 * The private redis-server of one machine: unix socket only, append-only file fsynced every second, never evicting
 * (reliability.md, "Queue settings"). It holds nothing that could not be derived again. `setpriv --pdeathsig` ends it
 * with its supervisor, however that ends.
 */
export function redisPart(options: { directory: string; socket: string }): Part {
  mkdirSync(options.directory, { recursive: true, mode: 0o700 });
  const settings: Record<string, string> = {
    port: '0',
    unixsocket: options.socket,
    unixsocketperm: '600',
    dir: options.directory,
    daemonize: 'no',
    logfile: join(options.directory, 'redis.log'),
    loglevel: 'warning',
    save: '',
    appendonly: 'yes',
    appendfsync: 'everysec',
    // A torn tail after a power cut costs the last second of hints, not the start.
    'aof-load-truncated': 'yes',
    // Redis's own housekeeping ten times a second, its default, is most of what it does on an idle host.
    hz: '1',
    'dynamic-hz': 'yes',
    'maxmemory-policy': 'noeviction',
    maxmemory: '256mb',
  };
  return {
    name: 'redis',
    command: '/usr/bin/setpriv',
    arguments: [
      '--pdeathsig',
      'KILL',
      '--',
      '/usr/bin/redis-server',
      ...Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]),
    ],
    // Redis tells nothing by itself; whoever needs it connects and tries again.
    announcesReady: false,
  };
}
