import type { ApiRequest } from '../http.ts';
import { PROTOBUF_TYPE, YAML_TYPE } from '../media-types.ts';
import { mediaType, parseJson } from '../write/body.ts';
import { parseYaml } from '../write/yaml.ts';

const YAML_TYPES: ReadonlySet<string> = new Set([YAML_TYPE, 'text/yaml', 'application/apply-patch+yaml']);

/** The body of a request as JSON, whatever it came as; undefined when there is none, or none that can be read. */
export async function requestObject(request: ApiRequest): Promise<unknown> {
  const body = await request.body();
  if (body.length === 0) return undefined;
  const type = mediaType(request.header('content-type'));
  try {
    if (YAML_TYPES.has(type)) return await parseYaml(body.toString());
    if (type !== PROTOBUF_TYPE) return parseJson(body.toString());
    const { decodeProtobuf } = await import('../protobuf/index.ts');
    return decodeProtobuf(body);
  } catch {
    return undefined;
  }
}
