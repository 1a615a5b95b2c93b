/** What a store shows, and whether it can be what its writers were told. */
import { expect } from '@jest/globals';
import type { Change, ChangeType, Store } from '../../../src/store/index.ts';
import type { Attempt, Told, Watched } from './writer-process.ts';

/** Keys and values at one revision. */
export type State = ReadonlyMap<string, { value: string; revision: number }>;

export interface History {
  /** The oldest revision whose changes are known, and the state at it. */
  from: number;
  base: State;
  changes: Change[];
  revision: number;
  /** As listed now. */
  current: State;
}

export const stateOf = (store: Store, revision?: number): State =>
  new Map(
    store
      .list('/', revision === undefined ? {} : { revision })
      .entries.map(({ key, value, revision: written }) => [key, { value, revision: written }]),
  );

/** Everything that a store tells: its lists, and a watch from the oldest revision that it knows. */
export async function readHistory(store: Store): Promise<History> {
  const { compactedRevision: from, revision } = store;
  const watch = store.watch('/', from);
  const changes: Change[] = [];
  while (changes.length < revision - from) changes.push(...(await watch.next()));
  watch.close();
  return { from, base: stateOf(store, from), changes, revision, current: stateOf(store) };
}

/** The state after some of the changes. */
export function replay(base: State, changes: readonly Change[]): State {
  const state = new Map(base);
  for (const { type, key, value, revision } of changes) {
    if (type === 'delete') state.delete(key);
    else state.set(key, { value: value ?? '', revision });
  }
  return state;
}

/** Its changes have each revision once, in order, say what they replaced, and lead to what is listed. */
export function expectConsistent({ from, base, changes, revision, current }: History): void {
  expect(changes.map((change) => change.revision)).toEqual(
    Array.from({ length: revision - from }, (_, index) => from + 1 + index),
  );
  const state = new Map(base);
  for (const change of changes) {
    const before = state.get(change.key);
    expect(change.type === 'create').toBe(before === undefined);
    expect(change.previous).toEqual(before && { key: change.key, ...before });
    if (change.type === 'delete') state.delete(change.key);
    else state.set(change.key, { value: change.value ?? '', revision: change.revision });
  }
  expect(state).toEqual(current);
}

/** What writers have said, over all of their lives. */
export class Ledger {
  readonly attempts = new Map<string, Attempt>();
  /** Revision by id of the attempt. */
  readonly acknowledged = new Map<string, number>();
  /** What watches told of, by revision: of all lives, since nothing that was told is ever taken back. */
  readonly watched = new Map<number, Watched>();
  #newestWatched = 0;
  /** The newest revision that was seen, acknowledged or reported on opening. */
  newest = 0;

  record(told: Told): void {
    if ('attempt' in told) this.attempts.set(told.attempt.id, told.attempt);
    else if ('opened' in told) this.#see(told.opened);
    else if ('watched' in told) this.#watch(told.watched);
    else {
      this.acknowledged.set(told.acknowledged, told.revision);
      this.#see(told.revision);
    }
  }

  /** Each change once, in order. */
  #watch(changes: readonly Watched[]): void {
    for (const change of changes) {
      expect(change.revision).toBeGreaterThan(this.#newestWatched);
      this.#newestWatched = change.revision;
      this.watched.set(change.revision, change);
      this.#see(change.revision);
    }
  }

  #see(revision: number): void {
    this.newest = Math.max(this.newest, revision);
  }

  /** Nothing acknowledged is lost or changed, nothing is there that nobody wrote. */
  expectKept(history: History): void {
    expect(history.revision).toBeGreaterThanOrEqual(this.newest);
    this.#expectAttempted(history);
    const changeAt = new Map(history.changes.map((change) => [change.revision, change]));
    const lost = [...this.acknowledged].filter(([id, revision]) => {
      const { operation, key } = this.attempts.get(id) as Attempt;
      if (revision <= history.from) return !this.#superseded(history.base, id, key, revision);
      const change = changeAt.get(revision);
      return change?.key !== key || change.type !== operation || (idOf(change.value) ?? id) !== id;
    });
    expect(lost).toEqual([]);
    const takenBack = [...this.watched.values()].filter(({ revision, key, type, value }) => {
      if (revision <= history.from) return false;
      const change = changeAt.get(revision);
      return change?.key !== key || change.type !== type || idOf(change.value) !== idOf(value);
    });
    expect(takenBack).toEqual([]);
    this.#see(history.revision);
  }

  /** Of a write whose change is compacted away there is its value, or that of a later write, or a later deletion. */
  #superseded(base: State, id: string, key: string, revision: number): boolean {
    const now = base.get(key);
    if (now) return now.revision > revision || (now.revision === revision && idOf(now.value) === id);
    return [...this.attempts.values()].some((other) => {
      const acknowledged = this.acknowledged.get(other.id) ?? Number.POSITIVE_INFINITY;
      return other.operation === 'delete' && other.key === key && acknowledged >= revision;
    });
  }

  #expectAttempted({ base, changes }: History): void {
    const deletable = new Set(
      [...this.attempts.values()].filter(({ operation }) => operation === 'delete').map(({ key }) => key),
    );
    const attempted = (key: string, value: string | undefined, operation?: ChangeType): boolean => {
      if (value === undefined) return deletable.has(key);
      const attempt = this.attempts.get(idOf(value) ?? '');
      return attempt?.key === key && (operation === undefined || attempt.operation === operation);
    };
    expect([...base].filter(([key, { value }]) => !attempted(key, value))).toEqual([]);
    expect(changes.filter(({ key, value, type }) => !attempted(key, value, type))).toEqual([]);
  }
}

/** The attempt that wrote a value; a deletion has none. */
const idOf = (value: string | undefined): string | undefined =>
  value === undefined ? undefined : (JSON.parse(value) as { id: string }).id;
