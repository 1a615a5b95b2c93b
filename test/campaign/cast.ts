/** Who is on the stage of every transition, and in which shapes each kind's leading actor appears. */
import type { Json, JsonObject } from './generator/json.ts';
import type { Wisdom } from './generator/values.ts';

export const NAMESPACE = 'lab';

/** Stand for what differs between a simulated and a real host; see `Surroundings`. */
const demo = 'IMPORT_DIR/demo.qcow2';
const demoChecksum = 'sha256:DEMO_CHECKSUM';

export interface Actor {
  kind: string;
  name: string;
  body: JsonObject;
}

const imageRef = (name: string): JsonObject => ({ imageRef: { name } });
const disk = (name: string, spec: JsonObject): JsonObject => ({ name, template: { spec } });
const onSubnet = (name: string, subnet: string, more: JsonObject = {}): JsonObject => ({
  name,
  subnetRef: { name: subnet },
  ...more,
});
const script = '#!/bin/sh\necho hello\n';
const key = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIL0Yz6YBTXy0mXoOdlYXGFvLrzKnE3cRqzvD7cZL8xQp me@example';
const otherKey =
  'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIMc1QqV7yqO1tJb3Cq8mW8n0Vd5R8xvJk3C2B1A0z9Yx you@example';

/** The leading actor of each kind, by base. The first base of a kind is what others see of it. */
export const leads: Readonly<Record<string, { name: string; bases: Record<string, JsonObject> }>> = {
  Image: {
    name: 'demo',
    bases: {
      full: {
        spec: {
          source: { file: demo },
          checksum: demoChecksum,
          format: 'qcow2',
          compression: 'None',
        },
      },
      bare: { spec: { source: { file: demo } } },
      download: { spec: { source: { url: 'http://192.0.2.7/demo.qcow2' }, checksum: demoChecksum } },
    },
  },
  Subnet: {
    name: 'front',
    bases: {
      full: {
        spec: {
          cidr: '10.20.0.0/24',
          gateway: '10.20.0.254',
          egress: 'NAT',
          mtu: 1400,
          dnsServers: ['192.0.2.51', '192.0.2.52'],
        },
      },
      bare: { spec: { cidr: '10.20.0.0/24' } },
    },
  },
  Disk: {
    name: 'data',
    bases: {
      full: {
        spec: {
          size: '64Mi',
          source: { blank: {} },
          format: 'qcow2',
          bindingMode: 'Immediate',
          reclaimPolicy: 'Delete',
        },
      },
      bare: { spec: { size: '64Mi' } },
      overlay: { spec: { size: '256Mi', source: imageRef('demo') } },
    },
  },
  Machine: {
    name: 'web',
    bases: {
      full: {
        spec: {
          cpus: 2,
          memory: '64Mi',
          firmware: 'BIOS',
          runStrategy: 'Always',
          updatePolicy: 'OnRestart',
          terminationGracePeriodSeconds: 0,
          hostname: 'www',
          disks: [
            {
              name: 'root',
              boot: true,
              template: {
                spec: {
                  size: '256Mi',
                  source: imageRef('demo'),
                  format: 'qcow2',
                  bindingMode: 'WaitForFirstConsumer',
                  reclaimPolicy: 'Delete',
                },
              },
            },
            { name: 'data', diskRef: { name: 'data' } },
          ],
          interfaces: [onSubnet('eth0', 'front', { address: '10.20.0.10' }), onSubnet('eth1', 'back')],
          userData: { inline: script },
          sshAuthorizedKeys: [key, otherKey],
          placement: { hostSelector: { matchLabels: { zone: 'a' } } },
        },
      },
      bare: { spec: { memory: '64Mi', terminationGracePeriodSeconds: 0 } },
      restarting: {
        spec: {
          memory: '64Mi',
          updatePolicy: 'Restart',
          terminationGracePeriodSeconds: 0,
          disks: [disk('scratch', { size: '64Mi', source: { blank: {} }, format: 'raw' })],
          interfaces: [onSubnet('eth0', 'front')],
          userData: { secretRef: { name: 'cloud', key: 'userData' } },
        },
      },
    },
  },
  Host: {
    name: 'h1',
    bases: {
      full: { metadata: { labels: { zone: 'a' } }, spec: { unschedulable: false } },
      bare: { metadata: { labels: { zone: 'a' } }, spec: {} },
    },
  },
  IPAddress: {
    name: 'front-10-20-0-10',
    bases: {
      full: {
        spec: {
          address: '10.20.0.10',
          macAddress: '02:00:00:00:00:01',
          subnetRef: { name: 'front', uid: '11111111-1111-4111-8111-111111111111' },
          machineRef: { name: 'web', uid: '22222222-2222-4222-8222-222222222222' },
          interface: 'eth0',
        },
      },
    },
  },
  Placement: {
    name: 'machine-UID',
    bases: {
      full: {
        spec: {
          machineRef: { name: 'web', uid: '22222222-2222-4222-8222-222222222222' },
          hostName: 'h1',
        },
      },
    },
  },
};

/** Kinds whose objects controllers or agents make; a transition finds them and changes them. */
export const madeByControllers: ReadonlySet<string> = new Set(['Host', 'IPAddress', 'Placement']);

/** Who is there whatever the transition is about. */
const others: readonly Actor[] = [
  { kind: 'Subnet', name: 'back', body: { spec: { cidr: '10.30.0.0/24', egress: 'None' } } },
  { kind: 'Disk', name: 'spare', body: { spec: { size: '32Mi', bindingMode: 'Immediate' } } },
  { kind: 'Disk', name: 'taken', body: { spec: { size: '32Mi' } } },
  {
    kind: 'Secret',
    name: 'cloud',
    body: { data: { userData: btoa(script), other: btoa('#cloud-config\n{}\n') } },
  },
  {
    kind: 'Machine',
    name: 'neighbour',
    body: {
      spec: {
        memory: '64Mi',
        terminationGracePeriodSeconds: 0,
        disks: [{ name: 'taken', diskRef: { name: 'taken' } }],
        interfaces: [onSubnet('eth0', 'front'), onSubnet('eth1', 'back')],
      },
    },
  },
];

/** The leading actor of a kind in one of its shapes; in its first one for everybody else's transitions. */
export function leadOf(kind: string, base?: string): Actor {
  const lead = leads[kind];
  const body = base === undefined ? Object.values(lead?.bases ?? {})[0] : lead?.bases[base];
  if (!lead || !body) throw new Error(`no base ${base} of ${kind}`);
  return { kind, name: lead.name, body };
}

/** Everybody that users put on the stage, with the lead of one kind in one of its shapes; what is needed comes first. */
export function stage(kind: string, base: string): Actor[] {
  const lead = (of: string): Actor => leadOf(of, of === kind ? base : undefined);
  return [lead('Host'), lead('Image'), lead('Subnet'), lead('Disk'), ...others, lead('Machine')];
}

export const wisdom: Wisdom = {
  names: {
    Image: ['demo'],
    Subnet: ['front', 'back'],
    Disk: ['data', 'spare', 'taken', 'web-root'],
    Secret: ['cloud'],
    Machine: ['web', 'neighbour'],
    Host: ['h1'],
  },
  worthTrying: {
    'secretRef.key': ['other', 'nothing'],
    'source.file': [
      'IMPORT_DIR/absent.qcow2',
      'IMPORT_DIR/backed.qcow2',
      'IMPORT_DIR/text.qcow2',
      '/etc/passwd',
    ],
    '.checksum': [demoChecksum, `sha256:${'0'.repeat(64)}`, `sha512:${'0'.repeat(128)}`, 'md5:0'],
    '.uid': ['33333333-3333-4333-8333-333333333333'],
    '.macAddress': ['02:00:00:00:00:02', '01:00:5e:00:00:01'],
    '.hostName': ['h2'],
    '.interface': ['eth1'],
    '.hostname': ['a.b', '-web'],
    'interfaces[].name': ['eth2'],
    'disks[].name': ['renamed', 'taken'],
    'matchLabels[]': ['b', ''],
    'sshAuthorizedKeys[]': [otherKey, 'ssh-dss AAAA', `${key}\n${otherKey}`],
    '.dnsServers': [['192.0.2.53']],
    '.inline': ['', '#cloud-config\nhostname: "x"\n', '\u0000', 'ünïcödé ☃ ]]> & <xml>'],
  } satisfies Record<string, readonly Json[]>,
};

/** What the stand-ins in the cast mean on one host. */
export interface Surroundings {
  importDir: string;
  /** Hex SHA-256 of the demo image. */
  demoChecksum: string;
}

export function inSurroundings<Value extends Json>(
  value: Value,
  { importDir, demoChecksum: sum }: Surroundings,
): Value {
  const text = JSON.stringify(value).replaceAll('IMPORT_DIR', importDir).replaceAll('DEMO_CHECKSUM', sum);
  return JSON.parse(text) as Value;
}
