import { readEntry } from '../codec.ts';
import type { Call } from '../call.ts';
import type { ApiContext } from '../context.ts';
import { expired } from '../errors.ts';
import { jsonText } from '../http.ts';
import type { ApiResponse } from '../http.ts';
import type { KubeObject } from '../object.ts';
import { keyPrefix } from '../resource.ts';
import type { Resource } from '../resource.ts';
import { listForm } from '../table.ts';
import type { ListForm, ListMeta } from '../table.ts';
import { CompactedError } from '../../store/index.ts';
import type { Entry } from '../../store/index.ts';
import { everything, listOptions } from './list-options.ts';
import { Listing, PAGE, pagesOf, slices, wholeOf } from './listing.ts';
import { listedObject, listedText } from './served-text.ts';

/** Answers a list. A long one is made while it is sent, so that it takes neither memory nor others' time. */
export async function answerList(call: Call): Promise<ApiResponse> {
  const { context, request, target } = call;
  const { resource } = target;
  const options = listOptions(resource, target.namespace, request.query, context.store.revision);
  const form = listForm(resource, call.rendering, context.now());
  const textOf = (entry: Entry): string | undefined => {
    const object = options.selector || form.item ? readEntry(entry, resource) : undefined;
    if (object && options.selector?.(object) === false) return undefined;
    return object && form.item ? JSON.stringify(form.item(object)) : listedText(entry, resource);
  };
  const listing = new Listing(context.store, options, textOf);
  const pages = pagesOf(listing, request.gone);
  return withListErrors(async () => {
    const { value: first = [] } = (await pages.next()) as { value?: string[] };
    // What precedes the items says where a limited list ends.
    if (options.limit !== undefined) await takeWhole(listing, pages, first);
    const begin = beginning(form, listing.metadata);
    if (listing.ended) return jsonText(`${begin}${first.join(',')}]}`);
    return jsonText(piecemeal(begin, first, pages));
  });
}

/** A limited list is kept as a whole until it is sent. Longer ones end before their limit: clients go on all the same. */
export const MAX_LIMITED_CHARACTERS = 16 * 2 ** 20;

/** The other pages of a limited list. */
async function takeWhole(
  listing: Listing<string>,
  pages: AsyncIterable<string[]>,
  taken: string[],
): Promise<void> {
  let characters = 0;
  for await (const page of pages) {
    for (const item of page) {
      characters += item.length;
      taken.push(item);
    }
    if (characters > MAX_LIMITED_CHARACTERS && !listing.ended) return listing.cut();
  }
}

async function* piecemeal(
  begin: string,
  first: string[],
  pages: AsyncIterable<string[]>,
): AsyncGenerator<string> {
  yield begin + first.join(',');
  let separator = first.length > 0 ? ',' : '';
  for await (const page of pages) {
    if (page.length === 0) continue;
    yield separator + page.join(',');
    separator = ',';
  }
  yield ']}';
}

/** The text of a list up to its items. */
function beginning({ head, member }: ListForm, metadata: ListMeta): string {
  return `${JSON.stringify(head(metadata)).slice(0, -1)},${JSON.stringify(member)}:[`;
}

/** The objects that a request for their deletion is about. */
export async function selectObjects({ context, request, target }: Call): Promise<SelectedObjects> {
  const { resource } = target;
  const options = listOptions(resource, target.namespace, request.query, context.store.revision);
  let characters = 0;
  const listing = new Listing(context.store, options, (entry) => {
    const object = readEntry(entry, resource);
    if (options.selector?.(object) === false) return undefined;
    characters += entry.value.length;
    return object;
  });
  const items = await withListErrors(() => wholeOf(listing, request.gone));
  return { items, metadata: listing.metadata, characters };
}

export interface SelectedObjects {
  readonly items: readonly KubeObject[];
  readonly metadata: ListMeta;
  /** Of the texts that they were read from. */
  readonly characters: number;
}

/** A list of objects that are not in the store any more. */
export function listOf(
  { items, metadata, characters }: SelectedObjects,
  { context, target, rendering }: Call,
): ApiResponse {
  const { resource } = target;
  const form = listForm(resource, rendering, context.now());
  const show = form.item ?? ((object: KubeObject) => listedObject(object, resource));
  const textOf = (object: KubeObject): string => JSON.stringify(show(object));
  const begin = beginning(form, metadata);
  if (items.length <= PAGE.limit) return jsonText(`${begin}${items.map(textOf).join(',')}]}`);
  return { ...jsonText(piecemeal(begin, [], slices(items, textOf))), keptCharacters: characters };
}

/** Every object of a collection, for the server's own controllers. */
export const allObjects = (
  { store }: ApiContext,
  resource: Resource,
  namespace?: string,
): Promise<KubeObject[]> =>
  wholeOf(
    new Listing(store, everything(keyPrefix(resource, namespace)), (entry) => readEntry(entry, resource)),
  );

async function withListErrors<Result>(read: () => Promise<Result>): Promise<Result> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof CompactedError) throw expired('The provided continue parameter is too old.');
    throw error;
  }
}
