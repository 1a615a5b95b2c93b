/** The way of a request through the server, stage by stage. */
import type { Trail } from './audit/event.ts';
import { newTrail } from './audit/log.ts';
import type { AuditLog } from './audit/log.ts';
import { ISSUER_PATHS } from './authn/issuer-discovery.ts';
import type { IssuerDiscovery } from './authn/issuer-discovery.ts';
import type { Authenticator } from './authn/authenticator.ts';
import { impersonate } from './authn/impersonation.ts';
import { attributesOf } from './authz/attributes.ts';
import type { Attributes } from './authz/attributes.ts';
import { evaluate } from './authz/evaluate.ts';
import type { Policy } from './authz/policy.ts';
import { requireAccess, requireAllowed } from './authz/require.ts';
import type { ApiContext } from './context.ts';
import { allottedMs, withinAllottedTime } from './deadline.ts';
import { discover } from './discovery.ts';
import { ApiError, PathNotFound, internalError, pathNotFound } from './errors.ts';
import type { Gate } from './fairness/gate.ts';
import type { Pass } from './fairness/pass.ts';
import type { Health } from './health.ts';
import { TEXT, cacheable, isWhole, json, text } from './http.ts';
import type { ApiRequest, ApiResponse, UserRequest } from './http.ts';
import { resolvePath } from './request-info.ts';
import type { OpenApi } from './openapi/index.ts';
import { OPENAPI_V2_PROTOBUF } from './openapi/v2.ts';
import { serveResource } from './operations.ts';
import { JSON_TYPE, YAML_TYPE } from './media-types.ts';
import { asApiError } from './read/resource-version.ts';
import { wantsYaml } from './table.ts';
import { VERSION } from './version.ts';
import { warningHeaders } from './warnings.ts';

export interface Api extends ApiContext {
  readonly health: Health;
  readonly authenticator: Authenticator;
  readonly policy: Policy;
  readonly openApi: OpenApi;
  readonly issuer: IssuerDiscovery;
  /** Where requests wait for their turn. */
  readonly gate: Gate;
  /** Undefined when nothing is noted. */
  readonly audit: AuditLog | undefined;
  /** host:port, for clients that ask for it. */
  readonly address: () => string;
}

type Stage = (request: UserRequest, api: Api) => ApiResponse | undefined | Promise<ApiResponse | undefined>;

/** For those who were let in. Each stage may answer, refuse by throwing an ApiError, or pass on. */
const STAGES: readonly Stage[] = [discovery, openApi, issuer, resources];

/** Never throws: every failure is a Status. */
export async function handle(request: ApiRequest, api: Api): Promise<ApiResponse> {
  const started = performance.now();
  const trail = newTrail(request, api.now());
  const response = await inAskedForm(await noted(trail, await answer(trail, api), api), request);
  const { method, path } = request;
  const ms = Math.round((performance.now() - started) * 1000) / 1000;
  api.logger.debug({ method, path, status: response.status, ms }, 'Answered a request');
  const warning = warningHeaders(request.warnings);
  if (warning.length === 0) return response;
  return { ...response, headers: { ...response.headers, warning } };
}

/** Making YAML takes a hundred times as long as reading JSON. */
const MAX_YAML_CHARACTERS = 64 * 1024;

/** Everything is made as JSON; those who would rather have YAML get the same as YAML: JSON, which is YAML too, if it is long. */
async function inAskedForm(response: ApiResponse, request: ApiRequest): Promise<ApiResponse> {
  const { body, headers } = response;
  if (headers?.['content-type'] !== JSON_TYPE || body === undefined) return response;
  if (!wantsYaml(request.header('accept'))) return response;
  const inYaml = { ...response, headers: { ...headers, 'content-type': YAML_TYPE } };
  if (!isWhole(body) || body.length > MAX_YAML_CHARACTERS) return inYaml;
  const { stringify } = await import('yaml');
  return { ...inYaml, body: stringify(JSON.parse(body.toString())) };
}

/** Every answer names its line in the audit log. */
async function noted(trail: Trail, answered: ApiResponse, { audit, logger }: Api): Promise<ApiResponse> {
  // What was done is done: its maker is told, whether it could be noted or not.
  const unnoted = (error: unknown): ApiResponse => {
    logger.error({ err: error, auditId: trail.auditId }, 'A request could not be noted in the audit log');
    return answered;
  };
  const response = (await audit?.answered(trail, answered).catch(unnoted)) ?? answered;
  return { ...response, headers: { 'audit-id': trail.auditId, ...response.headers } };
}

async function answer(trail: Trail, api: Api): Promise<ApiResponse> {
  const { request } = trail;
  try {
    const allowedMs = attributesOf(request).verb === 'watch' ? undefined : allottedMs(request.query);
    const open = publicEndpoints(request, api);
    if (open) return open;
    const { admitted, wanted } = admitUser(trail, api);
    api.audit?.received(trail);
    const enter = async (timed: UserRequest): Promise<ApiResponse> => {
      const pass = await api.gate.enter(timed, wanted);
      trail.entered = pass.request;
      return pass.leaveWith(await passStages(pass, api));
    };
    return await (allowedMs === undefined ? enter(admitted) : withinAllottedTime(admitted, allowedMs, enter));
  } catch (thrown) {
    return failure(asApiError(thrown), request, api);
  }
}

async function passStages(pass: Pass, api: Api): Promise<ApiResponse> {
  try {
    for (const stage of STAGES) {
      const response = await stage(pass.request, api);
      if (response) return response;
    }
    throw pathNotFound();
  } catch (error) {
    pass.abandon();
    throw error;
  }
}

function failure(error: unknown, request: ApiRequest, { logger }: Api): ApiResponse {
  if (error instanceof PathNotFound && !request.path.startsWith('/api/')) return pageNotFound();
  if (error instanceof ApiError) {
    const retryAfter = error.details?.retryAfterSeconds;
    return json(error.toStatus(), error.code, retryAfter ? { 'retry-after': String(retryAfter) } : {});
  }
  logger.error({ err: error, method: request.method, path: request.path }, 'A request failed');
  const status = internalError(error instanceof Error ? error.message : String(error)).toStatus();
  return json(status, status.code);
}

function publicEndpoints({ path, query }: ApiRequest, { health }: Api): ApiResponse | undefined {
  return path === '/version' ? json(VERSION) : health.answer(path, query);
}

/** Authenticates, impersonates, authorizes: whatever is there or not, those who may not ask hear 401 or 403. */
function admitUser(
  trail: Trail,
  { authenticator, policy }: Api,
): { admitted: UserRequest; wanted: Attributes } {
  const { request } = trail;
  trail.user = authenticator.authenticate(request);
  const user = impersonate(request, trail.user, policy);
  if (user !== trail.user) trail.impersonated = user;
  const wanted = attributesOf(request);
  trail.wanted = wanted;
  const decision = evaluate(policy, user, wanted);
  request.annotations['authorization.k8s.io/decision'] = decision.allowed ? 'allow' : 'forbid';
  request.annotations['authorization.k8s.io/reason'] = decision.reason;
  requireAllowed(decision, user, wanted);
  const require = (verb: 'create'): void => requireAccess(policy, user, { ...wanted, verb });
  return { admitted: { ...request, user, require }, wanted };
}

function discovery(request: ApiRequest, { registry, address }: Api): ApiResponse | undefined {
  if (request.method !== 'GET') return undefined;
  if (request.path === '/')
    return json({
      paths: [
        ISSUER_PATHS[0],
        '/api',
        '/apis',
        '/healthz',
        '/livez',
        '/openapi/v2',
        '/openapi/v3',
        ISSUER_PATHS[1],
        '/readyz',
        '/version',
      ],
    });
  return discover(request, registry, address());
}

function openApi(request: ApiRequest, { openApi: documents }: Api): ApiResponse | undefined {
  const match = /^\/openapi\/(v2|v3)(?:\/(.+))?$/.exec(request.path);
  if (!match) return undefined;
  const [, version, path] = match;
  const asked = { 'cache-control': 'no-cache, private' };
  if (version === 'v2') return cacheable(request, documents.v2(), OPENAPI_V2_PROTOBUF, asked);
  if (path === undefined) return cacheable(request, documents.index(), TEXT, asked);
  const document = documents.document(path);
  if (document === undefined) return { status: 404, headers: asked };
  // A document's URL names its content, so it may be kept for ever.
  const kept = { 'cache-control': 'public, immutable', expires: nextYear() };
  return cacheable(request, document, 'application/json', request.query.has('hash') ? kept : asked);
}

function issuer(request: UserRequest, { issuer: discovery }: Api): ApiResponse | undefined {
  return discovery.answer(request);
}

const pageNotFound = (): ApiResponse => text('404 page not found\n', 404);

const nextYear = (): string => new Date(Date.now() + 365 * 24 * 3600 * 1000).toUTCString();

async function resources(request: UserRequest, api: Api): Promise<ApiResponse | undefined> {
  const found = resolvePath(request.path, api.registry);
  return found && serveResource(request, found, api);
}
