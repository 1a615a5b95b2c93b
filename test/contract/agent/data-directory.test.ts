/** Two agents on one data directory: the second one touches nothing. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { pino } from 'pino';
import { DataDirectoryTaken, SqliteFenceBook } from '../../../src/agent/fence-book.ts';
import { startAgentProcess } from '../../../src/compose/agent-process.ts';

let dataDir: string;
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'purlin-agent-'));
});
afterEach(() => rmSync(dataDir, { recursive: true }));

test('a second agent is refused before it clears tmp/ away or writes whom it trusts', async () => {
  const unfinished = join(dataDir, 'tmp/half-done');
  const otherTrust = join(dataDir, 'other.json');
  mkdirSync(join(dataDir, 'tmp'));
  writeFileSync(unfinished, 'a copy under way');
  writeFileSync(join(dataDir, 'trust.json'), 'of the first');
  writeFileSync(otherTrust, '{"installationUid":"another","controllerPublicKey":"k"}');
  const first = new SqliteFenceBook(dataDir);

  const second = startAgentProcess(
    {
      dataDir,
      hostName: 'h1',
      redis: { path: join(dataDir, 'redis.sock') },
      importDirs: [],
      allowPrivateImageSources: false,
      libvirt: 'private',
      trustFile: otherTrust,
      logger: pino({ level: 'silent' }),
    },
    new AbortController().signal,
  );
  await expect(second).rejects.toThrow(DataDirectoryTaken);
  expect(readFileSync(unfinished, 'utf8')).toBe('a copy under way');
  expect(readFileSync(join(dataDir, 'trust.json'), 'utf8')).toBe('of the first');
  first.close();
});
