import { expect } from '@jest/globals';
import { ApplyConflicts, applyConfiguration } from '../../../../src/apiserver/apply/apply.ts';
import { pathsOf } from '../../../../src/apiserver/apply/field-set.ts';
import type { FieldSet } from '../../../../src/apiserver/apply/field-set.ts';
import { NO_MANAGERS } from '../../../../src/apiserver/apply/managers.ts';
import type { Managers } from '../../../../src/apiserver/apply/managers.ts';
import { trackUpdate } from '../../../../src/apiserver/apply/ownership.ts';
import { displayPath } from '../../../../src/apiserver/apply/path-element.ts';
import { typeOfKind } from '../../../../src/apiserver/apply/types.ts';
import type { Schema } from '../../../../src/apiserver/schema/schema.ts';
import { everySort } from './schemas.ts';

type Content = Record<string, unknown>;

/** One write to an object; `apply` and `update` name the manager. */
export type Step =
  | { apply: string; is: Content; force?: true; version?: string }
  | { update: string; is: Content; version?: string };

/** What became of an object: its content without apiVersion, kind and metadata, and who manages which fields. */
export interface Outcome {
  readonly object: Content;
  readonly managers: Record<string, string[]>;
  /** `<manager>: <field>` for each conflict of the last step, which then changed nothing. */
  readonly conflicts: string[];
}

export interface Scenario {
  readonly name: string;
  readonly steps: readonly Step[];
  readonly gives: Partial<Outcome>;
}

export function expectOutcome({ steps, gives }: Scenario): void {
  const history = new History(everySort);
  for (const step of steps) history.do(step);
  expect(history.outcome()).toMatchObject(gives);
}

/** Writes one object step by step, at one second each, under one schema or one for each version. */
export class History {
  readonly #schemas: Record<string, Schema>;
  object: Content = {};
  managers: Managers = NO_MANAGERS;
  conflicts: string[] = [];
  #seconds = 0;

  constructor(schemas: Schema | Record<string, Schema>) {
    this.#schemas = 'type' in schemas ? { v1: schemas as Schema } : (schemas as Record<string, Schema>);
  }

  /** From here on, the kind has another schema. */
  changeSchema(version: string, schema: Schema | undefined): void {
    if (schema) this.#schemas[version] = schema;
    else delete this.#schemas[version];
  }

  do(step: Step): this {
    this.conflicts = [];
    const common = {
      typeOf: (version: string) => {
        const schema = this.#schemas[version];
        return schema && typeOfKind(schema);
      },
      managers: this.managers,
      now: new Date(this.#seconds++ * 1000).toISOString(),
    };
    const author = {
      apiVersion: step.version ?? 'v1',
      subresource: '',
      ownable: (fields: FieldSet) => fields,
    };
    if ('update' in step) {
      const change = {
        ...common,
        old: this.object,
        next: step.is,
        author: { ...author, manager: step.update },
      };
      this.managers = trackUpdate(change);
      this.object = step.is;
      return this;
    }
    try {
      const { object, managers } = applyConfiguration({
        ...common,
        live: this.object,
        config: step.is,
        author: { ...author, manager: step.apply },
        force: step.force ?? false,
      });
      this.object = object as Content;
      this.managers = managers;
    } catch (error) {
      if (!(error instanceof ApplyConflicts)) throw error;
      this.conflicts = error.conflicts.map((one) => `${one.with.manager}: ${one.field}`);
    }
    return this;
  }

  outcome(): Outcome {
    const managers = [...this.managers.values()].map(
      ({ manager, operation, fields }) =>
        [
          `${manager} ${operation === 'Apply' ? 'applies' : 'updates'}`,
          pathsOf(fields).map(displayPath),
        ] as const,
    );
    return { object: this.object, managers: Object.fromEntries(managers), conflicts: this.conflicts };
  }
}
