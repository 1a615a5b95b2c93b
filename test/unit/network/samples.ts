import type { PortSpec, SegmentSpec } from '../../../src/host/ports/network.ts';

export const segment: SegmentSpec = {
  subnetUid: 'aaaaaaaa-0000-4000-8000-000000000000',
  cidr: '10.20.0.0/24',
  gateway: '10.20.0.1',
  mtu: 1450,
  egress: 'NAT',
  dnsServers: ['192.0.2.53', '192.0.2.54'],
  reservations: [{ macAddress: '02:00:00:00:00:0a', address: '10.20.0.10', hostname: 'web' }],
};

export const port: PortSpec = {
  machineUid: 'bbbbbbbb-0000-4000-8000-000000000000',
  interfaceName: 'eth0',
  subnetUid: segment.subnetUid,
  macAddress: '02:00:00:00:00:0a',
  address: '10.20.0.10',
  mtu: 1450,
};
