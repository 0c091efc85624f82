/**
 * Parses waves as people declare them: how far each one reaches, how long it soaks, what it must show. They never
 * shrink.
 */
import * as z from 'zod';
import { durationSchema } from './duration.ts';
import { type Gate, gateSchema, percentSchema } from './gate.ts';
import { objectNameSchema } from './object-name.ts';

/** Cumulative: this wave and those before it together. */
export type WaveSize = { readonly percent: number } | { readonly count: number };

export interface Wave {
  readonly name: string;
  readonly size: WaveSize;
  /** How long the wave stays open at least before the next may open. */
  readonly soakSeconds: number;
  readonly gate: Gate;
}

const waveSchema = z
  .strictObject({
    name: objectNameSchema.max(63),
    percent: percentSchema.optional(),
    count: z.number().int().min(1, 'expected a count above 0').optional(),
    soak: durationSchema.optional(),
    gate: gateSchema.optional(),
  })
  .superRefine(({ percent, count }, context) => {
    if ((percent === undefined) !== (count === undefined)) return;
    const fix = 'Keep one of the two: percent (of the group) or count (of devices), both cumulative.';
    context.addIssue({ code: 'custom', message: 'expected either percent or count', params: { fix } });
  });

/** Counts, then percentages; neither ever falls, and no name comes twice. */
export const wavesSchema = z
  .array(waveSchema)
  .min(1, 'expected one wave at least')
  .max(32)
  .superRefine((waves, context) => {
    const problem = (path: (string | number)[], message: string, fix: string) =>
      context.addIssue({ code: 'custom', path, message, params: { fix } });
    const names = new Set<string>();
    for (const [index, wave] of waves.entries()) {
      const before = waves[index - 1];
      if (names.size === names.add(wave.name).size) {
        problem([index, 'name'], `duplicate wave name ${wave.name}`, 'Give each wave a name of its own.');
      }
      if (!before) continue;
      for (const size of ['count', 'percent'] as const) {
        const [now, earlier] = [wave[size], before[size]];
        if (now === undefined || earlier === undefined || now >= earlier) continue;
        const fix = `Sizes are cumulative: write ${earlier} or more.`;
        problem([index, size], `a wave may not shrink: ${now} after ${earlier}`, fix);
      }
      if (wave.count !== undefined && before.percent !== undefined) {
        const fix = 'Put the waves with a count first.';
        problem([index, 'count'], 'a wave with a count may not follow one with a percentage', fix);
      }
    }
  });

/** Both sizes at once is refused above; count is there where percent is not. */
export function waveSizeOf({ percent, count }: Pick<z.output<typeof waveSchema>, 'percent' | 'count'>): WaveSize {
  return percent === undefined ? { count: count ?? 1 } : { percent };
}
