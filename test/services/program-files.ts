/**
 * The file that starts a program: its bundle in a run that has just built it (`npm test`), which loads in half the
 * time, else its source, so that one test needs no build.
 */
import path from 'node:path';

const root = path.join(import.meta.dirname, '../..');
const files = {
  packager: { source: 'packager/main.ts', built: 'dist/slipway-packager.mjs' },
  distributor: { source: 'distributor/main.ts', built: 'dist/slipway-distributor.mjs' },
  /** What people type, which starts the program of a verb. */
  'edge command': { source: 'edge-updater/start.ts', built: 'dist/slipway-edge.mjs' },
  'edge-updater': { source: 'edge-updater/main.ts', built: 'dist/slipway-edge-device.mjs' },
} as const;

export type ProgramName = keyof typeof files;

export function programFile(name: ProgramName): string {
  const { source, built } = files[name];
  return path.join(root, process.env.SLIPWAY_BUILT === '1' ? built : source);
}
