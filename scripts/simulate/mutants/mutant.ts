export interface Edit {
  file: string;
  /** Text that stands in the file once. */
  from: string;
  to: string;
}

export interface Mutant extends Edit {
  name: string;
  /** Where several guards hold the same promise: what is to be changed besides. */
  also?: readonly Edit[];
  /** Which showed it when it was looked for last: tried first, before all the others. */
  seed?: number;
  /** What it takes to show, as `--aim` has it: seeds that aim at it are tried next. */
  aim?: string;
  /** What must fail, where no simulated world has a part in it, or too few come to what it takes. */
  contract?: ContractTest;
}

/** One test of a contract suite: any other could fail by accident. */
export interface ContractTest {
  /** Its file. */
  suite: string;
  /** Its name or a part of it, without anything that a pattern would take for its own. */
  test: string;
}

/** @returns every change that makes the defect */
export const editsOf = ({ file, from, to, also }: Mutant): Edit[] => [{ file, from, to }, ...(also ?? [])];
