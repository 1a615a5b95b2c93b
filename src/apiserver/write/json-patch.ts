/** RFC 6902, step by step, so that a patch cannot grow what it patches without end. */
import { ApiError, badRequest, tooLarge } from '../errors.ts';
import { MAX_DEPTH, bounded } from './bounds.ts';
import { isObject } from '../object.ts';
import { copyJson } from '../../values/copy.ts';
import type { KubeObject } from '../object.ts';

const MAX_OPERATIONS = 10_000;
/** Bytes that all copies of one patch may add; kube-apiserver's limit too. */
const MAX_COPIED_BYTES = 3 * 1024 * 1024;
/** Working out pointers takes time by the depth of each, and nothing is to be deeper than this. */
const MAX_POINTER_LENGTH = 4096;

/** Throws 413 for too many operations, 400 for what is no list of them. What it returns throws 422 as it is applied. */
export async function jsonPatch(operations: unknown): Promise<(present: KubeObject) => KubeObject> {
  const apply = await boundedPatch(operations);
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
export async function boundedPatch(operations: unknown): Promise<(present: KubeObject) => unknown> {
  if (!Array.isArray(operations)) throw badRequest('a JSON patch must be a list of operations');
  if (operations.length > MAX_OPERATIONS) {
    throw tooLarge(
      `The allowed maximum operations in a JSON patch is ${MAX_OPERATIONS}, got ${operations.length}`,
    );
  }
  for (const operation of operations) requireShortPointers(operation);
  const { default: library } = await import('fast-json-patch');
  type Operation = Parameters<typeof library.applyOperation>[1];
  /** The library's own check copies the whole document for each operation. `existing` is what is there of the path. */
  const check = (operation: Operation, _: number, document: unknown, existing?: string): void => {
    const { op, path } = operation;
    if (op === 'add' && existing !== undefined && parentDepth(path) > existing.split('/').length)
      throw new Error('Cannot perform an `add` operation at the desired path');
    if ((op === 'replace' || op === 'remove') && existing !== path) throw new Error(NO_SUCH_PATH);
    if ((op === 'move' || op === 'copy') && library.getValueByPointer(document, operation.from) === undefined)
      throw new Error('Cannot perform the operation from a path that does not exist');
  };
  const step = (document: unknown, operation: Operation) =>
    library.applyOperation(document, operation, check, true, true);
  /** The library copies what a move writes over, and looks through what it moves, however much that is. */
  const applied = (document: unknown, operation: Operation): unknown => {
    if (operation.op !== 'move' || !operation.path || !operation.from)
      return step(document, operation).newDocument;
    check(operation, 0, document);
    const { newDocument, removed } = step(document, { op: 'remove', path: operation.from });
    return step(newDocument, { op: 'add', path: operation.path, value: removed as unknown }).newDocument;
  };
  return (present) => {
    let result: unknown = copyJson(present as unknown as Parameters<typeof copyJson>[0]);
    let copied = 0;
    for (const [index, operation] of (copyJson(operations) as unknown as Operation[]).entries()) {
      library.validator(operation, index);
      if (operation.op === 'copy') {
        copied += bytesOf(library.getValueByPointer(result, operation.from));
        if (copied > MAX_COPIED_BYTES) throw copiesTooMuch(copied);
      }
      result = applied(result, operation);
    }
    return bounded(result);
  };
}

const NO_SUCH_PATH = 'Cannot perform the operation at a path that does not exist';

/** How many parts of a pointer must be there before a value can be added at it. */
const parentDepth = (pointer: string): number => pointer.split('/').length - 1;

const bytesOf = (value: unknown): number => JSON.stringify(value)?.length ?? 0;

function requireShortPointers(operation: unknown): void {
  if (!isObject(operation)) return;
  for (const pointer of [operation['path'], operation['from']]) {
    if (typeof pointer !== 'string') continue;
    if (pointer.length > MAX_POINTER_LENGTH)
      throw tooLarge(
        `a path in a JSON patch has ${pointer.length} characters: limit is ${MAX_POINTER_LENGTH}`,
      );
    const depth = parentDepth(pointer);
    if (depth > MAX_DEPTH)
      throw badRequest(`a path in a JSON patch is ${depth} levels deep: limit is ${MAX_DEPTH}`);
  }
}

/** A failed `test` and a wrong path are the client's doing; the library throws raw TypeErrors for some. */
function rejected(error: unknown): ApiError {
  const message = error instanceof Error ? (error.message.split('\n', 1)[0] ?? '') : String(error);
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
