/**
 * Stops a device at an exact call of its ports: as a kill before or after the call, or as a call that fails. After a
 * kill nothing works any more, as in a process that is gone.
 */
import { SlipwayError } from '../../contract/errors.ts';

export type InterruptionMode = 'killed before' | 'killed after' | 'fails';

export class Killed extends Error {
  override readonly name = 'Killed';
}

export class Interruption {
  /** Calls so far, by name. */
  readonly calls: string[] = [];
  readonly #at: number;
  readonly #mode: InterruptionMode;
  #isDead = false;

  /** @param at 1 for the first call, 0 for never */
  constructor(at: number, mode: InterruptionMode) {
    this.#at = at;
    this.#mode = mode;
  }

  get hasHappened(): boolean {
    return this.#at > 0 && this.calls.length >= this.#at;
  }

  /** `port` with these methods counted and interrupted; all others pass. */
  watch<T extends object>(name: string, port: T, methods: readonly (keyof T & string)[]): T {
    return new Proxy(port, {
      get: (target, property) => {
        const value: unknown = Reflect.get(target, property, target);
        if (typeof value !== 'function') return value;
        const call = value.bind(target) as (...args: unknown[]) => unknown;
        if (!methods.includes(property as keyof T & string)) return call;
        return (...args: unknown[]) => this.#run(`${name}.${String(property)}`, () => call(...args));
      },
    });
  }

  #run(name: string, call: () => unknown): unknown {
    if (this.#isDead) throw new Killed(name);
    this.calls.push(name);
    if (this.calls.length !== this.#at) return call();
    if (this.#mode === 'fails') throw new SlipwayError('io-error', `${name} was made to fail`);
    if (this.#mode === 'killed before') return this.#die(name);
    const result = call();
    if (result instanceof Promise) return result.then(() => this.#die(name));
    return this.#die(name);
  }

  #die(name: string): never {
    this.#isDead = true;
    throw new Killed(name);
  }
}
