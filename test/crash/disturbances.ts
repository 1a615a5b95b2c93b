/** What happens around a process while it is stopped at a boundary. */
import { setTimeout as delay } from 'node:timers/promises';
import { readyReason } from '../../src/resources/conditions.ts';
import type { CrashSite } from './crash-site.ts';
import { untilSilent } from './crashable-process.ts';
import type { EndState } from './end-state.ts';
import type { Disturbance, Fault } from './faults.ts';
import type { LifeInSite } from './life-in-site.ts';

/** A job in the queue is its worker's for 30 s without renewal, a Lease its holder's for 15 s. */
const pastEveryLockMs = 35_000;

/** What there is to do once the process goes on. */
type Aftermath = () => Promise<void>;

const nothing: Aftermath = async () => undefined;

export async function disturb(
  what: Disturbance,
  { boundary }: Fault,
  { site, life, expected }: { site: CrashSite; life: LifeInSite; expected: EndState },
): Promise<Aftermath> {
  switch (what) {
    case 'libvirtd is killed':
      await site.killLibvirtd();
      return nothing;
    case 'Redis is flushed':
      await site.redis('FLUSHALL');
      return nothing;
    case 'Redis is restored older':
      await site.restoreRedis();
      return nothing;
    case 'the disk is full':
      await site.fillDisk();
      return () => tellsOfFullDisk(boundary.name, site, life, expected);
    case 'everything is deleted':
      await life.deleteAll();
      return nothing;
    case 'it is frozen past its lock':
      return boundary.process === 'controller' ? anotherLeads(site) : frozen();
  }
}

async function frozen(): Promise<Aftermath> {
  await delay(pastEveryLockMs);
  return nothing;
}

/** Other controllers take over and do what there is to do; then the frozen ones wake up, and find that they are late. */
async function anotherLeads(site: CrashSite): Promise<Aftermath> {
  const standby = site.standby();
  const frozenPid = site.crashable.controller.pid;
  await standby.start();
  await site.until('the standby leads', async () => standby.isReady());
  await untilSilent(site, [standby]);
  return async () => {
    await site.until('the late leader ends', async () => site.crashable.controller.pid !== frozenPid);
    await standby.end();
  };
}

/**
 * The disk stays full until an object says so. There is nothing to tell where the call needed no room, where a deletion
 * made room and the call was repeated, and where all has come about though the call failed.
 */
async function tellsOfFullDisk(
  boundary: string,
  site: CrashSite,
  life: LifeInSite,
  expected: EndState,
): Promise<void> {
  const { agent } = site.crashable;
  const came = (event: 'passed' | 'failed', name: string): boolean =>
    agent.journal().some((entry) => entry.event === event && entry.boundary === name);
  try {
    await site.until('the call comes back', async () => came('passed', boundary) || came('failed', boundary));
    if (came('passed', boundary)) return;
    await site.until('an object tells of the full disk', async () => {
      if (came('passed', `${boundary} #2`)) return true;
      const reasons = (await life.objects()).map((object) => readyReason(object as Told));
      return (
        reasons.some((reason) => reason?.endsWith('Space')) ||
        (await life.differenceFrom(expected)).length === 0
      );
    });
  } finally {
    await site.freeDisk();
  }
}

type Told = Parameters<typeof readyReason>[0];
