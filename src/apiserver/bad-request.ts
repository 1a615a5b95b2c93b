/** What HTTP/1.1 clients hear whose requests cannot even be read. HTTP/2 has its own words for that: resets. */
import type { Socket } from 'node:net';
import { ApiError, badRequest, requestTimeout } from './errors.ts';

export const MAX_HEADER_BYTES = 65_536;

const REASONS: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  408: 'Request Timeout',
  431: 'Request Header Fields Too Large',
};

/** Answers on the bare socket, and closes it. */
export function answerUnreadable(error: NodeJS.ErrnoException, socket: Socket): void {
  if (!socket.writable || error.code === 'ECONNRESET') {
    socket.destroy();
    return;
  }
  const status = refusalOf(error.code ?? '').toStatus();
  const body = JSON.stringify(status);
  socket.end(
    `HTTP/1.1 ${status.code} ${REASONS[status.code] ?? ''}\r\nconnection: close\r\ncontent-type: application/json\r\n` +
      `content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
    () => socket.destroy(),
  );
}

function refusalOf(code: string): ApiError {
  switch (code) {
    case 'HPE_HEADER_OVERFLOW':
      return new ApiError(
        431,
        'BadRequest',
        `the path and the headers of the request are too long: the limit is ${MAX_HEADER_BYTES} bytes`,
        {},
      );
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return requestTimeout('the request did not come in time');
    default:
      return badRequest('the request is not HTTP');
  }
}
