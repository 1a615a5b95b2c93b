import { randomUUID } from 'node:crypto';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { generateSealingKeys, type SealingKeys } from '../queue/sealing.ts';
import { createFileDurably } from './durable-file.ts';

/** Who this agent is, for as long as its data directory lives. */
export interface AgentIdentity {
  agentUid: string;
  sealingKeys: SealingKeys;
}

/** Where the agent keeps what only it may read. */
export const agentDirectory = (dataDir: string): string => join(dataDir, 'agent');

/** Reads the identity, or makes one with the first start. The file is readable by its owner alone. */
export function loadIdentity(dataDir: string): AgentIdentity {
  const directory = agentDirectory(dataDir);
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const path = join(directory, 'identity.json');
  const fresh: AgentIdentity = { agentUid: randomUUID(), sealingKeys: generateSealingKeys() };
  if (createFileDurably(path, JSON.stringify(fresh, undefined, 2), 0o600)) return fresh;
  return JSON.parse(readFileSync(path, 'utf8')) as AgentIdentity;
}
