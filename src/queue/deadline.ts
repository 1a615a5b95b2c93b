/** Waits for the promise, but not longer than the deadline; how it ended is of no interest. */
export async function settledWithin(promise: Promise<unknown>, deadlineMs: number): Promise<void> {
  const { promise: late, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, deadlineMs);
  await Promise.race([promise.catch(() => {}), late]);
  clearTimeout(timer);
}
