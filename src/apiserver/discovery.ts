/** What the server serves: aggregated discovery for current clients, the legacy lists for the others. */
import { createHash } from 'node:crypto';
import { SCALE } from './crd/scale.ts';
import { cacheable } from './http.ts';
import type { ApiRequest, ApiResponse } from './http.ts';
import type { Registry } from './registry.ts';
import type { Resource } from './resource.ts';
import { negotiate } from './table.ts';

const AGGREGATED = /^application\/json;.*as=APIGroupDiscoveryList/;

/** Answers `/api`, `/apis`, `/api/v1`, `/apis/<group>` and `/apis/<group>/<version>`; undefined otherwise. */
export function discover(request: ApiRequest, registry: Registry, address: string): ApiResponse | undefined {
  const parts = request.path.split('/').filter(Boolean);
  const [root, group, version] = parts;
  if (root === 'api' && parts.length === 1) {
    return aggregated(request, registry, [['', ['v1']]]) ?? legacy(request, coreVersions(address));
  }
  if (root === 'apis' && parts.length === 1) {
    const groups = [...registry.groups()].filter(([name]) => name !== '');
    return aggregated(request, registry, groups) ?? legacy(request, groupList(groups));
  }
  if (root === 'api' && parts.length === 2 && group === 'v1') {
    return legacy(request, resourceList('v1', registry.of('', 'v1')));
  }
  if (root !== 'apis' || group === undefined) return undefined;
  const versions = registry.groups().get(group);
  if (!versions || group === '') return undefined;
  if (parts.length === 2) {
    return legacy(request, {
      kind: 'APIGroup',
      apiVersion: 'v1',
      ...groupEntry(group, versions),
    });
  }
  if (parts.length === 3 && version !== undefined && versions.includes(version)) {
    return legacy(request, resourceList(`${group}/${version}`, registry.of(group, version)));
  }
  return undefined;
}

/** Asked for again each time, and answered with 304 if it is still the same. Throws 406. */
function legacy(request: ApiRequest, body: object): ApiResponse {
  negotiate(request.header('accept'), request.query);
  return cacheable(request, body, 'application/json', { 'cache-control': 'no-cache, private' });
}

/** The preferred aggregated version that the client accepts. */
function aggregated(
  request: ApiRequest,
  registry: Registry,
  groups: [string, string[]][],
): ApiResponse | undefined {
  for (const clause of (request.header('accept') ?? '').split(',').map((one) => one.trim())) {
    if (!AGGREGATED.test(clause) || !clause.includes('g=apidiscovery.k8s.io')) continue;
    const version = /v=(v2|v2beta1)(;|$)/.exec(clause)?.[1];
    if (!version) continue;
    const list = {
      kind: 'APIGroupDiscoveryList',
      apiVersion: `apidiscovery.k8s.io/${version}`,
      metadata: {},
      items: groups.map(([group, versions]) => ({
        metadata: { name: group },
        versions: versions.map((one) => ({
          version: one,
          resources: registry.of(group, one).map(aggregatedResource),
          freshness: 'Current',
        })),
      })),
    };
    const type = `application/json;g=apidiscovery.k8s.io;v=${version};as=APIGroupDiscoveryList`;
    return cacheable(request, list, type);
  }
  return undefined;
}

const kindOf = ({ group, version, kind }: Resource) => ({ group, version, kind });

function aggregatedResource(resource: Resource): object {
  const responseKind = kindOf(resource);
  const subresources = [
    ...(resource.statusSubresource
      ? [{ subresource: 'status', responseKind, verbs: SUBRESOURCE_VERBS }]
      : []),
    ...(resource.scale ? [{ subresource: 'scale', responseKind: SCALE, verbs: SUBRESOURCE_VERBS }] : []),
    ...[...(resource.subresources ?? [])].map(([subresource, of]) => ({
      subresource,
      responseKind: kindOf(of),
      verbs: of.verbs,
    })),
  ];
  return {
    resource: resource.plural,
    responseKind,
    scope: resource.namespaced ? 'Namespaced' : 'Cluster',
    singularResource: resource.singular,
    verbs: resource.verbs,
    ...(resource.shortNames.length > 0 && { shortNames: resource.shortNames }),
    ...(resource.categories.length > 0 && { categories: resource.categories }),
    ...(subresources.length > 0 && { subresources }),
  };
}

const SUBRESOURCE_VERBS = ['get', 'patch', 'update'];

/** Changes when objects come to be stored as another version. */
const storageVersionHash = ({ storedAs, kind }: Resource): string =>
  createHash('sha256').update(`${storedAs}/${kind}`).digest().subarray(0, 8).toString('base64');

function coreVersions(address: string): object {
  return {
    kind: 'APIVersions',
    versions: ['v1'],
    serverAddressByClientCIDRs: [{ clientCIDR: '0.0.0.0/0', serverAddress: address }],
  };
}

const groupVersion = (group: string, version: string) => ({ groupVersion: `${group}/${version}`, version });

function groupEntry(group: string, versions: string[]): object {
  return {
    name: group,
    versions: versions.map((version) => groupVersion(group, version)),
    preferredVersion: groupVersion(group, versions[0] ?? ''),
  };
}

function groupList(groups: [string, string[]][]): object {
  return {
    kind: 'APIGroupList',
    apiVersion: 'v1',
    groups: groups.map(([group, versions]) => groupEntry(group, versions)),
  };
}

function resourceList(groupVersionName: string, resources: Resource[]): object {
  return {
    kind: 'APIResourceList',
    apiVersion: 'v1',
    groupVersion: groupVersionName,
    resources: resources.flatMap((resource) => {
      const common = {
        singularName: resource.singular,
        namespaced: resource.namespaced,
        kind: resource.kind,
      };
      const main = {
        name: resource.plural,
        ...common,
        verbs: resource.verbs,
        ...(resource.shortNames.length > 0 && { shortNames: resource.shortNames }),
        ...(resource.categories.length > 0 && { categories: resource.categories }),
        ...(resource.verbs.includes('list') && { storageVersionHash: storageVersionHash(resource) }),
      };
      const status = {
        ...common,
        name: `${resource.plural}/status`,
        singularName: '',
        verbs: SUBRESOURCE_VERBS,
      };
      const scale = {
        ...SCALE,
        name: `${resource.plural}/scale`,
        singularName: '',
        namespaced: resource.namespaced,
        verbs: SUBRESOURCE_VERBS,
      };
      const others = [...(resource.subresources ?? [])].map(([name, of]) => ({
        ...common,
        ...kindOf(of),
        name: `${resource.plural}/${name}`,
        singularName: '',
        verbs: of.verbs,
      }));
      return [
        main,
        ...(resource.statusSubresource ? [status] : []),
        ...(resource.scale ? [scale] : []),
        ...others,
        ...(resource.group === '' && resource.kind === 'Namespace'
          ? [{ ...status, name: `${resource.plural}/finalize`, verbs: ['update'] }]
          : []),
      ];
    }),
  };
}
