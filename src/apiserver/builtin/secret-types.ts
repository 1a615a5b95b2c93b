/** What Secrets of the well-known types must hold: ValidateSecret of Kubernetes. */
import { fieldError } from '../errors.ts';
import type { FieldError } from '../errors.ts';
import { isObject } from '../object.ts';
import type { JsonObject, KubeObject } from '../object.ts';
import { SERVICE_ACCOUNT_TOKEN, tokenSecretErrors } from './token-secret.ts';

export function typedSecretErrors(secret: KubeObject): FieldError[] {
  const data = isObject(secret['data']) ? secret['data'] : {};
  switch (secret['type']) {
    case SERVICE_ACCOUNT_TOKEN:
      return tokenSecretErrors(secret);
    case 'kubernetes.io/dockercfg':
      return jsonErrors(data, '.dockercfg');
    case 'kubernetes.io/dockerconfigjson':
      return jsonErrors(data, '.dockerconfigjson');
    case 'kubernetes.io/basic-auth':
      // Either may be missing, or empty.
      return ['username', 'password'].some((key) => key in data)
        ? []
        : required(data, 'username', 'password');
    case 'kubernetes.io/ssh-auth':
      return data['ssh-privatekey'] ? [] : required({}, 'ssh-privatekey');
    case 'kubernetes.io/tls':
      return required(data, 'tls.crt', 'tls.key');
    default:
      return [];
  }
}

const required = (data: JsonObject, ...keys: string[]): FieldError[] =>
  keys.filter((key) => !(key in data)).map((key) => fieldError.required(`data[${key}]`));

/** What does not parse is not shown: it is secret. */
function jsonErrors(data: JsonObject, key: string): FieldError[] {
  const value = data[key];
  if (typeof value !== 'string') return required({}, key);
  try {
    if (isObject(JSON.parse(Buffer.from(value, 'base64').toString()))) return [];
  } catch {
    // Told below.
  }
  return [fieldError.invalid(`data[${key}]`, '<secret contents redacted>', 'must be a JSON object')];
}
