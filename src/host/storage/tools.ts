import { execa } from 'execa';
import { failed } from './errors.ts';

/** The programs that storage runs, by absolute path. */
export const tools = {
  qemuImg: '/usr/bin/qemu-img',
  xz: '/usr/bin/xz',
} as const;

/** Nothing of our own environment reaches a tool; messages come untranslated. */
export const toolEnvironment = { PATH: '/usr/bin:/bin', LC_ALL: 'C', HOME: '/nonexistent' } as const;

/**
 * Runs a tool to its end.
 * @throws ToolFailure with the tool's own words, StorageError `ToolTimeout` or `ToolMissing`.
 */
export async function runTool(binary: string, args: readonly string[], timeoutMs = 60_000): Promise<void> {
  const result = await execa(binary, args, {
    env: toolEnvironment,
    extendEnv: false,
    stdin: 'ignore',
    reject: false,
    timeout: timeoutMs,
    killSignal: 'SIGKILL',
    maxBuffer: 64 * 1024,
  });
  if (!result.failed) return;
  if (result.timedOut) throw failed('ToolTimeout', `${binary} did not finish within ${timeoutMs / 1000} s`);
  if (result.code === 'ENOENT') throw failed('ToolMissing', `${binary} is not installed on the host`);
  throw new ToolFailure(
    binary,
    result.stderr.trim() || `failed with exit status ${result.exitCode ?? result.signal ?? 'unknown'}`,
  );
}

/** A tool's own complaint; `asStorageError` gives it a reason. */
export class ToolFailure extends Error {
  override readonly name = 'ToolFailure';
  readonly stderr: string;
  constructor(binary: string, stderr: string) {
    super(`${binary}: ${stderr}`);
    this.stderr = stderr;
  }
}
