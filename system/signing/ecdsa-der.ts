/** Writes a signature of ECDSA P-256 in the form that TUF takes (RFC 3279, 2.2.3), from the two numbers of IEEE P1363. */

/** @param pair 64 bytes: r, then s */
export function ecdsaDer(pair: Uint8Array): Uint8Array {
  const numbers = [integer(pair.subarray(0, 32)), integer(pair.subarray(32))].flat();
  return Uint8Array.from([0x30, numbers.length, ...numbers]);
}

/** As short as it can be, and not negative. */
function integer(bytes: Uint8Array): number[] {
  const first = bytes.findIndex((byte) => byte !== 0);
  const digits = [...bytes.subarray(first === -1 ? bytes.length - 1 : first)];
  const padded = (digits[0] ?? 0) > 0x7f ? [0, ...digits] : digits;
  return [0x02, padded.length, ...padded];
}
