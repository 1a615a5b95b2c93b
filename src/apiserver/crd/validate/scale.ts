import { fieldError } from '../../errors.ts';
import type { FieldError } from '../../errors.ts';
import type { CustomResourceDefinition } from '../definition.ts';
import { aspectOf } from './hoisted.ts';

/** `.spec.replicas`: names only, no lists. */
const SIMPLE_PATH = /^(\.[A-Za-z0-9_$-]+)+$/;

/** The paths of the `scale` subresource of every version. */
export function validateScale({ spec }: CustomResourceDefinition): FieldError[] {
  return aspectOf({ ...spec, versions: spec.versions ?? [] }, 'subresources').flatMap(({ value, path }) => {
    if (!value?.scale) return [];
    const { specReplicasPath, statusReplicasPath, labelSelectorPath } = value.scale;
    const at = `${path}.scale`;
    return [
      ...validatePath(`${at}.specReplicasPath`, specReplicasPath, ['.spec']),
      ...validatePath(`${at}.statusReplicasPath`, statusReplicasPath, ['.status']),
      ...(labelSelectorPath === undefined
        ? []
        : validatePath(`${at}.labelSelectorPath`, labelSelectorPath, ['.spec', '.status'])),
    ];
  });
}

function validatePath(field: string, path: string | undefined, roots: readonly string[]): FieldError[] {
  if (!path) return [fieldError.required(field)];
  if (!SIMPLE_PATH.test(path)) {
    return [fieldError.invalid(field, path, 'must be a json path of field names, such as .spec.replicas')];
  }
  return roots.some((root) => path.startsWith(`${root}.`))
    ? []
    : [fieldError.invalid(field, path, `should be a json path under ${roots.join(' or ')}`)];
}
