/** Called at each boundary of an operation; crash tests stop the process there. */
export type StepHook = (name: string) => void | Promise<void>;
