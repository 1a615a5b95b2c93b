/** RFC 3339 in whole seconds, in UTC: how Kubernetes writes times (metav1.Time). */
export const timestamp = (at: Date): string => `${at.toISOString().slice(0, 19)}Z`;
