/** Where Purlin's server means to answer otherwise than a genuine one, and why. */
interface Meant {
  /** Every one, if it is left out. */
  readonly scenario?: string;
  readonly step?: string;
  /** Of the field that differs; those below it are meant too. */
  readonly path: string;
  readonly reason: string;
}

export const DIFFERENCES: readonly Meant[] = [];

export const isMeant = (scenario: string, step: string, path: string): boolean =>
  DIFFERENCES.some(
    (meant) =>
      (meant.scenario ?? scenario) === scenario &&
      (meant.step ?? step) === step &&
      (path === meant.path || path.startsWith(`${meant.path}.`)),
  );
