/** Keeps tokens out of logs, wherever a client put one: in a query, in a path, in a field other than Authorization. */

/** The underscore may come as an escape of a URL. */
const tokenPattern = /slp(?:_|%5f)(enrol|device|operator|ci)(?:_|%5f)[A-Za-z0-9_%-]{16,}/gi;

/** Of a link; see signed-link.ts. */
const linkPattern = /([?&]signature=)[\w-]{20,}/g;
/** A signed JWT: its head begins with `{"`. */
const personBearerPattern = /eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*/g;

export function withoutTokens(text: string): string {
  let plain = /slp[_%]/i.test(text) ? text.replace(tokenPattern, 'slp_$1_(removed)') : text;
  if (plain.includes('signature=')) plain = plain.replace(linkPattern, '$1(removed)');
  return plain.includes('eyJ') ? plain.replace(personBearerPattern, 'eyJ(removed)') : plain;
}
