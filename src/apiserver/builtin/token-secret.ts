import { fieldError } from '../errors.ts';
import type { FieldError } from '../errors.ts';
import type { KubeObject } from '../object.ts';

export const SERVICE_ACCOUNT_TOKEN = 'kubernetes.io/service-account-token';

const NAME = 'kubernetes.io/service-account.name';

/** The ServiceAccount whose token a Secret holds; the UID is empty until it is known. */
export function accountOf({ metadata: { annotations = {} } }: KubeObject): { name: string; uid: string } {
  return { name: annotations[NAME] ?? '', uid: annotations['kubernetes.io/service-account.uid'] ?? '' };
}

/** Such a Secret must say whose token it is to hold. */
export function tokenSecretErrors(secret: KubeObject): FieldError[] {
  return accountOf(secret).name ? [] : [fieldError.required(`metadata.annotations[${NAME}]`)];
}
