/** Records of an updater from before settings were kept, and of one that knows more, are read as what they say. */
import { expect, it } from 'vitest';
import { snapshotRecordSchema } from '../../../../edge-updater/adapters/datastore/snapshot-record.ts';
import { adoptionSchema } from '../../../../edge-updater/adoption/adoption.ts';
import { dataSetOf } from '../../../../edge-updater/adoption/data-set.ts';
import { deviceStateSchema } from '../../../../edge-updater/update/state.ts';
import { adoptionOf } from '../../../fakes/adopted-box.ts';
import { at, inPhase, undoing } from '../../update/states.ts';

const digest = 'a'.repeat(64);
const snapshot = {
  ...{ schemaVersion: 1, attempt: 'a', from: digest, to: digest, takenAt: at },
  ...{ items: ['server/db'], copied: [], links: [] },
};

it('a snapshot without settings gives none back', () => {
  expect(snapshotRecordSchema.parse(snapshot)).not.toHaveProperty('outside');
  const newer = { ...snapshot, outside: { paths: [], copied: [] }, later: 1 };
  expect(snapshotRecordSchema.parse(newer)).toEqual({ ...snapshot, outside: { paths: [], copied: [] } });
});

it('a box that was adopted before has its data alone', () => {
  const { configuration: _, ...older } = adoptionOf('/data', '/etc/rancher/k3s/config.yaml');
  expect(dataSetOf(adoptionSchema.parse(older))).toMatchObject({ outside: [], sqlite: 'server/db/state.db' });
});

it('a journal of before an undo could be asked for has none', () => {
  const { setAside, ...older } = undoing('rolled-back');
  expect(deviceStateSchema.parse({ ...older, update: { phase: 'idle' } }).setAside).toBeUndefined();
  expect(deviceStateSchema.parse({ ...older, setAside }).setAside).toEqual(setAside);
});

it('a journal has what it says of a stranded device, and needs not', () => {
  const state = inPhase('idle');
  expect(deviceStateSchema.parse(state).stranded).toBeUndefined();
  const stranded = { left: digest, message: 'm', since: at, tries: 1, notBefore: at };
  expect(deviceStateSchema.parse({ ...state, stranded }).stranded).toEqual(stranded);
});
