/**
 * Settles what a release says of its K3s or K0s: what release.yaml states and what the binary tells have to agree, and
 * either fills what the other leaves open.
 */
import { SlipwayError } from '../../contract/errors.ts';
import type { ReleaseDistribution } from '../../contract/release/distribution.ts';
import { compareVersions } from '../../contract/release/version.ts';
import type { ReleaseDeclaration, StatedDistribution } from './declaration.ts';
import type { ReadDistribution } from './read-distribution.ts';

type Readings = ReadonlyMap<string, ReadDistribution>;

/**
 * @param read what each binary tells, by the name of its component
 * @param say one line for people
 * @returns undefined for a release without K3s or K0s
 * @throws SlipwayError `distribution-contradicted`, `document-invalid`
 */
export function settleDistribution(
  declaration: ReleaseDeclaration,
  read: Readings,
  say: (line: string) => void,
): ReleaseDistribution | undefined {
  const { distribution: stated } = declaration;
  if (stated === 'none' || (stated === undefined && read.size === 0)) return undefined;
  const component = componentOf(declaration, stated, read);
  const told = read.get(component);
  const name = agreed('name', component, stated?.name, told?.name);
  const version = agreed('version', component, stated?.version?.replace(/^v/, ''), told?.version);
  const payload = agreed('payload', component, stated?.payload, told?.payload);
  if (name === undefined || version === undefined) {
    const missing = name === undefined ? 'name' : 'version';
    if (stated === undefined) {
      say(`${component}: it is ${told?.name}, but its version cannot be read; state distribution.version`);
      return undefined;
    }
    throw invalid(`distribution.${missing}: cannot be read from ${component}`, `State distribution.${missing}.`);
  }
  if (/\+k[03]s/.test(declaration.version) && compareVersions(declaration.version, version) !== 0) {
    say(`${component}: it is ${version}, and the release is called ${declaration.version}`);
  }
  return { name, version, component, ...(payload === undefined ? {} : { payload }) };
}

function componentOf(
  { components }: ReleaseDeclaration,
  stated: StatedDistribution | undefined,
  read: Readings,
): string {
  if (stated?.component !== undefined) return stated.component;
  const binaries = components.filter(({ kind }) => kind === 'binary').map(({ name }) => name);
  const candidates = read.size > 0 ? [...read.keys()] : binaries;
  if (candidates.length === 1) return candidates[0] as string;
  throw invalid(
    `distribution.component: expected one binary of K3s or K0s, found ${candidates.join(' and ') || 'none'}`,
    'State distribution.component, or distribution: none.',
  );
}

function agreed<T extends string>(
  member: string,
  component: string,
  stated: T | undefined,
  told: T | undefined,
): T | undefined {
  if (stated !== undefined && told !== undefined && stated !== told) {
    throw new SlipwayError(
      'distribution-contradicted',
      `distribution.${member} is stated as ${stated}, but ${component} says ${told}`,
      { hint: `Correct or leave out distribution.${member} in release.yaml, or take the right binary.` },
    );
  }
  return stated ?? told;
}

function invalid(message: string, hint: string): SlipwayError {
  return new SlipwayError('document-invalid', message, { hint });
}
