/** Network namespaces: the quickstart and the tests keep everything of a host inside one. */
import { existsSync } from 'node:fs';
import { execa } from 'execa';

/** Makes the namespace where it is missing, with its loopback up. */
export async function createNetns(name: string): Promise<void> {
  if (!netnsExists(name)) await execa('ip', ['netns', 'add', name]);
  await execa('ip', ['-n', name, 'link', 'set', 'lo', 'up']);
}

/** Deletes a namespace; what runs in it keeps it alive unseen, so stop that first (see {@link netnsProcesses}). */
export async function deleteNetns(name: string): Promise<void> {
  if (netnsExists(name)) await execa('ip', ['netns', 'delete', name]);
}

export function netnsExists(name: string): boolean {
  return existsSync(`/run/netns/${name}`);
}

/** Ids of the processes that run in the namespace. */
export async function netnsProcesses(name: string): Promise<number[]> {
  if (!netnsExists(name)) return [];
  const { stdout } = await execa('ip', ['netns', 'pids', name]);
  return stdout.split('\n').filter(Boolean).map(Number);
}

/**
 * Fetches a page from inside a namespace, trying again every second until it answers with a success.
 * @throws when there is no such answer within `timeoutSeconds`.
 */
export async function fetchInside(netns: string, url: string, timeoutSeconds: number): Promise<string> {
  const inside = ['netns', 'exec', netns];
  const curl = ['curl', '--silent', '--show-error', '--fail', '--connect-timeout', '1', '--max-time', '5'];
  const limit = ['--retry', String(timeoutSeconds), '--retry-max-time', String(timeoutSeconds)];
  const patience = [...limit, '--retry-delay', '1', '--retry-all-errors'];
  const { stdout } = await execa('ip', [...inside, ...curl, ...patience, url]);
  return stdout;
}
