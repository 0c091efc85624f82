/**
 * Keeps every path of the application with its methods, to tell a wrong method (RFC 9110, 15.5.6) from a wrong address.
 */

export class KnownPaths {
  readonly #methods = new Map<string, Set<string>>();
  readonly #patterns: { readonly matches: RegExp; readonly methods: Set<string> }[] = [];

  /** @param pattern with `:name` for a segment and `*` for the rest, as a route is declared */
  add(pattern: string, methods: readonly string[]): void {
    let known = this.#methods.get(pattern);
    if (!known) {
      known = new Set();
      this.#methods.set(pattern, known);
      const source = pattern
        .split(/(:\w+|\*)/)
        .map((part) =>
          part === '*' ? '.*' : part.startsWith(':') ? '[^/]+' : part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'),
        )
        .join('');
      this.#patterns.push({ matches: new RegExp(`^${source}$`), methods: known });
    }
    for (const method of methods) known.add(method);
  }

  /** @returns empty where no route has the path */
  methodsOf(path: string): string[] {
    return [
      ...new Set(this.#patterns.flatMap(({ matches, methods }) => (matches.test(path) ? [...methods] : []))),
    ].sort();
  }
}
