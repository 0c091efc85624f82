/** Real bundles of Sigstore, and who signed them. See vectors/README.md. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { type ExpectedSigner, parseCosignKey } from '../../../packager/upstream/cosign-bundle.ts';

export function vectorFile(name: string): string {
  return path.join(import.meta.dirname, 'vectors', name);
}

export const vector = (name: string): Buffer => readFileSync(vectorFile(name));
export const bundleVector = (name: string): Buffer => vector(`${name}.sigstore.json`);

export const beacon: ExpectedSigner = {
  kind: 'identity',
  identity:
    'https://github.com/sigstore-conformance/extremely-dangerous-public-oidc-beacon/.github/workflows/extremely-dangerous-oidc-beacon.yml@refs/heads/main',
  issuer: 'https://token.actions.githubusercontent.com',
};
export const managed: ExpectedSigner = {
  kind: 'key',
  key: parseCosignKey(vector('managed-key.pub'), 'managed-key.pub'),
};
