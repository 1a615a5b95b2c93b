/** Something happened that never may. */
export class InvariantBroken extends Error {
  override readonly name = 'InvariantBroken';
  readonly invariant: string;

  constructor(invariant: string, story: string) {
    super(`${invariant}: ${story}`);
    this.invariant = invariant;
  }
}
