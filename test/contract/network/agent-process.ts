/** Stands for an agent that is killed in the middle of its work: realises a segment and a port, over and over. */
import { pino } from 'pino';
import { createLinuxNetwork } from '../../../src/host/network/index.ts';
import type { PortSpec, SegmentSpec } from '../../../src/host/ports/network.ts';

const [dataDir = '', netns = '', work = ''] = process.argv.slice(2);
const { segment, port } = JSON.parse(work) as { segment: SegmentSpec; port: PortSpec };
const network = createLinuxNetwork({ dataDir, netns, logger: pino({ level: 'silent' }) });
process.stdout.write('begun\n');
for (;;) {
  await network.ensureSegment(segment);
  await network.ensurePort(port);
  await network.deletePort(port.machineUid, port.interfaceName);
  await network.deleteSegment(segment.subnetUid);
}
