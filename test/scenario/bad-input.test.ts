/**
 * Every file `bad-input/NNN-name.yaml` is wrong. Beside it stands, word for word, what a user is told: kubectl's
 * refusal, or the Ready condition of what was admitted. `NNN-name.given.yaml` is there first, `NNN-name.fixed.yaml` is
 * the remedy and must work afterwards. UPDATE_GOLDEN=1 writes the answers anew; read them as a user before keeping
 * them.
 */
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { parseAllDocuments } from 'yaml';
import type { Resource } from '../../src/resources/metadata.ts';
import type { ViewedKind } from '../support/world-view.ts';
import { World, condition } from '../support/world.ts';

const directory = join(import.meta.dirname, 'bad-input');
const names = readdirSync(directory)
  .flatMap((file) => /^(\d+-[a-z0-9-]+)\.yaml$/.exec(file)?.[1] ?? [])
  .sort();
const read = (name: string): string => readFileSync(join(directory, name), 'utf8');
const optional = (name: string): string | undefined =>
  existsSync(join(directory, name)) ? read(name) : undefined;

const viewed: readonly string[] = ['Machine', 'Disk', 'Subnet', 'Image', 'IPAddress'];

let world: World;
beforeAll(async () => {
  world = await World.start();
}, 30_000);
afterAll(async () => {
  await world.close();
}, 30_000);

/** The objects of a manifest that has been admitted, as the API has them. */
function admitted(yaml: string, namespace: string): Resource[] {
  return parseAllDocuments(yaml)
    .map((document) => document.toJS() as Resource | null)
    .flatMap((object) => (object && viewed.includes(object.kind) ? [object] : []))
    .flatMap(({ kind, metadata }) => world.get(kind as ViewedKind, metadata.name, namespace) ?? []);
}

async function allReady(yaml: string, namespace: string): Promise<void> {
  await world.until('all of it is as wished', () => {
    const objects = admitted(yaml, namespace);
    return objects.every((object) => {
      const ready = condition(object);
      return ready?.status === 'True' || ready?.reason === 'WaitingForFirstConsumer';
    });
  });
}

/** What the user is told, without what differs from run to run. */
async function answerTo(yaml: string, namespace: string): Promise<string> {
  const own = /^ {2}namespace: /m.test(yaml) ? [] : ['-n', namespace];
  const { exitCode, stdout, stderr } = await world.kubectl(['apply', ...own, '-f', '-'], yaml);
  const said = [stderr, exitCode === 0 ? stdout : ''].filter(Boolean).join('\n');
  if (exitCode !== 0) return steady(said, namespace);
  await world.quiet();
  const conditions = admitted(yaml, namespace).map((object) => {
    const { status, reason, message } = condition(object) ?? {};
    return `${object.kind} ${object.metadata.name}: Ready=${status} ${reason}: ${message}`;
  });
  return steady([said, ...conditions].join('\n'), namespace);
}

const steady = (text: string, namespace: string): string =>
  `${text
    .replaceAll(namespace, 'NAMESPACE')
    .replaceAll(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, 'UID')
    .replaceAll(/x{100,}/g, 'xxx…')
    .trim()}\n`;

describe('bad input', () => {
  test('there are at least 60 cases, at least 20 of them with a remedy', () => {
    expect(names.length).toBeGreaterThanOrEqual(60);
    expect(names.filter((name) => optional(`${name}.fixed.yaml`)).length).toBeGreaterThanOrEqual(20);
  });

  test.each(names)(
    '%s',
    async (name) => {
      const namespace = `case-${name.split('-')[0]}`;
      await world.run(['create', 'namespace', namespace]);
      const given = optional(`${name}.given.yaml`);
      if (given) {
        await world.run(['apply', '-n', namespace, '-f', '-'], given);
        await allReadyOrQuiet(given, namespace);
      }
      const answer = await answerTo(read(`${name}.yaml`), namespace);
      const golden = join(directory, `${name}.golden`);
      if (process.env['UPDATE_GOLDEN'] === '1') writeFileSync(golden, answer);
      expect(answer).toBe(readFileSync(golden, 'utf8'));

      const fixed = optional(`${name}.fixed.yaml`);
      if (fixed) {
        await world.run(['apply', '-n', namespace, '-f', '-'], fixed);
        await allReady(fixed, namespace);
      }
      await world.run(['delete', 'namespace', namespace, '--wait=false']);
      await world.until('the namespace is gone', () => world.get('Namespace', namespace) === undefined);
    },
    60_000,
  );

  test('after all of them nothing is left on the host', async () => {
    await world.quiet();
    expect(await world.inventory()).toEqual([]);
  });
});

/** A given object may have nothing to be ready for, such as a Disk whose Image is missing. */
async function allReadyOrQuiet(yaml: string, namespace: string): Promise<void> {
  await Promise.race([allReady(yaml, namespace), world.quiet()]);
}
