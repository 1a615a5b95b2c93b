/** Lives in which nothing goes wrong: where the boundaries are, and how each phase has to end. */
import type { CrashSite } from './crash-site.ts';
import { untilSilent } from './crashable-process.ts';
import { differences, type EndState, lostData, starts } from './end-state.ts';
import { type Boundary, placeOf, type ProcessName } from './faults.ts';
import { LifeInSite } from './life-in-site.ts';
import { type Course, lookupIn, type Phase } from './courses.ts';

export interface CleanLives {
  /** Phase → what it leaves. */
  ends: ReadonlyMap<string, EndState>;
  /** Those of every clean life, in the order of the last. */
  boundaries: readonly Boundary[];
  /** Those of some only: statuses that one life writes and another has no time for. */
  sometimes: readonly Boundary[];
}

/** A course, and how it goes when nothing goes wrong. */
export interface Surveyed {
  course: Course;
  clean: CleanLives;
}

/** @throws when two clean lives end differently, or one wrongly: then nothing could be said about others */
export async function leadCleanLives(site: CrashSite, course: Course, count: number): Promise<CleanLives> {
  const ends = new Map<string, EndState>();
  const seen: Map<string, Boundary>[] = [];
  for (let each = 0; each < count; each += 1) {
    const life = new LifeInSite(site);
    const boundaries = new Map<string, Boundary>();
    let before: EndState = {};
    for (const phase of course.phases) {
      await life.begin(phase);
      await site.until(`phase ${phase.name} of a clean life`, async () =>
        phase.done(lookupIn(await life.objects())),
      );
      await untilSilent(site, Object.values(site.crashable));
      const end = await life.state();
      const difference = differences(ends.get(phase.name) ?? end, end);
      if (difference.length > 0) {
        throw new Error(`two clean lives differ after ${phase.name}:\n${difference.join('\n')}`);
      }
      mustBeSound(phase, before, end);
      ends.set(phase.name, end);
      before = end;
      for (const boundary of boundariesOf(site, course.name, phase.name))
        boundaries.set(placeOf(boundary), boundary);
    }
    await life.end();
    seen.push(boundaries);
  }
  const all = new Map(seen.flatMap((each) => [...each]));
  const always = (place: string): boolean => seen.every((each) => each.has(place));
  return {
    ends,
    boundaries: [...all].filter(([place]) => always(place)).map(([, boundary]) => boundary),
    sometimes: [...all].filter(([place]) => !always(place)).map(([, boundary]) => boundary),
  };
}

/** What is wrong in each life alike shows in no comparison of two. */
function mustBeSound({ name, guest }: Phase, before: EndState, end: EndState): void {
  const startedAnew = guest === 'runs on' ? differences(starts(before), starts(end)) : [];
  const wrong = [...lostData(end), ...startedAnew];
  if (wrong.length > 0) throw new Error(`a clean life went wrong in ${name}:\n${wrong.join('\n')}`);
}

const boundariesOf = (site: CrashSite, course: string, phase: string): Boundary[] =>
  (Object.keys(site.crashable) as ProcessName[]).flatMap((process) =>
    site.crashable[process]
      .journal()
      .flatMap((entry) =>
        entry.event === 'reached' ? [{ course, phase, process, name: entry.boundary }] : [],
      ),
  );
