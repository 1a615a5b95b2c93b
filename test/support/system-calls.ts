import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';

/** One system call that succeeded, in the order in which they returned. */
export interface SystemCall {
  name: string;
  /** As strace prints them: file descriptors with their paths, as in `19</var/lib/x>`. */
  args: string;
}

/**
 * Runs a TypeScript program to its end and tells which of these system calls it and its children made.
 *
 * @throws when the program fails
 */
export async function systemCallsOf(
  names: readonly string[],
  script: string,
  args: readonly string[],
): Promise<SystemCall[]> {
  const directory = await mkdtemp(join(tmpdir(), 'purlin-strace-'));
  const trace = join(directory, 'trace');
  const node = [process.execPath, '--disable-warning=ExperimentalWarning'];
  const tracing = ['-f', '-qq', '-y', '-s', '4096', '-e', `trace=${names.join(',')}`, '-e', 'signal=none'];
  try {
    await execa('/usr/bin/strace', [...tracing, '-o', trace, ...node, script, ...args]);
    return parse(await readFile(trace, 'utf8'));
  } finally {
    await rm(directory, { recursive: true });
  }
}

/** A call during which another thread made one stands in two lines. */
function parse(trace: string): SystemCall[] {
  const begun = new Map<string, string>();
  return trace.split('\n').flatMap((line) => {
    const [, thread = '', text = ''] = /^(\d+) +(.*)$/.exec(line) ?? [];
    const unfinished = / <unfinished \.\.\.>$/.exec(text);
    if (unfinished) {
      begun.set(thread, text.slice(0, unfinished.index));
      return [];
    }
    const resumed = /^<\.\.\. \w+ resumed>/.exec(text);
    const whole = resumed ? (begun.get(thread) ?? '') + text.slice(resumed[0].length) : text;
    const [, name, args, result] = /^(\w+)\((.*)\) += (-?\w+)/.exec(whole) ?? [];
    return name === undefined || args === undefined || result?.startsWith('-') !== false
      ? []
      : [{ name, args }];
  });
}
