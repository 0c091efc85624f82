/** Reads JSON from bytes that have to be UTF-8 (RFC 8259, 8.1): what is no text becomes no other text. */

/** @throws TypeError for bytes that are no UTF-8, SyntaxError for a text that is no JSON */
export function strictJson(bytes: Uint8Array | undefined): unknown {
  return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
}
