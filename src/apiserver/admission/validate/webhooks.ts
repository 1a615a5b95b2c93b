/** What a configuration of webhooks may say: pkg/apis/admissionregistration/validation of Kubernetes. */
import { labelSelectorErrors } from '../../authz/label-selector.ts';
import { fieldError } from '../../errors.ts';
import type { FieldError } from '../../errors.ts';
import { subdomainFault } from '../../schema/metadata.ts';
import type { Webhook } from '../spec.ts';
import { conditionErrors, failurePolicyErrors, matchPolicyErrors, ruleErrors } from './match.ts';

const SIDE_EFFECTS = ['None', 'NoneOnDryRun'];
const REINVOCATION = ['IfNeeded', 'Never'];
const FORM = '; desired format: https://host[/path]';

export function webhookErrors(webhooks: readonly Webhook[]): FieldError[] {
  const names = webhooks.map(({ name }) => name);
  return webhooks.flatMap((webhook, i) => {
    const path = `webhooks[${i}]`;
    const { name = '' } = webhook;
    const again = name !== '' && names.indexOf(name) < i;
    return [
      ...oneWebhookErrors(webhook, path),
      ...versionErrors(webhook.admissionReviewVersions ?? [], `${path}.admissionReviewVersions`),
      ...(again ? [fieldError.duplicate(`${path}.name`, name)] : []),
    ];
  });
}

function oneWebhookErrors(webhook: Webhook, path: string): FieldError[] {
  const { rules = [], sideEffects, timeoutSeconds, reinvocationPolicy } = webhook;
  return [
    ...nameErrors(webhook.name ?? '', `${path}.name`),
    ...rules.flatMap((rule, i) => ruleErrors(rule, `${path}.rules[${i}]`)),
    ...failurePolicyErrors(webhook.failurePolicy, `${path}.failurePolicy`),
    ...matchPolicyErrors(webhook.matchPolicy, `${path}.matchPolicy`),
    ...(sideEffects === undefined
      ? [fieldError.required(`${path}.sideEffects`, `must specify one of ${SIDE_EFFECTS.join(', ')}`)]
      : SIDE_EFFECTS.includes(sideEffects)
        ? []
        : [fieldError.notSupported(`${path}.sideEffects`, sideEffects, SIDE_EFFECTS)]),
    ...(timeoutSeconds !== undefined && (timeoutSeconds < 1 || timeoutSeconds > 30)
      ? [
          fieldError.invalid(
            `${path}.timeoutSeconds`,
            timeoutSeconds,
            'the timeout value must be between 1 and 30 seconds',
          ),
        ]
      : []),
    ...labelSelectorErrors(webhook.namespaceSelector ?? {}, `${path}.namespaceSelector`),
    ...labelSelectorErrors(webhook.objectSelector ?? {}, `${path}.objectSelector`),
    ...(reinvocationPolicy !== undefined && !REINVOCATION.includes(reinvocationPolicy)
      ? [fieldError.notSupported(`${path}.reinvocationPolicy`, reinvocationPolicy, REINVOCATION)]
      : []),
    ...clientErrors(webhook.clientConfig ?? {}, `${path}.clientConfig`),
    ...conditionErrors(webhook.matchConditions ?? [], 'absent', `${path}.matchConditions`),
  ];
}

function nameErrors(name: string, path: string): FieldError[] {
  if (name === '') return [fieldError.required(path)];
  const malformed = subdomainFault(name);
  if (malformed) return [fieldError.invalid(path, name, malformed)];
  const why = 'should be a domain with at least three segments separated by dots';
  return name.split('.').length < 3 ? [fieldError.invalid(path, name, why)] : [];
}

function versionErrors(versions: readonly string[], path: string): FieldError[] {
  if (versions.length === 0) return [fieldError.required(path, 'must specify one of v1, v1beta1')];
  const errors = versions.flatMap((version, i) =>
    versions.indexOf(version) < i ? [fieldError.invalid(`${path}[${i}]`, version, 'duplicate version')] : [],
  );
  if (versions.includes('v1')) return errors;
  // The older version is long gone from webhooks; this server does not speak it.
  return [...errors, fieldError.invalid(path, versions, 'must include at least one of v1')];
}

/** A Service has an address in a cluster only; here there are none. */
function clientErrors(
  { url, service, caBundle }: NonNullable<Webhook['clientConfig']>,
  path: string,
): FieldError[] {
  if ((url === undefined) === (service === undefined)) {
    return [fieldError.required(path, 'exactly one of url or service is required')];
  }
  if (service) {
    const why =
      'this server has no Services: set url to https://host:port/path, and caBundle to what vouches for it';
    return [fieldError.forbidden(`${path}.service`, why)];
  }
  return [...urlErrors(url ?? '', `${path}.url`), ...bundleErrors(caBundle, `${path}.caBundle`)];
}

function urlErrors(text: string, path: string): FieldError[] {
  const url = URL.parse(text);
  if (!url) return [fieldError.invalid(path, text, `url must be a valid URL${FORM}`)];
  const errors: FieldError[] = [];
  if (url.protocol !== 'https:') {
    const why = `'https' is the only allowed URL scheme${FORM}`;
    errors.push(fieldError.invalid(path, url.protocol.replace(/:$/, ''), why));
  }
  if (url.host === '') errors.push(fieldError.invalid(path, url.host, `host must be specified${FORM}`));
  if (url.username || url.password) {
    errors.push(fieldError.invalid(path, url.username, 'user information is not permitted in the URL'));
  }
  if (url.hash)
    errors.push(fieldError.invalid(path, url.hash.slice(1), 'fragments are not permitted in the URL'));
  if (url.search) {
    errors.push(
      fieldError.invalid(path, url.search.slice(1), 'query parameters are not permitted in the URL'),
    );
  }
  return errors;
}

function bundleErrors(caBundle: string | undefined, path: string): FieldError[] {
  if (!caBundle) return [];
  const pem = Buffer.from(caBundle, 'base64').toString();
  const why = 'unable to load root certificates: unable to parse bytes as PEM block';
  return pem.includes('-----BEGIN CERTIFICATE-----') ? [] : [fieldError.invalid(path, caBundle, why)];
}
