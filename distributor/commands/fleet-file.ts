/** Reads a list of devices as `device ls --json` writes it, for simulating with the fleet that is there. */
import { readFile } from 'node:fs/promises';
import * as z from 'zod';
import { installedReleaseSchema } from '../../contract/device-api/check.ts';
import { deviceIdSchema } from '../../contract/device-api/device-id.ts';
import { labelsSchema, shownLabelsSchema } from '../../contract/device-api/labels.ts';
import { SlipwayError } from '../../contract/errors.ts';
import { productSchema } from '../../contract/release/manifest.ts';
import { platformSchema } from '../../contract/release/platform.ts';
import type { KnownDevice } from '../simulation/virtual-fleet.ts';

const fleetSchema = z.object({
  devices: z
    .array(
      z.object({
        id: deviceIdSchema,
        product: productSchema,
        platform: platformSchema,
        labels: shownLabelsSchema,
        givenLabels: labelsSchema.optional(),
        status: z.enum(['pending', 'accepted', 'rejected', 'revoked']),
        current: installedReleaseSchema.optional(),
      }),
    )
    .min(1, 'expected one device at least'),
});

/**
 * Accepted devices only.
 * @throws SlipwayError `document-unreadable`, `document-invalid`
 */
export async function readFleet(file: string): Promise<KnownDevice[]> {
  const parsed = fleetSchema.safeParse(await readJson(file));
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const place = issue && issue.path.length > 0 ? `${issue.path.join('.')}: ` : '';
    throw new SlipwayError('document-invalid', `${file}: ${place}${issue?.message}`, { hint });
  }
  return parsed.data.devices
    .filter(({ status }) => status === 'accepted')
    .map(({ id, product, platform, labels, givenLabels, current }) => ({
      id,
      product,
      platform,
      labels,
      givenLabels,
      version: current?.version,
    }));
}

const hint = 'Write the file with: slipway-distributor device ls --json';

async function readJson(file: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(file, 'utf8'));
  } catch (cause) {
    const reason =
      cause instanceof SyntaxError ? 'it is not JSON' : ((cause as NodeJS.ErrnoException).code ?? 'unknown');
    throw new SlipwayError('document-unreadable', `${file} cannot be read: ${reason}`, { cause, hint });
  }
}
