/** What the store has to be, in memory and without haste. */
import type { ChangeType } from '../../../src/store/index.ts';

export interface ModelEntry {
  key: string;
  value: string;
  revision: number;
}

export interface ModelChange {
  type: ChangeType;
  key: string;
  revision: number;
  value: string | undefined;
  previous: ModelEntry | undefined;
}

export class StoreModel {
  /** The change of revision n is at n - 1; nothing is ever forgotten. */
  readonly changes: ModelChange[] = [];
  compacted = 0;

  get revision(): number {
    return this.changes.length;
  }

  get(key: string): ModelEntry | undefined {
    return this.list('/').find((entry) => entry.key === key);
  }

  /** The write, if the store has to accept it with this expectation of the key's revision (0: absent). */
  write(type: ChangeType, key: string, value: string, expected: number): ModelChange | undefined {
    const previous = this.get(key);
    if ((type === 'create') !== (previous === undefined)) return undefined;
    if (type !== 'create' && previous?.revision !== expected) return undefined;
    const change: ModelChange = {
      type,
      key,
      revision: this.revision + 1,
      value: type === 'delete' ? undefined : value,
      previous,
    };
    this.changes.push(change);
    return change;
  }

  list(prefix: string, revision = this.revision): ModelEntry[] {
    const state = new Map<string, ModelEntry>();
    for (const change of this.changes.slice(0, revision)) {
      const { key, value } = change;
      if (value === undefined) state.delete(key);
      else state.set(key, { key, value, revision: change.revision });
    }
    return [...state.values()]
      .filter(({ key }) => key.startsWith(prefix))
      .sort((a, b) => (a.key < b.key ? -1 : 1));
  }

  after(prefix: string, revision: number): ModelChange[] {
    return this.changes.slice(revision).filter(({ key }) => key.startsWith(prefix));
  }

  compact(revision: number): void {
    this.compacted = Math.max(this.compacted, Math.min(revision, this.revision));
  }
}
