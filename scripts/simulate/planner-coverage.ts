/** Which branches of the planners ran, as V8 counts blocks; merged over processes, character by character. */
import { readdirSync, readFileSync } from 'node:fs';
import { Session } from 'node:inspector/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { checkout } from '../lib/checkout.ts';

/** File below the checkout → the ranges of its characters (from, to) that never ran. */
export type Unreached = Record<string, [number, number][]>;

/** Everything that decides: planners with what they gather and tell. What executes is not of it, nor are types. */
const planners: readonly string[] = [
  ...filesBelow('src/kinds').filter(
    (file) => !/\/(?:execut\w*(?:-registry)?|domain|registry|input)\.ts$/.test(file),
  ),
  ...['known-hosts', 'outcome', 'ready', 'redirected', 'removal', 'underway', 'whereabouts'].map(
    (name) => `src/plan/${name}.ts`,
  ),
  'src/schedule/schedule.ts',
];

function filesBelow(directory: string): string[] {
  return readdirSync(join(checkout, directory), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => `${directory}/${name}`)
    .sort();
}

/** Counts from here on; call before the planners are imported, since what ran before is not seen. */
export class PlannerCoverage {
  readonly #session = new Session();

  static async begin(): Promise<PlannerCoverage> {
    const coverage = new PlannerCoverage();
    coverage.#session.connect();
    await coverage.#session.post('Profiler.enable');
    await coverage.#session.post('Profiler.startPreciseCoverage', { callCount: false, detailed: true });
    return coverage;
  }

  async unreached(): Promise<Unreached> {
    const { result } = await this.#session.post('Profiler.takePreciseCoverage');
    const byUrl = new Map(result.map(({ url, functions }) => [url, functions]));
    return Object.fromEntries(
      planners.map((file) => {
        const source = readFileSync(join(checkout, file), 'utf8');
        const reached = new Uint8Array(source.length);
        // Outer ranges come before those in them: the innermost decides.
        for (const { ranges } of byUrl.get(pathToFileURL(join(checkout, file)).href) ?? []) {
          for (const { startOffset, endOffset, count } of ranges)
            reached.fill(Math.min(count, 1), startOffset, endOffset);
        }
        return [file, unsetRanges(reached)];
      }),
    );
  }
}

function unsetRanges(reached: Uint8Array): [number, number][] {
  const ranges: [number, number][] = [];
  for (let from = reached.indexOf(0); from !== -1; ) {
    const to = reached.indexOf(1, from);
    ranges.push([from, to === -1 ? reached.length : to]);
    from = to === -1 ? -1 : reached.indexOf(0, to);
  }
  return ranges;
}

/** What none of them reached. */
export function unreachedByAll(reports: readonly Unreached[]): Unreached {
  return Object.fromEntries(
    planners.map((file) => {
      const length = readFileSync(join(checkout, file), 'utf8').length;
      const reached = new Uint8Array(length);
      for (const report of reports) {
        const missed = new Uint8Array(length);
        for (const [from, to] of report[file] ?? []) missed.fill(1, from, to);
        for (let index = 0; index < length; index += 1) if (!missed[index]) reached[index] = 1;
      }
      return [file, unsetRanges(reached)];
    }),
  );
}

/** A branch that no world reaches, or hardly one in thousands. */
interface Excuse {
  file: string;
  text: string;
  /** Why it is there all the same. */
  because: string;
}

const excuses: readonly Excuse[] = [
  {
    file: 'src/kinds/disk/plan.ts',
    text: "{ return waiting('InUse', `a domain on host ${host.name} still has the disk`); }",
    because: 'a last look before data is destroyed; claims keep it from being needed',
  },
  {
    file: 'src/kinds/subnet/plan.ts',
    text: "{ return waiting('InUse', `a tap of a Machine is still on host ${name}`); }",
    because: 'a last look before a bridge is removed; addresses keep it from being needed',
  },
  ...[
    { file: 'src/kinds/subnet/plan.ts', text: '{ held ??= taken; continue; }' },
    {
      file: 'src/kinds/subnet/conflict.ts',
      text: "({ metadata: { uid } }: Subnet): boolean => hosts.some(({ snapshot }) => snapshot !== 'unknown' && carries(snapshot, uid))",
    },
    {
      file: 'src/kinds/subnet/conflict.ts',
      text: 'return isThere(other) === isThere(subnet) ? isOlder(other, subnet)',
    },
    { file: 'src/kinds/subnet/conflict.ts', text: ': isThere(other)' },
    {
      file: 'src/kinds/subnet/conflict.ts',
      text: "const message = `spec.cidr ${subnet.spec.cidr} overlaps ${called(first, subnet)}, which holds it too; delete one of the two`; return waiting('CIDROverlap', message, 30_000);",
    },
  ].map((branch) => ({
    ...branch,
    because:
      'no world has a host that was given up and comes back with an old bridge, and hardly one has two Subnets that hold one network; test/unit/kinds/subnet',
  })),
  {
    file: 'src/kinds/machine/changes.ts',
    text: 'return [];',
    because: 'a domain that is not shut off always has live hardware, which its type does not say',
  },
  {
    file: 'src/kinds/machine/changes.ts',
    text: '?? mtu',
    because: 'a network card of ours always has an MTU; one of somebody else may have none',
  },
  {
    file: 'src/kinds/machine/plan.ts',
    text: "?? 'unknown'",
    because: 'libvirt may not know why a guest stopped; the simulated one always does',
  },
  ...[
    { file: 'src/kinds/machine/prepare.ts', text: 'return guest;' },
    {
      file: 'src/kinds/machine/prepare.ts',
      text: "return waiting( 'DiskInUse', `Disk ${name} is attached to guest ${other.machineUid} on host ${hostName}, which has no claim to it; take it from there, or take it out of spec.disks`, 5_000, );",
    },
  ].map((branch) => ({
    ...branch,
    because:
      'few worlds have somebody ask for just that disk after a restore of the store; test/unit/kinds/restored does',
  })),
  {
    file: 'src/kinds/machine/gather.ts',
    text: '&& holder.spec.subnetRef.uid === subnetUid',
    because:
      'hardly a world restores a backup in which an address was that of another Machine; test/unit/kinds/gather does',
  },
  {
    file: 'src/plan/redirected.ts',
    text: "|| 'no file'",
    because: 'no simulated operator copies a disk to where there are no files; test/unit/plan/redirected',
  },
  {
    file: 'src/plan/underway.ts',
    text: '?? 0',
    because: 'a result that has an epoch has a generation, which its type does not say',
  },
  {
    file: 'src/kinds/machine/addresses.ts',
    text: 'attempt += 1;',
    because:
      'two MAC addresses of 46 random bits are the same; test/unit/kinds/machine-addresses makes them so',
  },
];

/**
 * Each hole as `file:line  text`, but for those with an excuse; one that holds nothing but white space and punctuation
 * is none. An excuse that is not needed is told, too: it would hide the next hole.
 */
export function holes(unreached: Unreached): string[] {
  const unused = new Set(excuses);
  const found = Object.entries(unreached).flatMap(([file, ranges]) => {
    const source = readFileSync(join(checkout, file), 'utf8');
    return ranges.flatMap(([from, to]) => {
      const text = source.slice(from, to);
      if (!/\w/.test(text)) return [];
      const words = text.trim().replace(/\s+/g, ' ');
      const excuse = excuses.find((each) => each.file === file && each.text === words);
      if (excuse && unused.delete(excuse)) return [];
      const line = source.slice(0, from + text.search(/\S/)).split('\n').length;
      return [`no seed reached ${file}:${line}  ${words.slice(0, 110)}`];
    });
  });
  const idle = [...unused].map(({ file, text }) => `${file}  ${text.slice(0, 110)}`);
  return [...found, ...idle.map((excuse) => `no excuse is needed for ${excuse}`)];
}
