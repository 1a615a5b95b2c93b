import { styleText } from 'node:util';

/** What a running step may use to tell how far it is. */
export interface Progress {
  note: (text: string) => void;
}

/**
 * Runs one named step of a script and prints what it does and how long it took.
 * Everything goes to standard error, so that a script's standard output stays usable in a pipe.
 */
export async function step<T>(title: string, run: (progress: Progress) => Promise<T>): Promise<T> {
  const startedAt = performance.now();
  const print = (mark: string, text: string) => process.stderr.write(`${mark} ${text}\n`);
  print(styleText('cyan', '▸'), title);
  try {
    const result = await run({ note: (text) => print(' ', styleText('dim', text)) });
    print(styleText('green', '✓'), `${title} ${styleText('dim', seconds(performance.now() - startedAt))}`);
    return result;
  } catch (error) {
    print(styleText('red', '✗'), `${title} ${styleText('dim', seconds(performance.now() - startedAt))}`);
    throw error;
  }
}

/** Ends a script with the message of what went wrong, without a stack that would bury it. */
export async function main(run: () => Promise<void>): Promise<void> {
  try {
    await run();
  } catch (error) {
    process.stderr.write(`${styleText('red', 'error:')} ${explain(error)}\n`);
    process.exitCode = 1;
  }
}

function explain(error: unknown): string {
  if (process.env['PURLIN_DEBUG'] && error instanceof Error) return error.stack ?? error.message;
  return error instanceof Error ? error.message : String(error);
}

function seconds(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(1)} s`;
}
