import { text } from './http.ts';
import type { ApiResponse } from './http.ts';

/** True, or what is wrong. */
export type ReadyCheck = () => true | string;

/** `/livez`, `/readyz` and `/healthz`, each with `?verbose` and `?exclude=`. */
export class Health {
  readonly #checks = new Map<string, ReadyCheck>([['ping', () => true]]);
  #closing = false;

  addReadyCheck(name: string, check: ReadyCheck): void {
    this.#checks.set(name, check);
  }

  /** From now on the server is not ready, so that clients go elsewhere. */
  startClosing(): void {
    this.#closing = true;
  }

  answer(path: string, query: URLSearchParams): ApiResponse | undefined {
    const [, endpoint = '', only] = path.split('/');
    if (endpoint !== 'livez' && endpoint !== 'readyz' && endpoint !== 'healthz') return undefined;
    const checks = endpoint === 'livez' ? new Map([['ping', () => true as const]]) : this.#checks;
    const excluded = query.getAll('exclude');
    const results = [...checks]
      .filter(([name]) => !excluded.includes(name) && (only === undefined || only === '' || only === name))
      .map(([name, check]) => [name, check()] as const);
    if (this.#closing && endpoint !== 'livez') results.push(['shutdown', 'the server is shutting down']);
    const failed = results.filter(([, result]) => result !== true);
    const lines = results.map(([name, result]) =>
      result === true ? `[+]${name} ok` : `[-]${name} failed: ${result}`,
    );
    if (failed.length > 0) return text(`${[...lines, `${endpoint} check failed`].join('\n')}\n`, 500);
    return text(query.has('verbose') ? `${[...lines, `${endpoint} check passed`].join('\n')}\n` : 'ok');
  }
}
