/** Forwarding of IPv4 is one switch for the whole host; which packets pass is what the rules decide. */
import type { SegmentSnapshot } from '../ports/network.ts';
import type { Tools } from './tools.ts';

const forwardingSwitch = 'net/ipv4/ip_forward';

export async function readForwarding(tools: Tools): Promise<SegmentSnapshot['forwarding']> {
  return (await tools.readSysctl(forwardingSwitch)) === '0' ? 'off' : 'on';
}

export async function ensureForwarding(tools: Tools): Promise<void> {
  await tools.sysctl(forwardingSwitch, '1');
}
