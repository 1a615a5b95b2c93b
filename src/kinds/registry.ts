import type { KindDefinition } from '../plan/kind.ts';
import { disk } from './disk/index.ts';
import { host } from './host/index.ts';
import { image } from './image/index.ts';
import { ipaddress } from './ipaddress/index.ts';
import { machine } from './machine/index.ts';
import { placement } from './placement/index.ts';
import { subnet } from './subnet/index.ts';

/** Every kind that the loop drives; a new kind is one entry here (docs/adding-a-kind.md). */
export const kinds: readonly KindDefinition[] = [
  host,
  image,
  disk,
  subnet,
  ipaddress,
  placement,
  machine,
].map((definition) => definition as unknown as KindDefinition);
