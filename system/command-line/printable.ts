/** Makes text that others wrote fit for a terminal: control characters could draw over what stands there. */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}]+/gu, ' ');
}
