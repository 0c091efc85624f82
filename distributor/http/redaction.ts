/** Keeps tokens out of logs, wherever a client put one: in a query, in a path, in a field other than Authorization. */

/** The underscore may come as an escape of a URL. */
const tokenPattern = /slp(?:_|%5f)(enrol|device|operator|ci)(?:_|%5f)[A-Za-z0-9_%-]{16,}/gi;

export function withoutTokens(text: string): string {
  return /slp[_%]/i.test(text) ? text.replace(tokenPattern, 'slp_$1_(removed)') : text;
}
