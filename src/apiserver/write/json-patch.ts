/** RFC 6902, with bounds; where it leaves room, as github.com/evanphx/json-patch, which kube-apiserver uses. */
import { ApiError, badRequest, tooLarge } from '../errors.ts';
import { isObject } from '../object.ts';
import type { KubeObject } from '../object.ts';
import { copyJson } from '../../values/copy.ts';
import { equalJson } from '../../values/equal.ts';
import { MAX_DEPTH, bounded } from './bounds.ts';
import { indexOf, placeOf, valueAt } from './json-pointer.ts';
import type { Place } from './json-pointer.ts';

const MAX_OPERATIONS = 10_000;
/** Bytes that all copies of one patch may add; kube-apiserver's limit too. */
const MAX_COPIED_BYTES = 3 * 1024 * 1024;
/** Items of arrays that all operations together may have make way: a fraction of a second's work. */
const MAX_SHIFTED_ITEMS = 50_000_000;
/** Working out pointers takes time by the depth of each, and nothing is to be deeper than this. */
const MAX_POINTER_LENGTH = 4096;

type Operation =
  | { readonly op: 'add' | 'replace' | 'test'; readonly path: string; readonly value: unknown }
  | { readonly op: 'remove'; readonly path: string }
  | { readonly op: 'move' | 'copy'; readonly from: string; readonly path: string };

/** Throws 413 for too many operations, 400 for what is no list of them. What it returns throws 422 as it is applied. */
export function jsonPatch(operations: unknown): (present: KubeObject) => KubeObject {
  const apply = boundedPatch(operations);
  return (present) => {
    let result: unknown;
    try {
      result = apply(present);
    } catch (error) {
      throw error instanceof ApiError ? error : rejected(error);
    }
    if (isObject(result) && isObject(result['metadata'])) return result as unknown as KubeObject;
    throw badRequest('the patch removes the object or its metadata');
  };
}

/** The same where misfits are plain Errors, and the result may be anything. What is given to it is left alone. */
export function boundedPatch(operations: unknown): (present: KubeObject) => unknown {
  if (!Array.isArray(operations) || operations.some((one) => one !== null && !isObject(one)))
    throw badRequest('a JSON patch must be a list of operations');
  if (operations.length > MAX_OPERATIONS) {
    throw tooLarge(
      `The allowed maximum operations in a JSON patch is ${MAX_OPERATIONS}, got ${operations.length}`,
    );
  }
  for (const operation of operations) requireShortPointers(operation);
  return (present) => {
    const patching = new Patching(copyJson(present));
    // Its values become part of the document, each time that it is applied.
    for (const operation of copyJson(operations)) patching.apply(operationOf(operation));
    return bounded(patching.document);
  };
}

/** A document between two operations. */
class Patching {
  #document: unknown;
  #copiedBytes = 0;
  #shiftedItems = 0;

  constructor(document: unknown) {
    this.#document = document;
  }

  get document(): unknown {
    return this.#document;
  }

  /** Throws an Error for what does not fit, 413 for what takes too much. */
  apply(operation: Operation): void {
    switch (operation.op) {
      case 'add':
        return this.#add(operation.path, operation.value);
      case 'remove':
        return this.#remove(placeOf(this.#document, operation.path));
      case 'replace':
        return this.#replace(operation.path, operation.value);
      case 'move': {
        const from = placeOf(this.#document, operation.from);
        const value = valueAt(from);
        this.#remove(from);
        // Only now: what was moved has no place for itself, and indices may mean others.
        return this.#add(operation.path, value);
      }
      case 'copy': {
        const value = valueAt(placeOf(this.#document, operation.from)) ?? null;
        this.#copiedBytes += JSON.stringify(value).length;
        if (this.#copiedBytes > MAX_COPIED_BYTES) throw copiesTooMuch(this.#copiedBytes);
        return this.#add(operation.path, copyJson(value));
      }
      case 'test':
        return this.#test(operation.path, operation.value);
    }
  }

  #add(pointer: string, value: unknown): void {
    const place = placeOf(this.#document, pointer);
    if (!('index' in place)) {
      place.in[place.key] = value;
      return;
    }
    const { length } = place.in;
    const at = place.index === '-' ? length : indexOf(place, length);
    this.#shift(length - at);
    place.in.splice(at, 0, value);
  }

  #remove(place: Place): void {
    if (!('index' in place)) {
      if (!Object.hasOwn(place.in, place.key)) throw new Error(`there is no ${JSON.stringify(place.key)}`);
      delete place.in[place.key];
      return;
    }
    const { length } = place.in;
    const at = indexOf(place, length - 1);
    this.#shift(length - at);
    place.in.splice(at, 1);
  }

  /** A member that an object does not have is added, as kube-apiserver does. */
  #replace(pointer: string, value: unknown): void {
    if (pointer === '') {
      this.#document = value;
      return;
    }
    const place = placeOf(this.#document, pointer);
    if ('index' in place) place.in[indexOf(place, place.in.length - 1)] = value;
    else place.in[place.key] = value;
  }

  /** Absent is as null is. */
  #test(pointer: string, value: unknown): void {
    const found = pointer === '' ? this.#document : valueAt(placeOf(this.#document, pointer));
    if (!equalJson(found ?? null, value ?? null)) throw new Error(`testing value ${pointer} failed`);
  }

  #shift(items: number): void {
    this.#shiftedItems += items;
    if (this.#shiftedItems > MAX_SHIFTED_ITEMS)
      throw tooLarge(`the patch has more than ${MAX_SHIFTED_ITEMS} items of arrays make way for others`);
  }
}

function operationOf(given: unknown): Operation {
  if (!isObject(given)) throw new Error('an operation of a JSON patch must be an object');
  const { value } = given;
  const op: unknown = given['op'];
  const pointer = (field: 'path' | 'from'): string => {
    const found = given[field];
    if (typeof found !== 'string') throw new Error(`an operation of a JSON patch lacks its ${field}`);
    return found;
  };
  switch (op) {
    case 'add':
    case 'replace':
    case 'test':
      return { op, path: pointer('path'), value: value ?? null };
    case 'remove':
      return { op, path: pointer('path') };
    case 'move':
    case 'copy':
      return { op, from: pointer('from'), path: pointer('path') };
    default:
      throw new Error(`Unexpected kind: ${String(op)}`);
  }
}

function requireShortPointers(operation: unknown): void {
  if (!isObject(operation)) return;
  for (const pointer of [operation['path'], operation['from']]) {
    if (typeof pointer !== 'string') continue;
    if (pointer.length > MAX_POINTER_LENGTH)
      throw tooLarge(
        `a path in a JSON patch has ${pointer.length} characters: limit is ${MAX_POINTER_LENGTH}`,
      );
    const depth = pointer.split('/').length - 1;
    if (depth > MAX_DEPTH)
      throw badRequest(`a path in a JSON patch is ${depth} levels deep: limit is ${MAX_DEPTH}`);
  }
}

/** A failed `test` and a wrong path are the client's doing. */
function rejected(error: unknown): ApiError {
  const message = error instanceof Error ? error.message : String(error);
  return new ApiError(
    422,
    'Invalid',
    `the server rejected our request due to an error in our request: ${message.slice(0, 1000)}`,
    {},
  );
}

const copiesTooMuch = (copied: number): ApiError =>
  tooLarge(
    `Unable to complete the copy, the accumulated size increase of copy is ${copied}, exceeding the limit ${MAX_COPIED_BYTES}`,
  );
