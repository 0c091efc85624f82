/**
 * Decodes text that people wrote as UTF-8, or refuses it: a byte that is replaced would be packed as something else.
 */
import { DocumentError } from '../../system/documents/document.ts';

/**
 * A byte order mark at the start says only what every text is anyway, so it is left out.
 * @param file the name used in messages
 * @throws DocumentError (`document-invalid`) with line and column of the first byte that is no UTF-8, or of the first
 *   control character, which YAML has no place for (YAML 1.2, 5.1)
 */
export function decodeText(bytes: Uint8Array, file: string): string {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw problem(file, firstBroken(bytes), `expected UTF-8, found ${nameOfEncoding(bytes)}`);
  }
  const control = /(?![\t\n\r\u0085])[\p{Cc}\ufffe\uffff]/u.exec(text);
  if (control === null) return text;
  const code = control[0].charCodeAt(0).toString(16).toUpperCase().padStart(4, '0');
  throw problem(
    file,
    positionAfter(text.slice(0, control.index)),
    `the control character U+${code} is not allowed in YAML`,
  );
}

function firstBroken(bytes: Uint8Array): { line: number; column: number } {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  const before: string[] = [];
  try {
    for (let at = 0; at < bytes.length; at++) before.push(decoder.decode(bytes.subarray(at, at + 1), { stream: true }));
  } catch {
    // The byte that cannot follow: what came before it is the place.
  }
  return positionAfter(before.join(''));
}

function nameOfEncoding(bytes: Uint8Array): string {
  const mark = (bytes[0] ?? 0) * 256 + (bytes[1] ?? 0);
  if (mark === 0xfffe || mark === 0xfeff) return 'UTF-16; save the file as UTF-8';
  return 'a byte of another encoding, such as Latin-1; save the file as UTF-8';
}

function positionAfter(before: string): { line: number; column: number } {
  const start = before.lastIndexOf('\n') + 1;
  return { line: before.split('\n').length, column: before.length - start + 1 };
}

function problem(file: string, place: { line: number; column: number }, message: string): DocumentError {
  return new DocumentError(file, [{ ...place, path: '', message }]);
}
