/**
 * Reads from a binary whether it is K3s or K0s, which version, and the payload of K3s. Both are Go programs whose version
 * the linker sets: `-X github.com/k3s-io/k3s/pkg/version.Version=v1.33.9+k3s1` (scripts/package-cli of K3s), `-X
 * github.com/k0sproject/k0s/pkg/build.Version=…` (Makefile of K0s, which hides its flags with -trimpath).
 */
import type { DistributionName } from '../../contract/release/distribution.ts';
import { type Version, versionSchema } from '../../contract/release/version.ts';
import { elfLength } from '../../delta/elf.ts';
import { FileRange, type FileSource, openArtifactFile } from '../../delta/make/file-source.ts';
import { goBuildInfo } from './go-build-info.ts';

/** What a binary tells of itself. */
export interface ReadDistribution {
  readonly name: DistributionName;
  /** Without its `v`. */
  readonly version: Version | undefined;
  readonly payload: string | undefined;
}

interface Maker {
  readonly name: DistributionName;
  /** The module now, and before. */
  readonly modules: readonly string[];
  readonly variable: string;
  /** Part of every version of it. */
  readonly mark: string;
}

const makers: readonly Maker[] = [
  {
    ...{ name: 'k3s', modules: ['github.com/k3s-io/k3s', 'github.com/rancher/k3s'] },
    ...{ variable: 'pkg/version.Version', mark: '+k3s' },
  },
  { name: 'k0s', modules: ['github.com/k0sproject/k0s'], variable: 'pkg/build.Version', mark: '+k0s' },
];

/** @returns undefined for every other program, also one that only uses code of K3s or K0s */
export function readDistribution(path: string): ReadDistribution | undefined {
  using file = openArtifactFile(path);
  const info = goBuildInfo(file);
  if (info === undefined) return undefined;
  for (const maker of makers) {
    const flagged = versionInFlags(info, maker);
    if (flagged === undefined && !isOwnModule(info, maker)) continue;
    // Others are built of K3s' modules and set its version to their own, such as RKE2.
    if (flagged !== undefined && !flagged.includes(maker.mark)) continue;
    return {
      name: maker.name,
      version: bare(flagged ?? onlyOne(textsIn(file, maker.mark, versionBehind(maker.mark)))),
      payload: maker.name === 'k3s' ? onlyOne(textsIn(file, '.tar.zst', /[0-9a-f]{64}(?=\.tar\.zst)/g)) : undefined,
    };
  }
  return undefined;
}

/** Of `-X module/variable=…`; the flags stand there as one quoted text. */
function versionInFlags(info: string, { modules, variable }: Maker): string | undefined {
  for (const module of modules) {
    const [, after] = info.split(`${module}/${variable}=`, 2);
    const version = after === undefined ? undefined : /^[^\s"'\\]+/.exec(after)?.[0];
    if (version !== undefined) return version;
  }
  return undefined;
}

/** True where the program was built inside the module, and not with it. */
function isOwnModule(info: string, { modules }: Maker): boolean {
  return modules.some((module) => info.split('\n').some((line) => /^(mod|dep)\t/.test(line) && isDevel(line, module)));
}

function isDevel(line: string, module: string): boolean {
  const [, name, version] = line.split('\t');
  return name === module && version === '(devel)';
}

/** The linker ends the text of `-X` with a zero (cmd/link, addstrdata), as Go's own texts are not. */
function versionBehind(mark: string): RegExp {
  const [sign, word] = ['\\+', mark.slice(1)];
  return new RegExp(`v\\d+\\.\\d+\\.\\d+(?:-[0-9A-Za-z.-]+)?${sign}${word}[0-9A-Za-z.-]*(?=\\0)`, 'g');
}

function bare(version: string | undefined): Version | undefined {
  const parsed = versionSchema.safeParse(version?.replace(/^v/, ''));
  return parsed.success ? parsed.data : undefined;
}

function onlyOne(texts: ReadonlySet<string>): string | undefined {
  return texts.size === 1 ? [...texts][0] : undefined;
}

const chunkBytes = 1024 * 1024;
/** More than any text that is looked for has on either side of its mark. */
const marginBytes = 192;

/** Distinct texts around `mark` in the program itself: K0s appends what it brings to the program. */
function textsIn(file: FileSource, mark: string, pattern: RegExp): ReadonlySet<string> {
  const found = new Set<string>();
  const program = new FileRange(file, 0, elfLength(file) ?? file.length);
  for (let offset = 0; offset < program.length; offset += chunkBytes) {
    const bytes = program.read(offset, chunkBytes + marginBytes);
    for (let at = bytes.indexOf(mark); at >= 0 && at < chunkBytes; at = bytes.indexOf(mark, at + 1)) {
      const around = program.read(Math.max(0, offset + at - marginBytes), 2 * marginBytes).toString('latin1');
      for (const [text] of around.matchAll(pattern)) found.add(text);
    }
  }
  return found;
}
