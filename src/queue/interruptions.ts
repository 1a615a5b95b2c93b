/** Why the signal of work on an order aborted: the lock of its job was lost, or may have been. */
export class LockLost extends Error {
  override readonly name = 'LockLost';
  constructor() {
    super('the lock of this job in the queue was lost or could not be confirmed any more');
  }
}

/** The worker is being closed. */
export class WorkerClosing extends Error {
  override readonly name = 'WorkerClosing';
}
