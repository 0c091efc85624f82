/** Defines values that several sections of edge.yaml have. */
import * as z from 'zod';

/** A week at most. */
export const seconds = (min: number, max = 7 * 24 * 3600) => z.number().min(min).max(max);

export const absolutePath = z.string().regex(/^\//, 'expected an absolute path');

/** `{slot}` is the folder of the running release, `{current}` the link to it. */
export const commandLine = z.array(z.string().min(1)).min(1);
