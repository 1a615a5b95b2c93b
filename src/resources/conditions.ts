/** metav1.Condition. */
export interface Condition {
  type: string;
  status: 'True' | 'False' | 'Unknown';
  reason: string;
  message: string;
  lastTransitionTime: string;
  observedGeneration?: number;
}

/** A condition as a planner wants it; the time of the transition follows from what was there before. */
export type WantedCondition = Omit<Condition, 'lastTransitionTime' | 'observedGeneration'>;

/**
 * Merges wanted conditions into those present: `lastTransitionTime` moves only when `status` changes
 * (Kubernetes API conventions, "Typical status properties").
 */
export function mergeConditions(
  present: readonly Condition[] | undefined,
  wanted: readonly WantedCondition[],
  generation: number,
  nowIso: string,
): Condition[] {
  return wanted.map((condition) => {
    const before = present?.find(({ type }) => type === condition.type);
    const lastTransitionTime = before?.status === condition.status ? before.lastTransitionTime : nowIso;
    return { ...condition, lastTransitionTime, observedGeneration: generation };
  });
}

export const conditionTrue = (object: { status?: { conditions?: Condition[] } }, type: string): boolean =>
  object.status?.conditions?.some((condition) => condition.type === type && condition.status === 'True') ??
  false;

/** The Ready condition's own words, for naming a root cause along a chain of objects. */
export const readyMessage = (object: { status?: { conditions?: Condition[] } }): string =>
  object.status?.conditions?.find(({ type }) => type === 'Ready')?.message ?? 'not looked at yet';

/** The Ready condition's reason: what the last look at the object had found. */
export const readyReason = (object: { status?: { conditions?: Condition[] } }): string | undefined =>
  object.status?.conditions?.find(({ type }) => type === 'Ready')?.reason;
