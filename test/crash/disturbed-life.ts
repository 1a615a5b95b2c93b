/** A life in which things go wrong, held against the clean ones. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Surveyed } from './clean-lives.ts';
import type { CrashSite } from './crash-site.ts';
import { disturb } from './disturbances.ts';
import type { EndState } from './end-state.ts';
import { type Disturbance, type Fault, type FaultKind, faultKinds } from './faults.ts';
import { LifeInSite } from './life-in-site.ts';
import type { Phase } from './courses.ts';
import { beginStory } from './story.ts';

/** Longer than every wait after a failure that is retried: an unanswered order is sent again after 15 s. */
const patienceMs = 60_000;
/** A boundary that was not reached this long after everything is as it should be does not come any more. */
const notReachedMs = 3_000;
const lookAgainMs = 50;

/** What came of a fault. */
export type Ending =
  | { result: 'as clean'; seconds: number }
  | { result: 'not reached' }
  | { result: 'broken'; story: string };

/** Told of each fault. */
export type Ended = (fault: Fault, ending: Ending) => void;

/** A phase did not end like a clean one. Nothing more can be said about this life, nor trusted on its site. */
export class BrokenLife extends Error {
  override readonly name = 'BrokenLife';
  /** What had gone wrong in the phase. */
  readonly faults: readonly Fault[];

  constructor(message: string, faults: readonly Fault[], options: ErrorOptions) {
    super(message, options);
    this.faults = faults;
  }
}

/**
 * Leads one life to its end.
 *
 * A life in which everything is deleted is over early; the faults of its later phases are not told of.
 *
 * @param faults phase → what goes wrong in it
 * @throws BrokenLife when a phase did not end like a clean one; its faults and those of later phases are not told of
 */
export async function leadDisturbedLife(
  site: CrashSite,
  { course, clean }: Surveyed,
  faults: ReadonlyMap<string, readonly Fault[]>,
  ended: Ended,
): Promise<void> {
  const life = new LifeInSite(site);
  const gone = clean.ends.get(course.phases.at(-1)?.name ?? '') ?? {};
  for (const phase of course.phases) {
    const inPhase = faults.get(phase.name) ?? [];
    const story = await beginStory(site);
    try {
      const disturbed = { phase, expected: clean.ends.get(phase.name) ?? {}, gone, faults: inPhase };
      if ((await leadPhase(site, life, disturbed, ended)) === 'life is over') break;
    } catch (error) {
      const told = await story.tell(error instanceof Error ? error.message : String(error));
      throw new BrokenLife(`${phase.name}: ${told}`, inPhase, { cause: error });
    }
  }
  await life.end();
  for (const { boundary, kind } of [...faults.values()].flat()) {
    // Its clock is still wrong; the next life shall begin with one that is right.
    if (kind.startsWith('clock')) await site.restart(boundary.process);
  }
}

interface DisturbedPhase {
  phase: Phase;
  /** What it leaves when nothing goes wrong. */
  expected: EndState;
  /** What the last phase leaves. */
  gone: EndState;
  faults: readonly Fault[];
}

async function leadPhase(
  site: CrashSite,
  life: LifeInSite,
  { phase, expected, gone, faults }: DisturbedPhase,
  ended: Ended,
): Promise<'life is over' | 'life goes on'> {
  const beganAt = performance.now();
  const pids = new Map(Object.values(site.crashable).map((each) => [each.name, each.pid]));
  if (faults.some((fault) => kindOf(fault).meanwhile === 'Redis is restored older')) await site.saveRedis();
  await life.begin(phase, faults);
  const missed = await untilStruck(site, life, expected, faults);
  const struck = faults.filter((fault) => !missed.includes(fault));
  for (const fault of struck) {
    const { blow, meanwhile } = kindOf(fault);
    const { process } = fault.boundary;
    if (meanwhile) await whileStopped(meanwhile, fault, { site, life, expected });
    if (blow === 'kill')
      await site.until(
        `the ${process} is started again`,
        async () => site.crashable[process].pid !== pids.get(process),
      );
  }
  const isOver = struck.some((fault) => kindOf(fault).meanwhile === 'everything is deleted');
  await untilAsClean(site, life, isOver ? gone : expected);
  const seconds = (performance.now() - beganAt) / 1000;
  for (const fault of missed) ended(fault, { result: 'not reached' });
  for (const fault of struck) ended(fault, { result: 'as clean', seconds });
  return isOver ? 'life is over' : 'life goes on';
}

const kindOf = ({ kind }: Fault): FaultKind => faultKinds[kind];

/** Waits until all faults have struck. @returns those without which the phase has ended */
async function untilStruck(
  site: CrashSite,
  life: LifeInSite,
  expected: EndState,
  faults: readonly Fault[],
): Promise<readonly Fault[]> {
  const waiting = () =>
    faults.filter(({ boundary }) => site.crashable[boundary.process].waiting().includes(boundary.name));
  let asCleanSince: number | undefined;
  return site.until('the boundaries are reached', async () => {
    if (waiting().length === 0) return [];
    const asClean = (await life.differenceFrom(expected)).length === 0;
    asCleanSince = asClean ? (asCleanSince ?? performance.now()) : undefined;
    return asCleanSince !== undefined && performance.now() - asCleanSince > notReachedMs && waiting();
  });
}

async function whileStopped(
  meanwhile: Disturbance,
  fault: Fault,
  circumstances: { site: CrashSite; life: LifeInSite; expected: EndState },
): Promise<void> {
  const { site } = circumstances;
  const process = site.crashable[fault.boundary.process];
  await site.until('it is stopped', async () => process.isStopped());
  const aftermath = await disturb(meanwhile, fault, circumstances);
  process.signal('SIGCONT');
  await aftermath();
}

/** Waits until both processes work and everything is as at the end of a clean phase. */
async function untilAsClean(site: CrashSite, life: LifeInSite, expected: EndState): Promise<void> {
  const { agent, controller } = site.crashable;
  let difference: string[] = [];
  for (
    const deadline = performance.now() + patienceMs;
    performance.now() < deadline;
    await delay(lookAgainMs)
  ) {
    difference = await life
      .differenceFrom(expected)
      .catch((error: unknown) => [`nothing can be seen: ${String(error)}`]);
    if (difference.length === 0 && agent.isReady() && controller.isReady()) return;
  }
  if (difference.length === 0)
    throw new Error(`agent ready: ${agent.isReady()}, controllers ready: ${controller.isReady()}`);
  throw new Error(`this is not as in a clean life (- expected, + found):\n${difference.join('\n')}`);
}
