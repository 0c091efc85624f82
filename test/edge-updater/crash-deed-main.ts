/**
 * One life of the updater on the files of a machine that another process has prepared: what is cut off, or the start
 * after it. Arguments: the file with the machine, the program of the box.
 */
import { appendFileSync, readFileSync } from 'node:fs';
import { deserialize } from 'node:v8';
import type { Digest } from '../../contract/digest.ts';
import type { ReleaseManifest } from '../../contract/release/manifest.ts';
import { patience } from '../fakes/box-start.ts';
import { EdgeDevice, never } from '../fakes/edge-device.ts';
import { type CrashDeedName, crashDeed } from './crash-deeds.ts';
import type { ServiceThen } from './crash-machine.ts';
import { SeparateBox } from './separate-box.ts';

/** All that it needs of a machine besides its files. */
export interface KeptMachine {
  readonly folder: string;
  readonly deed: CrashDeedName;
  readonly isStart: boolean;
  readonly now: number;
  readonly server: {
    readonly files: ReadonlyMap<string, Uint8Array>;
    readonly blobs: ReadonlyMap<Digest, Uint8Array>;
    readonly manifests: ReadonlyMap<Digest, Uint8Array>;
    readonly offered: ReleaseManifest | undefined;
  };
  readonly service: ServiceThen;
  readonly storage: ReadonlyMap<Digest, number>;
  readonly sick: ReadonlySet<Digest>;
}

/** What a life says of its service. */
export interface ToldOfService {
  readonly running: Digest | null;
  readonly written: readonly (readonly [Digest, number])[];
  /** It had begun to write, and not ended. */
  readonly writing: Digest | null;
}

const [machineFile = '', boxProgram = ''] = process.argv.slice(2);
const kept = deserialize(readFileSync(machineFile)) as KeptMachine;
const edge = new EdgeDevice(kept.folder);
const box = new SeparateBox(edge, boxProgram, tell);
fill(edge.repository.files, kept.server.files);
fill(edge.server.blobs, kept.server.blobs);
fill(edge.server.manifests, kept.server.manifests);
fill(box.storage, kept.storage);
fill(box.written, kept.service.written);
edge.server.offered = kept.server.offered;
// Names that are made of it are new.
edge.clock.jumpTo(kept.now + 1000);
box.running = kept.service.running;
for (const slot of kept.sick) box.sick.add(slot);

const { start, act } = crashDeed(kept.deed);
const device = start(edge, box);
if (kept.isStart) await device.recover(never, patience);
else await act(device, edge, box);

function fill<K, V>(map: Map<K, V>, from: ReadonlyMap<K, V>): void {
  map.clear();
  for (const [key, value] of from) map.set(key, value);
}

function tell(writing?: Digest): void {
  const { running = null, written } = box;
  const mark: ToldOfService = { running, written: [...written], writing: writing ?? null };
  appendFileSync(process.env.SLIPWAY_SHIM_LOG ?? '', `${JSON.stringify({ mark })}\n`);
}
