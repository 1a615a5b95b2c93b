import { type Logger, pino } from 'pino';

export type { Logger } from 'pino';

export type LogFormat = 'json' | 'pretty';

/** Secret material never reaches a log, wherever it hangs in an object. */
const REDACTED = ['*.userData', '*.seed', '*.data', '*.stringData', 'headers.authorization'];

/**
 * JSON lines in a service, readable lines on a terminal; each component logs through a child with its name.
 * Written to standard error, so that a command's own output stays clean.
 */
export async function createLogger(options: { level: string; format: LogFormat }): Promise<Logger> {
  const common = { level: options.level, redact: { paths: REDACTED, censor: '(redacted)' } };
  if (options.format === 'json') return pino(common, pino.destination({ dest: 2, sync: true }));
  const { default: pretty } = await import('pino-pretty');
  return pino(
    common,
    pretty({
      destination: 2,
      sync: true,
      ignore: 'pid,hostname',
      translateTime: 'HH:MM:ss.l',
      colorize: process.stderr.isTTY,
    }),
  );
}
