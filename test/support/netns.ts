/** A network namespace of a test's own. */
import { randomBytes } from 'node:crypto';
import { chmod, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { removeSite } from '../../scripts/lib/leftovers.ts';
import { createNetns } from '../../scripts/lib/netns.ts';

/** A namespace and a data directory; disposing of it ends every process in them and removes both. */
export interface TestSite extends AsyncDisposable {
  readonly netns: string;
  readonly dataDir: string;
}

/**
 * The directory's name is short because unix sockets below it must stay under 108 bytes; programs that run
 * unprivileged (QEMU, dnsmasq) may pass through it.
 */
export async function testSite(purpose: string): Promise<TestSite> {
  const netns = `purlin-${purpose}-${randomBytes(3).toString('hex')}`;
  const dataDir = await mkdtemp(join(tmpdir(), 'pl-'));
  await chmod(dataDir, 0o711);
  await createNetns(netns);
  return { netns, dataDir, [Symbol.asyncDispose]: () => removeSite({ netns, dataDir }) };
}
