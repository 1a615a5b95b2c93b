import { fieldError } from '../../errors.ts';
import type { FieldError } from '../../errors.ts';
import type { CrdNames, CustomResourceDefinition } from '../definition.ts';

const LABEL_1035 = /^[a-z]([-a-z0-9]*[a-z0-9])?$/;
const LABEL_1035_RULE =
  "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and " +
  "end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is " +
  "'[a-z]([-a-z0-9]*[a-z0-9])?')";
const SUBDOMAIN = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;

const APPROVAL = 'api-approved.kubernetes.io';
/** Groups of the Kubernetes project itself, which it wants reviewed. */
const PROTECTED_GROUP = /(^|\.)(k8s|kubernetes)\.io$/;

export function validateNames(crd: CustomResourceDefinition): FieldError[] {
  const { group, names } = crd.spec;
  return [...validateGroup(group, crd), ...validateEachName(names)];
}

/** Of a new definition only: later neither the name nor what it is made of can change. */
export function validateObjectName({
  metadata: { name },
  spec: { group, names },
}: CustomResourceDefinition): FieldError[] {
  if (!names?.plural || !group || name === `${names.plural}.${group}`) return [];
  return [fieldError.invalid('metadata.name', name, 'must be spec.names.plural+"."+spec.group')];
}

function validateGroup(group: string | undefined, { metadata }: CustomResourceDefinition): FieldError[] {
  const field = 'spec.group';
  if (!group) return [fieldError.required(field)];
  if (!SUBDOMAIN.test(group) || group.length > 253) {
    return [fieldError.invalid(field, group, 'must be a lowercase RFC 1123 subdomain such as example.com')];
  }
  if (!group.includes('.')) {
    return [fieldError.invalid(field, group, 'should be a domain with at least one dot')];
  }
  if (!PROTECTED_GROUP.test(group) || metadata.annotations?.[APPROVAL]) return [];
  return [
    fieldError.required(
      `metadata.annotations[${APPROVAL}]`,
      `protected groups must have approval annotation "${APPROVAL}", see https://github.com/kubernetes/enhancements/pull/1111`,
    ),
  ];
}

function validateEachName(names: CrdNames | undefined): FieldError[] {
  const at = 'spec.names';
  const {
    plural,
    singular,
    kind,
    listKind,
    shortNames = [],
    categories = [],
  } = names ?? { plural: '', kind: '' };
  return [
    ...required(`${at}.plural`, plural),
    ...required(`${at}.singular`, singular),
    ...required(`${at}.kind`, kind),
    ...required(`${at}.listKind`, listKind),
    ...label(`${at}.plural`, plural),
    ...label(`${at}.singular`, singular),
    ...mixedCase(`${at}.kind`, kind),
    ...mixedCase(`${at}.listKind`, listKind),
    ...(kind && kind === listKind
      ? [fieldError.invalid(`${at}.listKind`, listKind, 'kind and listKind may not be the same')]
      : []),
    ...shortNames.flatMap((name, i) => label(`${at}.shortNames[${i}]`, name)),
    ...categories.flatMap((name, i) => label(`${at}.categories[${i}]`, name)),
  ];
}

const required = (field: string, value: string | undefined): FieldError[] =>
  value ? [] : [fieldError.required(field)];

export function label(field: string, value: string | undefined): FieldError[] {
  const fault = value === undefined || value === '' ? undefined : labelFault(value);
  return fault ? [fieldError.invalid(field, value, fault)] : [];
}

function mixedCase(field: string, value: string | undefined): FieldError[] {
  const fault = value ? labelFault(value.toLowerCase()) : undefined;
  return fault
    ? [fieldError.invalid(field, value, `may have mixed case, but should otherwise match: ${fault}`)]
    : [];
}

function labelFault(value: string): string | undefined {
  if (value.length > 63) return 'must be no more than 63 bytes';
  return LABEL_1035.test(value) ? undefined : LABEL_1035_RULE;
}
