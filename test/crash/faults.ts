/** What can go wrong at a boundary, and the files by which a campaign tells a process where it shall. */

/** The two processes that change the world; both run with {@link Failpoints} around their ports. */
export type ProcessName = 'agent' | 'controller';

/** What befalls the process itself. `stop` is SIGSTOP: whoever runs the campaign does something and lets it go on. */
export type Blow = 'kill' | 'fail' | 'twice' | 'stop' | 'clock ahead' | 'clock back';

/** What happens around a process while it is stopped. */
export type Disturbance =
  | 'libvirtd is killed'
  | 'Redis is flushed'
  | 'Redis is restored older'
  | 'the disk is full'
  | 'it is frozen past its lock'
  | 'everything is deleted';

export interface FaultKind {
  blow: Blow;
  /** Of the effect. What is done twice, or while the clock jumps, has no other moment than `before`. */
  moment: 'before' | 'after';
  meanwhile?: Disturbance;
}

/** Every kind of fault under the name that the table and `--only` give it. */
export const faultKinds = {
  'killed before': { blow: 'kill', moment: 'before' },
  'killed after': { blow: 'kill', moment: 'after' },
  'failed before': { blow: 'fail', moment: 'before' },
  'failed after': { blow: 'fail', moment: 'after' },
  'done twice': { blow: 'twice', moment: 'before' },
  'clock ahead': { blow: 'clock ahead', moment: 'before' },
  'clock back': { blow: 'clock back', moment: 'before' },
  'libvirtd killed': { blow: 'stop', moment: 'before', meanwhile: 'libvirtd is killed' },
  'Redis flushed': { blow: 'stop', moment: 'after', meanwhile: 'Redis is flushed' },
  'Redis older': { blow: 'stop', moment: 'after', meanwhile: 'Redis is restored older' },
  'disk full': { blow: 'stop', moment: 'before', meanwhile: 'the disk is full' },
  'deleted before': { blow: 'stop', moment: 'before', meanwhile: 'everything is deleted' },
  'deleted after': { blow: 'stop', moment: 'after', meanwhile: 'everything is deleted' },
  'frozen before': { blow: 'stop', moment: 'before', meanwhile: 'it is frozen past its lock' },
  'frozen after': { blow: 'stop', moment: 'after', meanwhile: 'it is frozen past its lock' },
} as const satisfies Record<string, FaultKind>;

export type FaultName = keyof typeof faultKinds;

/** Where a fault strikes: the nth time that a process reaches a named call in one phase of a life. */
export interface Boundary {
  course: string;
  phase: string;
  process: ProcessName;
  /** Object, action and call, and `#n` from the second time on: `Machine/web machine.start network.ensurePort`. */
  name: string;
}

export interface Fault {
  boundary: Boundary;
  kind: FaultName;
}

/** How a fault is written on the command line and in the table. */
export const textOf = ({ boundary, kind }: Fault): string => `${placeOf(boundary)}: ${kind}`;

export const placeOf = ({ course, phase, process, name }: Boundary): string =>
  `${course} life, ${phase}, ${process}: ${name}`;

/** Files of one process, in a directory of its own. */
export const filesOf = (directory: string) => ({
  /** Which phase of which life it is; counting begins anew when it changes. */
  phase: `${directory}/phase`,
  /** The faults that wait for their boundaries; the process takes away each that strikes. */
  armed: `${directory}/armed`,
  /** One {@link JournalEntry} a line. */
  journal: `${directory}/journal`,
});

/** What a process says of itself. */
export type JournalEntry =
  | { event: 'ready'; pid: number }
  | { event: 'reached' | 'passed' | 'struck'; phase: string; boundary: string; atMs: number }
  | { event: 'failed'; phase: string; boundary: string; atMs: number; error: string };
