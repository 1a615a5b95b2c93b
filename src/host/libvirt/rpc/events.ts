import { type DomainRef, readDomain } from './domain-ref.ts';
import type { XdrReader } from './xdr.ts';

/** What libvirt tells about a domain without being asked. */
export type DomainEvent = { domain: DomainRef } & (
  | { kind: 'lifecycle'; event: LifecycleEvent; detail: number }
  | { kind: 'reboot' | 'controlError' }
  | { kind: 'watchdog'; action: number }
  | { kind: 'ioError'; path: string; alias: string; action: number; reason: string }
  | { kind: 'blockJob'; target: string; type: number; status: number }
  | { kind: 'balloon'; actualKibibytes: number }
  | { kind: 'deviceAdded' | 'deviceRemoved' | 'deviceRemovalFailed'; alias: string }
  | { kind: 'agent'; state: 'connected' | 'disconnected' }
);

/** virDomainEventType, in libvirt's order. */
const lifecycleEvents = [
  'defined',
  'undefined',
  'started',
  'suspended',
  'resumed',
  'stopped',
  'shutdown',
  'pmsuspended',
  'crashed',
] as const;

export type LifecycleEvent = (typeof lifecycleEvents)[number] | 'unknown';

interface EventSource {
  /** virDomainEventID: what to register for */
  eventId: number;
  /** the procedure under which it arrives */
  procedure: number;
  read: (reader: XdrReader) => DomainEvent;
}

/** The events that Purlin registers for; each message begins with the callback's id. */
export const eventSources: readonly EventSource[] = [
  {
    eventId: 0,
    procedure: 318,
    read: (r) => ({
      domain: readDomain(r),
      kind: 'lifecycle',
      event: lifecycleEvents[r.int()] ?? 'unknown',
      detail: r.int(),
    }),
  },
  { eventId: 1, procedure: 319, read: (r) => ({ domain: readDomain(r), kind: 'reboot' }) },
  { eventId: 3, procedure: 321, read: (r) => ({ domain: readDomain(r), kind: 'watchdog', action: r.int() }) },
  {
    eventId: 6,
    procedure: 324,
    read: (r) => ({
      domain: readDomain(r),
      kind: 'ioError',
      path: r.string(),
      alias: r.string(),
      action: r.int(),
      reason: r.string(),
    }),
  },
  { eventId: 7, procedure: 325, read: (r) => ({ domain: readDomain(r), kind: 'controlError' }) },
  {
    eventId: 16,
    procedure: 339,
    read: (r) => ({
      domain: readDomain(r),
      kind: 'blockJob',
      target: r.string(),
      type: r.int(),
      status: r.int(),
    }),
  },
  {
    eventId: 13,
    procedure: 331,
    read: (r) => ({ domain: readDomain(r), kind: 'balloon', actualKibibytes: r.uhyper() }),
  },
  {
    eventId: 15,
    procedure: 333,
    read: (r) => ({ domain: readDomain(r), kind: 'deviceRemoved', alias: r.string() }),
  },
  {
    eventId: 19,
    procedure: 354,
    read: (r) => ({ domain: readDomain(r), kind: 'deviceAdded', alias: r.string() }),
  },
  {
    eventId: 22,
    procedure: 367,
    read: (r) => ({ domain: readDomain(r), kind: 'deviceRemovalFailed', alias: r.string() }),
  },
  {
    eventId: 18,
    procedure: 348,
    read: (r) => ({
      domain: readDomain(r),
      kind: 'agent',
      state: r.int() === 1 ? 'connected' : 'disconnected',
    }),
  },
];

const byProcedure = new Map(eventSources.map((source) => [source.procedure, source]));

/** @returns nothing for an event that nobody asked for */
export function readEvent(procedure: number, reader: XdrReader): DomainEvent | undefined {
  const source = byProcedure.get(procedure);
  if (source === undefined) return undefined;
  reader.int(); // the callback's id: we register each event once, so its kind says as much
  return source.read(reader);
}
