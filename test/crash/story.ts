/** What there is to read about a phase that went wrong. */
import type { CrashSite } from './crash-site.ts';
import type { JournalEntry } from './faults.ts';

/** Enough to see what was tried again and again. */
const logLinesTold = 60;
const stepsTold = 80;

export interface Story {
  /** @param ending in words */
  tell(ending: string): Promise<string>;
}

/** From now on. */
export async function beginStory(site: CrashSite): Promise<Story> {
  const from = Buffer.byteLength(await site.log());
  return {
    tell: async (ending) => {
      const steps = Object.values(site.crashable).flatMap((process) =>
        process.journal().map((entry) => `${process.name} ${stepOf(entry)}`),
      );
      const log = (await site.log(from)).split('\n').filter(isTold);
      return [
        ...ending.split('\n').filter(isTold),
        '--- what the processes did:',
        ...steps.slice(-stepsTold),
        '--- what they logged last:',
        ...log.slice(-logLinesTold),
      ].join('\n');
    },
  };
}

const stepOf = (entry: JournalEntry): string => {
  if (entry.event === 'ready') return `is ready (pid ${entry.pid})`;
  return [entry.event, entry.boundary, entry.event === 'failed' ? entry.error : ''].join(' ').trim();
};

/** Not the API server's requests, nor what only a developer of one part wants to know. */
const isTold = (line: string): boolean => line !== '' && !/^\{"level":(10|20),/.test(line);
