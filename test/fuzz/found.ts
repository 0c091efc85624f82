/** Keeps the inputs that a parser once did not withstand: its name, and the bytes in Base64. */
export const found: readonly (readonly [parser: string, base64: string])[] = [];
