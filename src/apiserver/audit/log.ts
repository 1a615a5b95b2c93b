/** Notes who asked what and what became of it, as the policy says. */
import { randomUUID } from 'node:crypto';
import { attributesOf } from '../authz/attributes.ts';
import type { Attributes } from '../authz/attributes.ts';
import type { Logger } from '../context.ts';
import type { Status } from '../errors.ts';
import { isWhole } from '../http.ts';
import type { ApiRequest, ApiResponse } from '../http.ts';
import { isObject } from '../object.ts';
import { auditEvent } from './event.ts';
import type { Outcome, Trail } from './event.ts';
import { LogFile } from './log-file.ts';
import type { Disk } from './log-file.ts';
import { extentOf } from './policy.ts';
import type { AuditLevel, AuditPolicy, AuditStage, Extent } from './policy.ts';
import { isSecret, redacted, redactedStatus } from './redact.ts';
import { requestObject } from './request-object.ts';
import { Strangers } from './strangers.ts';
import { MEBIBYTE } from '../../values/quantity.ts';

const MAX_WAITING_BYTES = 16 * MEBIBYTE;
/** Larger bodies are left out, and an annotation says so. */
const MAX_OBJECT_BYTES = 256 * 1024;
/** An answer up to this size is looked into for the name of what was created. */
const MAX_NAMED_BYTES = 64 * 1024;
const AUDIT_ID = /^[\x21-\x7e]{1,128}$/;
const WARN_EVERY_MS = 10_000;
const MANAGED_FIELDS: ReadonlySet<string> = new Set(['managedFields']);

export interface AuditOptions {
  readonly policy: AuditPolicy;
  readonly file: string;
  /** Default 64 MiB. */
  readonly maxBytes?: number;
  /** Default 8, the one being written included. */
  readonly maxFiles?: number;
}

/** Clients may give their requests a name of their own. */
export function newTrail(request: ApiRequest, receivedAt: Date): Trail {
  const given = request.header('audit-id') ?? '';
  return { auditId: AUDIT_ID.test(given) ? given : randomUUID(), receivedAt, request };
}

export class AuditLog {
  readonly #policy: AuditPolicy;
  readonly #file: LogFile;
  readonly #now: () => Date;
  readonly #logger: Logger;
  readonly #strangers = new Strangers();
  #lost = 0;
  #warnedMs = -Infinity;

  constructor(options: AuditOptions, now: () => Date, logger: Logger, disk?: Disk) {
    const { policy, file, maxBytes = 64 * MEBIBYTE, maxFiles = 8 } = options;
    this.#policy = policy;
    this.#now = now;
    this.#logger = logger;
    const onLost = (lines: number, why: string) => this.#lose(lines, why);
    this.#file = new LogFile({ file, maxBytes, maxFiles, maxWaitingBytes: MAX_WAITING_BYTES, onLost }, disk);
  }

  /** Events that could not be written so far. */
  get lost(): number {
    return this.#lost;
  }

  /** The request is about to be served. */
  received(trail: Trail): void {
    const { wanted, extent } = this.#extent(trail);
    this.#note(trail, wanted, extent, 'RequestReceived', {});
  }

  /** Notes an answer, a stream when it begins and when it ends. The answer is to be sent as it is given back. */
  async answered(trail: Trail, answer: ApiResponse): Promise<ApiResponse> {
    const { wanted, extent } = this.#extent(trail);
    if (extent.level === 'None') return answer;
    const outcome = await this.#outcome(trail, wanted, extent, answer);
    const { stream } = answer;
    if (!stream) {
      this.#note(trail, wanted, extent, 'ResponseComplete', outcome);
      return answer;
    }
    this.#note(trail, wanted, extent, 'ResponseStarted', outcome);
    const noted: typeof stream = async (write) => {
      try {
        await stream(write);
      } finally {
        this.#note(trail, wanted, extent, 'ResponseComplete', outcome);
      }
    };
    return { ...answer, stream: noted };
  }

  close(): Promise<void> {
    return this.#file.close();
  }

  #extent(trail: Trail): { wanted: Attributes; extent: Extent } {
    const wanted = trail.wanted ?? attributesOrPath(trail.request);
    return { wanted, extent: extentOf(this.#policy, trail.user, wanted) };
  }

  #note(trail: Trail, wanted: Attributes, extent: Extent, stage: AuditStage, outcome: Outcome): void {
    if (extent.level === 'None' || extent.omitStages.has(stage)) return;
    if (!trail.user && !this.#notesStranger(trail)) return;
    this.#file.append(JSON.stringify(auditEvent(trail, wanted, extent.level, stage, outcome, this.#now())));
  }

  #notesStranger({ request }: Trail): boolean {
    const admitted = this.#strangers.admit();
    if (admitted === 'leave out') return false;
    if (admitted.leftOut > 0)
      request.annotations['audit.purlin.dev/left-out'] =
        `${admitted.leftOut} requests before this one that were not let in either`;
    return true;
  }

  async #outcome(
    trail: Trail,
    wanted: Attributes,
    { level, omitManagedFields }: Extent,
    { status, body }: ApiResponse,
  ): Promise<Outcome> {
    const answered = parsedAnswer(level, wanted, status, body);
    const failure =
      isObject(answered) && answered['kind'] === 'Status' ? (answered as unknown as Status) : undefined;
    const responseStatus = failure
      ? { ...redactedStatus(failure, wanted), code: status }
      : { metadata: {}, code: status };
    const name = wanted.verb === 'create' ? nameOf(answered) : '';
    const common = { responseStatus, ...(name && { name }) };
    if (level === 'Metadata' || isSecret(wanted) || 'path' in wanted) return common;
    const dropped = omitManagedFields ? MANAGED_FIELDS : undefined;
    const { annotations } = trail.request;
    const bounded = (field: string, value: unknown): object => {
      if (value === undefined) return {};
      const shown = redacted(value, dropped);
      const bytes = JSON.stringify(shown).length;
      if (bytes <= MAX_OBJECT_BYTES) return { [field]: shown };
      annotations['audit.purlin.dev/omitted'] = `${field}: ${bytes} bytes, the limit is ${MAX_OBJECT_BYTES}`;
      return {};
    };
    if (level === 'RequestResponse' && !isWhole(body))
      annotations['audit.purlin.dev/omitted'] = 'responseObject: it is a long list';
    return {
      ...common,
      ...bounded('requestObject', trail.entered && (await requestObject(trail.entered))),
      ...(level === 'RequestResponse' && !failure && bounded('responseObject', answered)),
    };
  }

  #lose(lines: number, why: string): void {
    this.#lost += lines;
    const nowMs = performance.now();
    if (nowMs - this.#warnedMs < WARN_EVERY_MS) return;
    this.#warnedMs = nowMs;
    this.#logger.warn({ lost: this.#lost, why }, 'Events of the audit log were lost');
  }
}

/** A path that could be no object's is noted as a path. */
function attributesOrPath(request: ApiRequest): Attributes {
  try {
    return attributesOf(request);
  } catch {
    return { verb: request.method.toLowerCase(), path: request.path };
  }
}

/** The answer as JSON, when something of it is to be noted. */
function parsedAnswer(
  level: AuditLevel,
  wanted: Attributes,
  status: number,
  body: ApiResponse['body'],
): unknown {
  if (typeof body !== 'string' || !body.startsWith('{')) return undefined;
  const named = wanted.verb === 'create' && body.length <= MAX_NAMED_BYTES;
  const whole = level === 'RequestResponse' && body.length <= 2 * MAX_OBJECT_BYTES;
  return status >= 400 || named || whole ? (JSON.parse(body) as unknown) : undefined;
}

function nameOf(object: unknown): string {
  const metadata = isObject(object) ? object['metadata'] : undefined;
  const name = isObject(metadata) ? metadata['name'] : undefined;
  return typeof name === 'string' ? name : '';
}
