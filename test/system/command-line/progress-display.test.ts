import { PassThrough } from 'node:stream';
import { expect, it } from 'vitest';
import { ProgressDisplay } from '../../../system/command-line/progress-display.ts';

const MiB = 1024 * 1024;

/** A display whose stream is kept as text. */
function opened(isTTY: boolean) {
  const stream = Object.assign(new PassThrough(), { isTTY, columns: 80 });
  return { display: new ProgressDisplay(stream), text: () => String(stream.read() ?? '') };
}

it('is a bar on a terminal, under the label of the work that is going on', () => {
  const { display, text } = opened(true);
  const deltas = display.of('making deltas');
  deltas.expect(100);
  deltas.advance(100);
  const uploading = display.of('uploading');
  uploading.expect(100);
  uploading.advance(50);
  display.end();
  const shown = text();
  expect(shown).toContain('making deltas');
  expect(shown.slice(shown.lastIndexOf('making deltas'))).toContain('uploading');
});

it('is a line for each quarter of long work in a log, and none of short work', () => {
  const { display, text } = opened(false);
  const progress = display.of('uploading');
  progress.expect(100 * MiB);
  for (let step = 0; step < 100; step++) progress.advance(MiB);
  const bytes = 100 * MiB;
  expect(text()).toBe([25, 50, 75, 100].map((part) => `uploading: ${part} % of ${bytes} bytes\n`).join(''));
  const short = display.of('packing');
  short.expect(MiB);
  short.advance(MiB);
  expect(text()).toBe('');
});

it('says no quarter twice when more work is announced on the way', () => {
  const { display, text } = opened(false);
  const progress = display.of('making deltas');
  progress.expect(100 * MiB);
  progress.advance(60 * MiB);
  progress.expect(100 * MiB);
  progress.advance(40 * MiB);
  progress.advance(100 * MiB);
  expect(text().match(/\d+ %/g)).toEqual(['50 %', '100 %']);
});

it('draws no bar where nobody watches', () => {
  const { display, text } = opened(false);
  display.draw('downloading', 10, 100);
  display.end();
  expect(text()).toBe('');
});
