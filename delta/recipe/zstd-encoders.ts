/** Makes one encoder out of several: each frame is written by the first that has its version. */
import { SlipwayError } from '../../contract/errors.ts';
import type { ZstdEncoder } from './ports.ts';

export function anyZstdEncoder(encoders: readonly ZstdEncoder[]): ZstdEncoder {
  const versions = [...new Set(encoders.flatMap((encoder) => encoder.versions))];
  return {
    versions,
    encode(settings, contentLength, frameLength, sink) {
      const encoder = encoders.find((candidate) => candidate.versions.includes(settings.version));
      if (encoder === undefined) throw zstdEncoderMissing([settings.version], versions);
      return encoder.encode(settings, contentLength, frameLength, sink);
    },
  };
}

export function zstdEncoderMissing(wanted: readonly string[], found: readonly string[]): SlipwayError {
  return new SlipwayError(
    'recipe-encoder-missing',
    `expected libzstd ${wanted.join(' and ')}, this machine has ${found.length === 0 ? 'none' : found.join(' and ')}`,
    { hint: 'Install a zstd command of that version and name it, or use a delta that does not open this artifact.' },
  );
}
