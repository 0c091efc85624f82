/**
 * Reads what the Go tools wrote into a program about its making (debug/buildinfo of Go, the form since Go 1.18): module
 * lines and build settings. With `-trimpath` Go leaves the linker's flags out.
 */
import type { ByteSource } from '../../delta/byte-source.ts';
import { readElfHeader, readSections, readTexts } from '../../delta/elf.ts';

const magic = '\xff Go buildinf:';
/** Set where the texts follow inline. */
const inlineFlag = 2;
const headerBytes = 32;
/** Go frames the module lines with 16 bytes on either side (cmd/go, modload.ModInfoProg). */
const frameBytes = 16;
const maxBytes = 4 * 1024 * 1024;

/** Lines such as `dep\tgithub.com/k3s-io/k3s\t(devel)`; undefined for what is no such program. */
export function goBuildInfo(program: ByteSource): string | undefined {
  const section = sectionNamed(program, '.go.buildinfo');
  if (section === undefined || section.length > maxBytes || section.offset + section.length > program.length) {
    return undefined;
  }
  const bytes = Buffer.alloc(section.length);
  program.readInto(bytes, section.offset);
  if (bytes.toString('latin1', 0, magic.length) !== magic) return undefined;
  if (((bytes[magic.length + 1] ?? 0) & inlineFlag) === 0) return undefined;
  const version = textAt(bytes, headerBytes);
  const modules = version && textAt(bytes, version.end);
  if (modules === undefined || modules.text.length < 2 * frameBytes) return undefined;
  return modules.text.slice(frameBytes, -frameBytes);
}

function sectionNamed(program: ByteSource, name: string) {
  const header = readElfHeader(program);
  const sections = header && readSections(program, header);
  const names = header && sections?.[header.namesIndex];
  const nameAt = names && readTexts(program, names);
  return nameAt && sections?.find((section) => nameAt(section.name) === name);
}

/** A text behind its length, which is a varint. */
function textAt(bytes: Buffer, offset: number): { readonly text: string; readonly end: number } | undefined {
  let length = 0;
  let at = offset;
  for (let shift = 0; shift < 28; shift += 7) {
    const byte = bytes[at++];
    if (byte === undefined) return undefined;
    length += (byte & 0x7f) * 2 ** shift;
    if (byte < 0x80) {
      const end = at + length;
      return end > bytes.length ? undefined : { text: bytes.toString('latin1', at, end), end };
    }
  }
  return undefined;
}
