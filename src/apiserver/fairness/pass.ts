/** What a request holds as its answer is sent: its seat, and what its client has not read yet. */
import { NotRead, isWhole } from '../http.ts';
import type { ApiResponse, UserRequest, Write } from '../http.ts';
import type { Holding } from './budget.ts';
import type { Seat } from './dispatcher.ts';
import { MEBIBYTE } from '../../values/quantity.ts';

/** Answers up to this size need no seat while they are sent. */
const SMALL_ANSWER_BYTES = 64 * 1024;
/** A stream takes memory, whatever is in it. */
const LEAST_ANSWER_BYTES = 16 * 1024;
/** Of an answer in pieces so much is there at a time: what a page holds, and what it may go beyond. */
const PIECE_BYTES = MEBIBYTE;
/** A client that reads slowly does not keep others from working for longer than this. */
const SEND_WITH_SEAT_MS = 5000;

/** Where the answers of one request go out; what is not read counts until it is released. */
export interface Outlet {
  /** Throws 429. */
  take(bytes: number): Holding;
  /** Counts, whether there is room or not. */
  hold(bytes: number): Holding;
  /** Throws 429; later it may be `cut`. */
  tell(bytes: number, cut: () => void): Holding;
}

/** A request that may be worked on. */
export interface Pass {
  readonly request: UserRequest;
  /** Gives back what the request holds as its answer is sent. */
  leaveWith(answer: ApiResponse): ApiResponse;
  /** Gives back everything. */
  abandon(): void;
}

/** @param holdings beside the seat: of what it came with */
export function passOf(request: UserRequest, seat: Seat, holdings: readonly Holding[], outlet: Outlet): Pass {
  const abandon = (): void => {
    seat.release();
    for (const holding of holdings) holding.release();
  };
  return {
    request,
    abandon,
    leaveWith: (answer) => {
      const { stream } = answer;
      if (stream) {
        // Whose client is gone by now may never be begun.
        whenOver(request.gone, abandon);
        return { ...answer, stream: seatedUntilQuiet(stream, { seat, outlet, end: abandon }) };
      }
      try {
        const unread = outlet[changesNothing(request) ? 'take' : 'hold'](bytesOf(answer));
        whenOver(request.gone, () => unread.release());
      } catch (error) {
        abandon();
        throw error;
      }
      if (isWhole(answer.body) && (answer.body?.length ?? 0) <= SMALL_ANSWER_BYTES) {
        abandon();
        return answer;
      }
      keepWhileSending(request.gone, seat);
      for (const holding of holdings) holding.release();
      return answer;
    },
  };
}

/** What can be asked for again. */
const changesNothing = ({ method, query }: UserRequest): boolean =>
  method === 'GET' || method === 'HEAD' || query.has('dryRun');

/** What is kept of an answer while it is sent, about. */
const bytesOf = ({ body, keptCharacters = 0 }: ApiResponse): number =>
  Math.max(LEAST_ANSWER_BYTES, isWhole(body) ? (body?.length ?? 0) : PIECE_BYTES + keptCharacters);

/** A long answer takes memory until it is sent. */
function keepWhileSending(over: AbortSignal, seat: Seat): void {
  const release = (): void => {
    clearTimeout(enough);
    seat.release();
  };
  const enough = setTimeout(release, SEND_WITH_SEAT_MS);
  whenOver(over, release);
}

function whenOver(over: AbortSignal, release: () => void): void {
  if (over.aborted) release();
  else over.addEventListener('abort', release, { once: true });
}

type Stream = NonNullable<ApiResponse['stream']>;

interface Watching {
  readonly seat: Seat;
  readonly outlet: Outlet;
  /** Gives back everything. */
  readonly end: () => void;
}

/** A watch works while it sends what is there at its beginning; after that it costs next to nothing. */
const seatedUntilQuiet =
  (stream: Stream, { seat, outlet, end }: Watching): Stream =>
  async (write) => {
    let writing = 0;
    let seated = true;
    const leave = (): void => {
      seated = false;
      clearTimeout(enough);
      seat.release();
    };
    const leaveWhenQuiet = (): void => {
      if (seated && writing === 0) leave();
    };
    const enough = setTimeout(leave, SEND_WITH_SEAT_MS);
    const slowly = async (sent: Promise<void>, bytes: number): Promise<void> => {
      writing += 1;
      try {
        await untilRead(sent, bytes, outlet);
      } finally {
        writing -= 1;
        if (seated) setImmediate(leaveWhenQuiet);
      }
    };
    const counted: Write = (chunk) => {
      const sent = write(chunk);
      if (sent) return slowly(sent, chunk.length);
      if (seated) setImmediate(leaveWhenQuiet);
      return undefined;
    };
    try {
      const running = stream(counted);
      leaveWhenQuiet();
      await running;
    } finally {
      leave();
      end();
    }
  };

/** Rejects with NotRead when there is no room for it, or others need the room. */
async function untilRead(sent: Promise<void>, bytes: number, outlet: Outlet): Promise<void> {
  const { promise: cut, reject } = Promise.withResolvers<never>();
  let unread: Holding;
  try {
    unread = outlet.tell(bytes, () =>
      reject(new NotRead('its client reads too slowly, and others need the room')),
    );
  } catch (cause) {
    throw new NotRead((cause as Error).message, { cause });
  }
  try {
    await Promise.race([sent, cut]);
  } finally {
    unread.release();
  }
}
