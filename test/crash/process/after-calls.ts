/** The same port; what each call of one method resolves with is told before its caller hears of it. */
export const afterCalls = <Port extends object>(
  port: Port,
  name: string,
  tell: (result: unknown) => void,
): Port =>
  new Proxy(port, {
    get: (target, property): unknown => {
      const member: unknown = Reflect.get(target, property, target);
      if (typeof member !== 'function') return member;
      const method = (member as (...args: unknown[]) => unknown).bind(target);
      if (property !== name) return method;
      return async (...args: unknown[]): Promise<unknown> => {
        const result = await method(...args);
        tell(result);
        return result;
      };
    },
  });
