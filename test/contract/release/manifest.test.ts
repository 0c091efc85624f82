import { describe, expect, it } from 'vitest';
import { canonicalJson } from '../../../contract/canonical-json.ts';
import { SlipwayError } from '../../../contract/errors.ts';
import { limits } from '../../../contract/limits.ts';
import {
  decodeManifest,
  encodeManifest,
  type ReleaseManifest,
  targetPath,
} from '../../../contract/release/manifest.ts';

const digest = (character: string) => character.repeat(64);

const manifest: ReleaseManifest = {
  schemaVersion: 1,
  product: 'k3s-edge',
  platform: 'linux/arm64',
  version: '1.33.9+k3s1',
  counter: 7,
  floors: [],
  components: [
    {
      name: 'k3s',
      kind: 'binary',
      installPath: 'bin/k3s',
      mode: '0755',
      length: 10,
      sha256: digest('a'),
      blobs: [{ encoding: 'zstd', length: 5, sha256: digest('b') }],
      deltas: [],
    },
  ],
};

function codeOf(value: unknown): string {
  try {
    decodeManifest(canonicalJson(value));
  } catch (error) {
    if (error instanceof SlipwayError) return error.code;
    throw error;
  }
  return 'accepted';
}

/** The manifest with its first component changed. */
function withComponent(change: Record<string, unknown>): unknown {
  return { ...manifest, components: [{ ...manifest.components[0], ...change }] };
}

describe('release.json', () => {
  it('survives being written and read', () => {
    expect(decodeManifest(encodeManifest(manifest).bytes)).toEqual(manifest);
  });

  it('has the same bytes whatever the order of its keys', () => {
    const reversed = Object.fromEntries(Object.entries(manifest).reverse()) as ReleaseManifest;
    expect(encodeManifest(reversed).sha256).toBe(encodeManifest(manifest).sha256);
  });

  it('is named by product, platform and version', () => {
    expect(targetPath(manifest)).toBe('k3s-edge/linux-arm64/1.33.9+k3s1/release.json');
  });

  it('refuses another schema version by a code of its own', () => {
    for (const schemaVersion of [0, 4]) expect(codeOf({ ...manifest, schemaVersion })).toBe('manifest-schema-unknown');
  });

  it.each([
    ['an unknown key', { ...manifest, extra: 1 }],
    ['no component', { ...manifest, components: [] }],
    ['a product that is a TUF role', { ...manifest, product: 'timestamp' }],
    ['a product with a slash', { ...manifest, product: 'a/b' }],
    ['a counter of zero', { ...manifest, counter: 0 }],
    ['a counter beyond 2^53', { ...manifest, counter: 2 ** 53 }],
    ['a counter that nothing can follow', { ...manifest, counter: Number.MAX_SAFE_INTEGER }],
    ['a counter that is a fraction', { ...manifest, counter: 1.5 }],
    ['a component twice', { ...manifest, components: [manifest.components[0], manifest.components[0]] }],
    ['an empty digest', withComponent({ sha256: '' })],
    ['an upper-case digest', withComponent({ sha256: digest('A') })],
    ['a negative length', withComponent({ length: -1 })],
    ['no blob', withComponent({ blobs: [] })],
    [
      'an identity blob of another digest',
      withComponent({ blobs: [{ encoding: 'identity', length: 10, sha256: digest('c') }] }),
    ],
    ['a set-uid mode', withComponent({ mode: '4755' })],
    ['a __proto__ key', JSON.parse('{"__proto__": {"counter": 1}}')],
  ])('refuses %s', (_, value) => {
    expect(codeOf(value)).toBe('manifest-malformed');
  });

  it.each([
    '../k3s',
    '/bin/k3s',
    'bin//k3s',
    'bin/./k3s',
    'bin/..',
    '',
    '.',
    'bin/k3s\0',
    'bin\\k3s',
    'bin/k3ſ',
    'bin/k 3s',
    'release.json',
    'release.json/x',
    'Release.JSON/x/y',
    `${'x'.repeat(300)}/k3s`,
    `bin/${'x'.repeat(256)}`,
    `bin/${'x'.repeat(limits.maxInstallPathBytes)}`,
  ])('refuses the install path %j', (installPath) => {
    expect(codeOf(withComponent({ installPath }))).toBe('manifest-malformed');
  });

  it.each(['bin/release.json', 'release.json5/x', `bin/${'x'.repeat(255)}`])('accepts the install path %j', (path) => {
    expect(codeOf(withComponent({ installPath: path }))).toBe('accepted');
  });

  it.each([
    ['with white space', (text: string) => text.replace('{', '{ ')],
    ['with a line break at its end', (text: string) => `${text}\n`],
    ['with its keys in another order', () => JSON.stringify(Object.fromEntries(Object.entries(manifest).reverse()))],
    ['with a key twice', (text: string) => text.replace('"counter":7', '"counter":8,"counter":7')],
    ['with a number in another form', (text: string) => text.replace('"counter":7', '"counter":7.0')],
    ['with an escape that is not needed', (text: string) => text.replace('k3s-edge', '\\u006b3s-edge')],
  ])('refuses bytes %s, which are another slot than the one that they describe', (_, change) => {
    const text = new TextDecoder().decode(encodeManifest(manifest).bytes);
    const bytes = new TextEncoder().encode(change(text));
    expect(() => decodeManifest(bytes)).toThrow(expect.objectContaining({ code: 'manifest-malformed' }));
  });

  it('is not written where no device would read so many bytes', () => {
    const [first] = manifest.components;
    const delta = {
      encoding: 'zstd',
      length: 1,
      format: 'vcdiff',
      sha256: digest('d'),
      fromSha256: digest('e'),
    } as const;
    const components = Array.from({ length: limits.maxComponents }, (_, index) => ({
      ...(first as NonNullable<typeof first>),
      ...{ name: `c${index}`, installPath: `files/${index}`, deltas: Array.from({ length: 32 }, () => delta) },
    }));
    const write = () => encodeManifest({ ...manifest, components });
    expect(write).toThrow(expect.objectContaining({ code: 'manifest-malformed' }));
  });

  it.each([
    ['that differ only by case', 'bin/K3S'],
    ['of which one lies inside the other', 'bin/k3s/plugin'],
  ])('refuses install paths %s', (_, installPath) => {
    const [first] = manifest.components;
    expect(codeOf({ ...manifest, components: [first, { ...first, name: 'other', installPath }] })).toBe(
      'manifest-malformed',
    );
  });

  it.each([
    ['bytes that are not JSON', '{'],
    ['bytes that are not UTF-8', '\xff'],
    ['ten thousand nested arrays', '['.repeat(10_000)],
  ])('refuses %s', (_, text) => {
    expect(() => decodeManifest(Buffer.from(text, 'latin1'))).toThrowError(
      expect.objectContaining({ code: 'manifest-malformed' }) as Error,
    );
  });

  it('refuses a document over the limit before it parses it', () => {
    expect(() => decodeManifest(new Uint8Array(limits.maxManifestBytes + 1))).toThrowError(
      expect.objectContaining({ code: 'manifest-malformed' }) as Error,
    );
  });
});
