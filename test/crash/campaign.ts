/** Clean lives first, then one disturbed life after the other until every wanted fault has been tried. */
import { unreachedActions } from './actions-reached.ts';
import { leadCleanLives, type Surveyed } from './clean-lives.ts';
import { CrashSite } from './crash-site.ts';
import { BrokenLife, type Ending, leadDisturbedLife } from './disturbed-life.ts';
import { type Boundary, type Fault, textOf } from './faults.ts';
import type { Course } from './courses.ts';
import { faultsOf, notPlanned, Plan } from './plan.ts';

/** What all of this many clean lives of a course have is looked for in every other; chance may still be in it. */
const cleanLives = 5;

export interface Findings {
  tried: { fault: Fault; ending: Ending }[];
  /** Lives that broke in a phase in which several things went wrong, or nothing. */
  unexplained: string[];
  /** Boundaries that not every clean life has; they are not part of the plan. */
  sometimes: Boundary[];
  /** Somebody ended it before everything was tried. */
  interrupted?: true;
  /** Actions that no boundary of the plan belongs to; of a sample nothing can be said. */
  unreached?: readonly string[];
}

export interface CampaignOptions {
  /** A whole one has to reach every action that there is. */
  scope: 'whole' | 'sample';
  courses: readonly Course[];
  /** Picks some of the faults that the clean lives have room for. */
  choose: (faults: readonly Fault[]) => readonly Fault[];
  /** How many lives are led at once, each on a site of its own. */
  sites: number;
  say: (line: string) => void;
  /** Ends it at once, with nothing left behind. */
  signal?: AbortSignal;
}

export async function campaign(options: CampaignOptions): Promise<Findings> {
  const findings: Findings = { tried: [], unexplained: [], sometimes: [] };
  const possible: Fault[] = [];
  const stations: Station[] = [];
  // When one site cannot go on, or nobody wants it any more, lives on the others must not begin anew.
  const ending = new AbortController();
  const over = AbortSignal.any([ending.signal, ...(options.signal ? [options.signal] : [])]);
  over.addEventListener('abort', () => void closeAll(stations).catch(() => undefined)); // told when it is waited for
  try {
    for (let each = 0; each < options.sites; each += 1) stations.push(await Station.open(over));
    for (const course of options.courses) {
      const [first] = stations;
      if (!first) break;
      const surveyed = { course, clean: await leadCleanLives(first.site, course, cleanLives) };
      const faults = faultsOf(surveyed);
      possible.push(...faults);
      const plan = new Plan(options.choose(faults));
      const { boundaries } = surveyed.clean;
      const sometimes = notPlanned(surveyed);
      options.say(
        `${course.name} lives: ${boundaries.length} boundaries, ${plan.size} faults to try; ${sometimes.length} boundaries that not every clean life has`,
      );
      findings.sometimes.push(...sometimes);
      const work = { surveyed, plan, findings, say: options.say, over };
      await Promise.all(stations.map((station) => disturb(station, work)));
    }
    if (options.scope === 'whole')
      findings.unreached = unreachedActions(possible.map(({ boundary }) => boundary));
    return findings;
  } catch (error) {
    // Whoever ends it early wants to know what came of it until then, and not what broke because of that.
    if (!options.signal?.aborted) throw error;
    return { ...findings, interrupted: true };
  } finally {
    ending.abort();
    await closeAll(stations);
  }
}

/** What the sites of a campaign share. */
interface Work {
  surveyed: Surveyed;
  plan: Plan;
  findings: Findings;
  say: (line: string) => void;
  over: AbortSignal;
}

/** Leads lives on one site until nothing is left of the plan. */
async function disturb(station: Station, { surveyed, plan, findings, say, over }: Work): Promise<void> {
  const { tried, unexplained } = findings;
  for (let life = plan.nextLife(); life.size > 0; life = plan.nextLife()) {
    const left = new Set([...life.values()].flat());
    const ended = (fault: Fault, ending: Ending): void => {
      left.delete(fault);
      if (ending.result === 'not reached' && plan.again(fault)) return;
      tried.push({ fault, ending });
      say(`${tried.length}. ${textOf(fault)}: ${wordsFor(ending)}`);
    };
    try {
      await leadDisturbedLife(station.site, surveyed, life, ended);
      // Some lives are over before all of their phases.
      for (const fault of left) plan.putBack(fault, 'in company');
    } catch (error) {
      if (!(error instanceof BrokenLife) || over.aborted) throw error;
      const [only, ...others] = error.faults;
      if (only && others.length === 0) {
        ended(only, { result: 'broken', story: error.message });
      } else {
        // One of several, or one of an earlier phase. Those of this phase are tried again, each alone.
        unexplained.push([...[...life.values()].flat().map(textOf), error.message].join('\n'));
        say(`BROKEN, and not by one fault alone:\n${unexplained.at(-1)}`);
      }
      for (const fault of left) plan.putBack(fault, error.faults.includes(fault) ? 'alone' : 'in company');
      await station.reopen();
    }
  }
}

/** A place for lives. After one that broke, nothing of its site is trusted any more. */
class Station {
  site: CrashSite;
  readonly #over: AbortSignal;

  private constructor(site: CrashSite, over: AbortSignal) {
    this.site = site;
    this.#over = over;
  }

  static async open(over: AbortSignal): Promise<Station> {
    return new Station(await CrashSite.begin(), over);
  }

  /** @throws when it was all over before the new site stood */
  async reopen(): Promise<void> {
    await this.close();
    this.site = await CrashSite.begin();
    if (this.#over.aborted) await this.close();
    this.#over.throwIfAborted();
  }

  async close(): Promise<void> {
    await this.site[Symbol.asyncDispose]();
  }
}

/** Each is tried, whatever becomes of the others. */
async function closeAll(stations: readonly Station[]): Promise<void> {
  const closed = await Promise.allSettled(stations.map((station) => station.close()));
  for (const each of closed) if (each.status === 'rejected') throw each.reason;
}

function wordsFor(ending: Ending): string {
  switch (ending.result) {
    case 'as clean':
      return `as in a clean life, ${ending.seconds.toFixed(1)} s`;
    case 'not reached':
      return 'NOT REACHED';
    case 'broken':
      return `BROKEN\n${ending.story}`;
  }
}
