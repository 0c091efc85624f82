import { expect, it } from 'vitest';
import { readSbom } from '../../../packager/attachments/sbom.ts';

const cycloneDx = {
  bomFormat: 'CycloneDX',
  specVersion: '1.6',
  version: 1,
  components: [
    { type: 'library', name: 'github.com/k3s-io/kine', components: [{ type: 'library', name: 'inner' }] },
    { type: 'library', name: 'runc' },
  ],
};
const spdx = {
  ...{ spdxVersion: 'SPDX-2.3', SPDXID: 'SPDXRef-DOCUMENT', dataLicense: 'CC0-1.0', name: 'k3s' },
  documentNamespace: 'https://example.com/k3s',
  creationInfo: { created: '2026-11-01T00:00:00Z', creators: ['Tool: syft-1.0'] },
  packages: [{ SPDXID: 'SPDXRef-1', name: 'kine' }],
};
const read = (value: unknown) => readSbom(Buffer.from(JSON.stringify(value)), 'sbom.json');

it.each(['1.4', '1.5', '1.6'])('reads CycloneDX %s, with the components inside others', (specVersion) => {
  expect(read({ ...cycloneDx, specVersion })).toEqual({
    ...{ format: 'CycloneDX', version: specVersion, components: 3 },
    mediaType: `application/vnd.cyclonedx+json; version=${specVersion}`,
  });
});

it('reads SPDX 2.3', () => {
  expect(read(spdx)).toEqual({ format: 'SPDX', version: '2.3', mediaType: 'application/spdx+json', components: 1 });
});

it('counts components that lie deeper than any stack', () => {
  const depth = 3000;
  const open = '{"type":"library","name":"x","components":[';
  const text = `{"bomFormat":"CycloneDX","specVersion":"1.6","components":[${open.repeat(depth)}${']}'.repeat(depth)}]}`;
  expect(readSbom(Buffer.from(text), 'sbom.json').components).toBe(depth);
});

it.each([
  ['CycloneDX of a version that is not known', { ...cycloneDx, specVersion: '2.0' }],
  ['a component without a name', { ...cycloneDx, components: [{ type: 'library' }] }],
  ['components that are no list', { ...cycloneDx, components: {} }],
  ['SPDX 3', { ...spdx, spdxVersion: 'SPDX-3.0' }],
  ['SPDX without its creators', { ...spdx, creationInfo: { created: 'x', creators: [] } }],
  ['another document', { name: 'package.json' }],
  ['a list', []],
])('refuses %s', (_what, value) => {
  expect(() => read(value)).toThrow(expect.objectContaining({ code: 'attachment-malformed' }));
});

it('refuses what is no JSON', () => {
  expect(() => readSbom(Buffer.from('<bom/>'), 'sbom.xml')).toThrow(/it is not JSON/);
});
