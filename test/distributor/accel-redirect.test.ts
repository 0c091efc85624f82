import { expect, it } from 'vitest';
import { checkAccelRedirect } from '../../distributor/commands/options/serve-options.ts';

const fit = { accelRedirect: '/slipway-store/', behindProxy: true, redirectBlobs: false, store: 'file:///srv/slipway' };

it.each([
  ['fits', {}, undefined],
  ['is not asked for', { accelRedirect: undefined, behindProxy: false, store: 's3://releases' }, undefined],
  ['has no slash at its end', { accelRedirect: '/slipway-store' }, 'location of nginx'],
  ['would add a line to the answer', { accelRedirect: '/a\r\nx: y/' }, 'location of nginx'],
  ['is asked for without a proxy', { behindProxy: false }, '--behind-proxy'],
  ['is asked for beside the other way', { redirectBlobs: true }, '--redirect-blobs'],
  ['has no folder behind it', { store: 's3://releases/edge' }, 'expected a folder'],
] as const)('--accel-redirect that %s', (_name, change, refusal) => {
  const check = () => checkAccelRedirect({ ...fit, ...change });
  if (refusal === undefined) expect(check).not.toThrow();
  else expect(check).toThrow(expect.objectContaining({ code: 'usage', message: expect.stringContaining(refusal) }));
});
