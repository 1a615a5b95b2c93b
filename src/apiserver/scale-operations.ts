/** The verbs of the `scale` subresource. Writes change the object itself, past none of its rules. */
import type { Call, Operation } from './call.ts';
import { applyScale, scaleOf, scaleView } from './crd/scale.ts';
import { pathNotFound } from './errors.ts';
import { json } from './http.ts';
import type { ApiResponse } from './http.ts';
import type { KubeObject } from './object.ts';
import { getObject } from './read/get.ts';
import type { Resource, ScalePaths, Verb } from './resource.ts';
import { renderObject } from './table.ts';
import { decodeBody } from './write/body.ts';
import { writeOptions } from './write/options.ts';
import { decodePatch } from './write/patch.ts';
import { updateObject } from './write/update.ts';

export const SCALE_OPERATIONS: Partial<Record<Verb, Operation>> = {
  get: (call) => {
    const { context, target } = call;
    return answer(getObject(context, target.resource, target.namespace, target.name ?? ''), call);
  },
  update: async (call) => {
    const { request } = call;
    const { object } = await decodeBody(await request.body(), request.header('content-type'), scaleType);
    return write(call, () => object);
  },
  patch: async (call) => {
    const { request } = call;
    const patch = await decodePatch(
      await request.body(),
      request.header('content-type'),
      call.target.resource,
    );
    return write(call, (scale) => patch(scale));
  },
};

const scaleType = { apiVersion: scaleView.apiVersion, kind: 'Scale' };

/** Only the number of replicas comes from the Scale; the rest of the object stays. */
async function write(
  call: Call,
  change: (scale: KubeObject) => KubeObject | Promise<KubeObject>,
): Promise<ApiResponse> {
  const { context, request, target } = call;
  const paths = pathsOf(target.resource);
  const apply = async (present: KubeObject): Promise<KubeObject> =>
    applyScale(present, await change(scaleOf(present, paths, 0)), paths);
  const options = writeOptions(request, request.method === 'PUT' ? 'UpdateOptions' : 'PatchOptions');
  const object = await updateObject(context, target, { verb: 'patch', apply }, options);
  return answer(object, call);
}

function pathsOf({ scale }: Resource): ScalePaths {
  if (!scale) throw pathNotFound();
  return scale;
}

function answer(object: KubeObject, { context, target, rendering }: Call): ApiResponse {
  const { resource } = target;
  const scale = scaleOf(object, pathsOf(resource));
  return json(renderObject(scale, { ...resource, ...scaleView }, rendering, context.now()));
}
