import { fieldError } from '../errors.ts';
import { invalidOptions, parseResourceVersion } from './resource-version.ts';

const DEFAULT_TIMEOUT_SECONDS = 30 * 60;
const MAX_TIMEOUT_SECONDS = 24 * 60 * 60;

export interface WatchOptions {
  /** Undefined: from now on. */
  from: number | undefined;
  /** The present state comes first. */
  sendPresent: boolean;
  bookmarks: boolean;
  /** WatchList: after the present state, a bookmark says that it is complete. */
  announceInitialEnd: boolean;
  timeoutMs: number;
}

/** What a watch asks for in its query. Throws 422 for options that make no sense together. */
export function watchOptions(query: URLSearchParams): WatchOptions {
  const revision = parseResourceVersion(query.get('resourceVersion'));
  const match = query.get('resourceVersionMatch');
  const sendInitial = query.get('sendInitialEvents');
  const bookmarks = query.get('allowWatchBookmarks') === 'true' || query.get('allowWatchBookmarks') === '1';
  if (sendInitial !== null && match !== 'NotOlderThan') {
    throw invalidOptions(
      fieldError.forbidden(
        'resourceVersionMatch',
        'sendInitialEvents requires setting resourceVersionMatch to NotOlderThan',
      ),
      ...(match ? [fieldError.notSupported('resourceVersionMatch', match, ['NotOlderThan'])] : []),
    );
  }
  if (sendInitial === null && match) {
    throw invalidOptions(
      fieldError.forbidden(
        'resourceVersionMatch',
        'resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided',
      ),
    );
  }
  const sendPresent = sendInitial === 'true' || (sendInitial === null && !revision);
  return {
    from: sendPresent || !revision ? undefined : revision,
    sendPresent,
    bookmarks,
    announceInitialEnd: sendInitial === 'true' && bookmarks,
    timeoutMs: timeoutSeconds(query.get('timeoutSeconds')) * 1000,
  };
}

function timeoutSeconds(text: string | null): number {
  const given = Number(text);
  return given > 0 ? Math.min(given, MAX_TIMEOUT_SECONDS) : DEFAULT_TIMEOUT_SECONDS;
}
