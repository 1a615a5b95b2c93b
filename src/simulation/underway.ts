import type { ActionName } from './meetings.ts';
import type { Process } from './scheduler.ts';

/** The actions that programs are in the middle of. */
export class Underway {
  readonly #byProcess = new Map<Process, Set<{ action: ActionName }>>();

  /** @returns a function that ends it; the death of its process does too */
  begin(process: Process, action: ActionName): () => void {
    const entry = { action };
    const entries = this.#byProcess.get(process) ?? this.#entriesOf(process);
    entries.add(entry);
    return () => entries.delete(entry);
  }

  /** @param of one program, instead of all */
  actions(of?: Process): ActionName[] {
    const programs = of ? [this.#byProcess.get(of) ?? []] : [...this.#byProcess.values()];
    return programs.flatMap((entries) => [...entries].map(({ action }) => action));
  }

  #entriesOf(process: Process): Set<{ action: ActionName }> {
    const entries = new Set<{ action: ActionName }>();
    this.#byProcess.set(process, entries);
    process.onDeath(() => this.#byProcess.delete(process));
    return entries;
  }
}
