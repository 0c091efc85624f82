/** Permits as a distributor signs them, and every way to forge one. */
import type { Permit, SignedPermit } from '../../contract/trust/permit.ts';
import { permitBytes } from '../../contract/trust/permit.ts';
import type { SigningKey } from '../../system/signing/signing-key.ts';

/** @param keys each signs once, in this order */
export function signPermit(permit: Permit, ...keys: readonly SigningKey[]): SignedPermit {
  const bytes = permitBytes(permit);
  return {
    signed: permit,
    signatures: keys.map((key) => ({ keyid: key.keyId, sig: key.sign(bytes).sig })),
  };
}

/** The permit with one bit of its JSON text changed, for every bit; undefined where the text is no JSON any more. */
export function* bitFlips(permit: SignedPermit): Generator<{ readonly at: number; readonly value: unknown }> {
  const text = Buffer.from(JSON.stringify(permit));
  for (let at = 0; at < text.length * 8; at++) {
    const flipped = Buffer.from(text);
    const byte = at >> 3;
    flipped.writeUInt8(flipped.readUInt8(byte) ^ (1 << (at & 7)), byte);
    try {
      yield { at, value: JSON.parse(flipped.toString('utf8')) };
    } catch {
      // A transport delivers no such answer.
    }
  }
}
