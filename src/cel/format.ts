/** The format library of Kubernetes: `format.dns1123Label().validate(text)` gives none, or what is wrong. */
import { Optional } from '@marcbachmann/cel-js';
import type { Environment } from '@marcbachmann/cel-js';

/** `undefined` for a text that fits. */
type Rule = (text: string) => string | undefined;

class Format {
  readonly rule: Rule;

  constructor(rule: Rule) {
    this.rule = rule;
  }
}

class FormatNamespace {}

const matching =
  (pattern: RegExp, what: string, most = Infinity): Rule =>
  (text) => {
    if (text.length > most) return `must be no more than ${most} characters`;
    return pattern.test(text) ? undefined : `must be ${what}`;
  };

const LABEL = '[a-z0-9]([-a-z0-9]*[a-z0-9])?';
const LABEL_1035 = '[a-z]([-a-z0-9]*[a-z0-9])?';
const NAME_PART = '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]';

const RULES: Readonly<Record<string, Rule>> = {
  dns1123Label: matching(new RegExp(`^${LABEL}$`), 'a lowercase RFC 1123 label', 63),
  dns1123LabelPrefix: matching(/^[a-z0-9]([-a-z0-9]*)?$/, 'the beginning of a lowercase RFC 1123 label', 63),
  dns1123Subdomain: matching(new RegExp(`^${LABEL}(\\.${LABEL})*$`), 'a lowercase RFC 1123 subdomain', 253),
  dns1123SubdomainPrefix: matching(
    new RegExp(`^${LABEL}(\\.${LABEL})*[-.]?$`),
    'the beginning of a lowercase RFC 1123 subdomain',
    253,
  ),
  dns1035Label: matching(new RegExp(`^${LABEL_1035}$`), 'a DNS-1035 label', 63),
  dns1035LabelPrefix: matching(/^[a-z]([-a-z0-9]*)?$/, 'the beginning of a DNS-1035 label', 63),
  qualifiedName: matching(
    new RegExp(`^(${LABEL}(\\.${LABEL})*/)?${NAME_PART}$`),
    "a qualified name such as 'example.com/MyName'",
    317,
  ),
  labelValue: matching(new RegExp(`^(${NAME_PART})?$`), 'a label value', 63),
  uri: (text) => (URL.canParse(text) || text.startsWith('/') ? undefined : 'must be a URI'),
  uuid: matching(/^[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}$/i, 'a UUID'),
  byte: matching(/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/, 'base64'),
  date: (text) => (/^\d{4}-\d\d-\d\d$/.test(text) && isTime(text) ? undefined : 'must be a date'),
  datetime: (text) =>
    /^\d{4}-\d\d-\d\d[Tt ]/.test(text) && isTime(text) ? undefined : 'must be a date and time',
};

const isTime = (text: string): boolean => !Number.isNaN(Date.parse(text));

export function registerFormats(environment: Environment): void {
  environment.registerType('Format', { ctor: Format, fields: {} });
  environment.registerType('FormatNamespace', { ctor: FormatNamespace, fields: {} });
  environment.registerConstant('format', 'FormatNamespace', new FormatNamespace());
  for (const [name, rule] of Object.entries(RULES)) {
    environment.registerFunction(`FormatNamespace.${name}(): Format`, () => new Format(rule));
  }
  environment.registerFunction('FormatNamespace.named(string): optional', (_: unknown, name: string) => {
    const rule = Object.hasOwn(RULES, name) ? RULES[name] : undefined;
    return rule ? Optional.of(new Format(rule)) : Optional.none();
  });
  environment.registerFunction('Format.validate(string): optional', ({ rule }: Format, text: string) => {
    const fault = rule(text);
    return fault === undefined ? Optional.none() : Optional.of([fault]);
  });
}
