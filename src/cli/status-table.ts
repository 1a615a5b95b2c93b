import type { DaemonStatus } from '../compose/control-socket.ts';
import type { Overview } from '../compose/overview.ts';
import { table } from './table.ts';

export function describeDaemon({ version, parts }: DaemonStatus, nowMs: number): string {
  const rows = parts.map(({ name, ready, pid, restarts, since, detail }) => [
    name,
    ready ? 'ready' : `not ready${detail ? `: ${detail}` : ''}`,
    pid === undefined ? '-' : String(pid),
    String(restarts),
    age(nowMs - since),
  ]);
  return `purlin ${version}\n\n${table(['PART', 'STATE', 'PID', 'RESTARTS', 'AGE'], rows)}\n`;
}

export function describeObjects({ kinds, hosts, queue }: Overview): string {
  const objects = kinds.map(({ kind, phases }) => [
    kind,
    String(Object.values(phases).reduce((sum, count) => sum + count, 0)),
    Object.entries(phases)
      .map(([phase, count]) => `${count} ${phase}`)
      .join(', ') || '-',
  ]);
  const hostRows = hosts.map(({ name, ready, accelerator, memory, free, machines, versions }) => [
    name,
    ready,
    accelerator,
    `${free} of ${memory} free`,
    String(machines),
    versions,
  ]);
  return [
    table(['KIND', 'OBJECTS', 'PHASES'], objects),
    table(['HOST', 'READY', 'ACCELERATOR', 'MEMORY', 'MACHINES', 'VERSIONS'], hostRows),
    `Orders: ${queue.orders} standing, ${queue.waiting} waiting, ${queue.active} under way`,
  ].join('\n\n');
}

function age(milliseconds: number): string {
  const seconds = Math.floor(milliseconds / 1000);
  if (seconds < 120) return `${seconds}s`;
  if (seconds < 7_200) return `${Math.floor(seconds / 60)}m`;
  if (seconds < 172_800) return `${Math.floor(seconds / 3_600)}h`;
  return `${Math.floor(seconds / 86_400)}d`;
}
