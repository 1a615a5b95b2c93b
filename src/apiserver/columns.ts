import { age } from './duration.ts';
import { compileJsonPath } from './jsonpath.ts';
import type { KubeObject } from './object.ts';
import type { TableColumn } from './resource.ts';

/** `additionalPrinterColumns` of a CustomResourceDefinition. */
export interface PrinterColumn {
  name: string;
  type: string;
  jsonPath: string;
  format?: string;
  description?: string;
  priority?: number;
}

const COLUMN_TYPES = ['string', 'integer', 'number', 'boolean', 'date'] as const;

const NAME_COLUMN: TableColumn = {
  name: 'Name',
  type: 'string',
  format: 'name',
  description: 'Name must be unique within a namespace.',
  priority: 0,
  cell: (object) => object.metadata.name,
};

const AGE: PrinterColumn = {
  name: 'Age',
  type: 'date',
  jsonPath: '.metadata.creationTimestamp',
  description: 'Time since the object was created.',
};

/** The table columns of a resource: its name, then the printer columns, or the age where there are none. */
export function tableColumns(columns: readonly PrinterColumn[] | undefined): TableColumn[] {
  return [NAME_COLUMN, ...(columns?.length ? columns : [AGE]).map(printerColumn)];
}

export function printerColumn(column: PrinterColumn): TableColumn {
  const type = COLUMN_TYPES.find((known) => known === column.type) ?? 'string';
  const find = compileJsonPath(column.jsonPath);
  return {
    name: column.name,
    type,
    ...(column.format && { format: column.format }),
    description: column.description ?? '',
    priority: column.priority ?? 0,
    cell: (object, now) => cellOf(find(object)[0], type, now),
  };
}

/** A column computed by code, for built-ins. */
export function computedColumn(
  name: string,
  cell: (object: KubeObject, now: Date) => unknown,
  { type = 'string', priority = 0, description = '' }: Partial<Omit<TableColumn, 'name' | 'cell'>> = {},
): TableColumn {
  return { name, type, priority, description, cell };
}

export const nameColumn = NAME_COLUMN;
/** In tables of built-ins every column is text, as they are computed. */
export const ageColumn: TableColumn = { ...printerColumn(AGE), type: 'string' };

function cellOf(value: unknown, type: TableColumn['type'], now: Date): unknown {
  switch (type) {
    case 'date':
      return age(value, now);
    case 'integer':
      return typeof value === 'number' ? Math.trunc(value) : null;
    case 'number':
      return typeof value === 'number' ? value : null;
    case 'boolean':
      return typeof value === 'boolean' ? value : null;
    case 'string':
      if (value === undefined || value === null) return null;
      return typeof value === 'object' ? JSON.stringify(value) : String(value as string | number | boolean);
  }
}
