/**
 * Makes the C source of what tools read in a Go program of K3s or K0s: Go's build info, the version that the linker set,
 * and the name of an embedded asset. The form is that of programs that Go 1.19 built of modules of these names.
 */
import { writeFileSync } from 'node:fs';

export interface GoMarks {
  /** Lines of the build info. */
  readonly lines: readonly string[];
  /** Texts that stand in the program with a zero behind them. */
  readonly texts: readonly string[];
}

/** As scripts/package-cli of K3s builds it: the flags stand in the build info. */
export function marksOfK3s(version: string, payload: string): GoMarks {
  const flags = `-X github.com/k3s-io/k3s/pkg/version.Version=${version} -X github.com/k3s-io/k3s/pkg/version.GitCommit=0`;
  return {
    lines: [
      'path\tcommand-line-arguments',
      'dep\tgithub.com/k3s-io/k3s\t(devel)\t',
      `build\t-ldflags="${flags} -w -s"`,
    ],
    texts: [`data/${payload}.tar.zst`],
  };
}

/** As the Makefile of K0s builds it: -trimpath hides the flags. */
export function marksOfK0s(version: string): GoMarks {
  return {
    lines: ['path\tcommand-line-arguments', 'dep\tgithub.com/k0sproject/k0s\t(devel)\t', 'build\t-trimpath=true'],
    texts: [version, version.replace(/\+.*/, '')],
  };
}

/** Writes a C file to be compiled with the program. */
export function writeMarks(file: string, { lines, texts }: GoMarks): void {
  const info = [...buildInfo(lines)].join();
  const section = '__attribute__((used, section(".go.buildinfo"), aligned(16)))';
  const marks = texts.map((text, i) => `__attribute__((used)) const char text_${i}[] = ${JSON.stringify(text)};`);
  writeFileSync(file, [`${section} unsigned char build_info[] = {${info}};`, ...marks, ''].join('\n'));
}

/** debug/buildinfo of Go: a header of 32 bytes, the version of Go, and the lines between two marks of 16 bytes. */
export function buildInfo(lines: readonly string[]): Buffer {
  const header = Buffer.alloc(32);
  header.write('\xff Go buildinf:', 'latin1');
  header[14] = 8;
  header[15] = 2;
  const frame = Buffer.alloc(16, 0xfe);
  const modules = Buffer.concat([frame, Buffer.from(`${lines.join('\n')}\n`), frame]);
  return Buffer.concat([header, withLength(Buffer.from('go1.24.13')), withLength(modules)]);
}

function withLength(bytes: Buffer): Buffer {
  const length: number[] = [];
  for (let rest = bytes.length; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return Buffer.concat([Buffer.from([...length, rest]), bytes]);
    length.push((rest % 128) + 128);
  }
}
