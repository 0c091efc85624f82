/**
 * Finds the libzstd parameters that write a given frame again, by trying them with encoders that devices can have.
 * The first block tells the level apart cheaply; what is left is proved on the whole frame.
 */
import type { ZstdEncoder } from '../../../contract/delta/recipe/ports.ts';
import type { ZstdSettings } from '../../../contract/delta/recipe/zstd-settings.ts';
import { Comparison, Differs } from './compare.ts';
import type { FileRange } from './file-source.ts';
import type { ZstdFrame } from './zstd-frame.ts';

/** As publishers use them: K3s 16; the command's default 3; the rest by likelihood. */
const levels = [16, 3, 19, 1, 10, 9, 12, 15, 6, 11, 18, 17, 14, 13, 8, 7, 5, 4, 2, 22, 21, 20];
/** Content that is enough to fill the first block of a frame and make the library write it. */
const firstContentBytes = 1024 * 1024;
/** A frame header and the start of the first block: two frames that agree so far are of one level, mostly. */
const tellingBytes = 2048;
const maxDoubtful = 3;

/** @returns the settings, or undefined when the encoder does not write these bytes */
export async function findZstdSettings(
  content: FileRange,
  compressed: FileRange,
  frame: ZstdFrame,
  encoder: ZstdEncoder,
): Promise<ZstdSettings | undefined> {
  const start = content.slice(0, Math.min(content.length, firstContentBytes));
  const doubtful: { settings: ZstdSettings; matched: number }[] = [];
  const prove = async (settings: ZstdSettings) => {
    for (const jobs of [true, false]) {
      const whole = { ...settings, jobs };
      const { differs } = await tryOut(whole, content, compressed, content.length, encoder);
      if (!differs) return whole;
    }
    return undefined;
  };
  for (const settings of encoder.versions.flatMap((version) => candidates(frame, version))) {
    const { differs, matched } = await tryOut(settings, start, compressed, content.length, encoder);
    if (!differs && start.length === content.length) return settings;
    const proved = differs ? undefined : await prove(settings);
    if (proved !== undefined) return proved;
    if (differs && matched >= tellingBytes) doubtful.push({ settings, matched });
  }
  // Jobs see other windows than one thread does, so the right level may differ after its first block.
  doubtful.sort((a, b) => b.matched - a.matched);
  for (const { settings } of doubtful.slice(0, maxDoubtful)) {
    const proved = await prove(settings);
    if (proved !== undefined) return proved;
  }
  return undefined;
}

function candidates(frame: ZstdFrame, version: string): ZstdSettings[] {
  const longFirst = frame.windowLog >= 25;
  return [longFirst, !longFirst].flatMap((longDistance) =>
    levels.map((level) => ({
      encoder: 'libzstd' as const,
      version,
      level,
      windowLog: frame.windowLog,
      longDistance,
      jobs: false,
      checksum: frame.checksum,
      contentSize: frame.contentLength !== undefined,
    })),
  );
}

/**
 * Writes the start of the content, or all of it.
 * @returns whether a byte came out wrong (or, of all the content, was missing), and how many came out right before
 */
async function tryOut(
  settings: ZstdSettings,
  start: FileRange,
  compressed: FileRange,
  contentLength: number,
  encoder: ZstdEncoder,
): Promise<{ differs: boolean; matched: number }> {
  const comparison = new Comparison(compressed);
  const encoding = encoder.encode(settings, contentLength, compressed.length, (bytes) => comparison.take(bytes));
  try {
    for (const chunk of start.chunks()) await encoding.write(chunk);
    if (start.length === contentLength) await encoding.finish();
    else await encoding.settle();
  } catch (error) {
    if (!(error instanceof Differs)) throw error;
    return { differs: true, matched: comparison.matched };
  } finally {
    encoding.close();
  }
  return { differs: start.length === contentLength && !comparison.complete, matched: comparison.matched };
}
