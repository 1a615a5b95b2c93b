import { fieldError } from '../../errors.ts';
import type { FieldError } from '../../errors.ts';
import type { PrinterColumn } from '../../columns.ts';
import { compileJsonPath } from '../../jsonpath.ts';
import type { CustomResourceDefinition } from '../definition.ts';
import { aspectOf } from './hoisted.ts';

const TYPES = ['boolean', 'date', 'integer', 'number', 'string'];
const FORMATS = ['int32', 'int64', 'float', 'double', 'byte', 'date', 'date-time', 'password'];

/** `additionalPrinterColumns` of every version. */
export function validateColumns({ spec }: CustomResourceDefinition): FieldError[] {
  return aspectOf({ ...spec, versions: spec.versions ?? [] }, 'additionalPrinterColumns').flatMap(
    ({ value = [], path }) => value.flatMap((column, i) => validateColumn(column, `${path}[${i}]`)),
  );
}

function validateColumn({ name, type, format, jsonPath }: PrinterColumn, at: string): FieldError[] {
  return [
    ...(name ? [] : [fieldError.required(`${at}.name`)]),
    ...(type ? [] : [fieldError.required(`${at}.type`, `must be one of ${TYPES.join(',')}`)]),
    ...(type && !TYPES.includes(type)
      ? [fieldError.invalid(`${at}.type`, type, `must be one of ${TYPES.join(',')}`)]
      : []),
    ...(format && !FORMATS.includes(format)
      ? [fieldError.invalid(`${at}.format`, format, `must be one of ${FORMATS.join(',')}`)]
      : []),
    ...(jsonPath ? validatePath(jsonPath, `${at}.jsonPath`) : [fieldError.required(`${at}.jsonPath`)]),
  ];
}

function validatePath(path: string, field: string): FieldError[] {
  if (!path.startsWith('.'))
    return [fieldError.invalid(field, path, 'should be a simple json path starting with .')];
  try {
    compileJsonPath(path);
    return [];
  } catch (error) {
    return [fieldError.invalid(field, path, (error as Error).message)];
  }
}
