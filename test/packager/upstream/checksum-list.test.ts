import { expect, it } from 'vitest';
import { parseChecksums } from '../../../packager/upstream/checksum-list.ts';

const [one, two] = ['1'.repeat(64), 'ab'.repeat(32)];
const read = (text: string) => [...parseChecksums(Buffer.from(text), 'list')];

it.each([
  ['of K3s', `${one}  k3s\n${two}  k3s-airgap-images-amd64.tar.zst\n`],
  ['of K0s, in binary mode', `${one} *k3s\n${two} *k3s-airgap-images-amd64.tar.zst\n`],
  [
    'with line ends of Windows, capitals and an empty last line',
    `${one}  k3s\r\n${two.toUpperCase()}  ./k3s-airgap-images-amd64.tar.zst\r\n\r\n`,
  ],
])('reads a list %s', (_what, text) => {
  expect(read(text)).toEqual([
    ['k3s', one],
    ['k3s-airgap-images-amd64.tar.zst', two],
  ]);
});

it.each([
  ['an HTML page', '<!DOCTYPE html>\n'],
  ['a line without a name', `${one}\n`],
  ['a digest that is too short', `${one.slice(1)}  k3s\n`],
  ['a digest of another algorithm', `${one}${one}  k3s\n`],
  ['one blank alone', `${one} k3s\n`],
  ['a name twice with two digests', `${one}  k3s\n${two}  k3s\n`],
  ['a name twice, once behind ./', `${one}  k3s\n${two}  ./k3s\n`],
  ['nothing', '\n\n'],
])('refuses %s', (_what, text) => {
  expect(() => read(text)).toThrow(expect.objectContaining({ code: 'attachment-malformed' }));
});

it('takes a name that stands there twice with one digest', () => {
  expect(read(`${one}  k3s\n${one}  k3s\n`)).toEqual([['k3s', one]]);
});

it('refuses bytes that are no UTF-8, and more than a list has', () => {
  for (const bytes of [Buffer.from([0xff, 0xfe]), Buffer.alloc(1024 * 1024 + 1, 0x20)]) {
    expect(() => parseChecksums(bytes, 'list')).toThrow(expect.objectContaining({ code: 'attachment-malformed' }));
  }
});
