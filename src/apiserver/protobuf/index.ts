import { badRequest } from '../errors.ts';
export function decodeProtobuf(_body: Buffer): unknown {
  throw badRequest('protobuf');
}
