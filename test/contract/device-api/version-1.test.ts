import { describe, expect, it } from 'vitest';
import { type CheckRequest, checkRequestSchema } from '../../../contract/device-api/check.ts';
import {
  type Report,
  reportSchema,
  reportSchemaVersion1,
  reportsRequestSchema,
} from '../../../contract/device-api/report.ts';
import { checkInVersion1, reportInVersion1 } from '../../../contract/device-api/version-1.ts';
import { errorCodes, faultOf } from '../../../contract/errors.ts';
import { idleDevice } from '../../fakes/small-fleet.ts';

const report: Report = {
  sequence: 7,
  at: '2026-11-01T00:00:00.000Z',
  attempt: 'a-1',
  rollout: 'shop',
  version: '1.0.0',
  phase: 'idle',
  outcome: 'failed',
  code: 'tls-failed',
  fault: 'path',
  nextTryAt: '2026-11-01T00:15:00.000Z',
  message: 'self-signed certificate',
};
const box = {
  ...{ distribution: 'k3s', role: 'server', unit: 'k3s.service', program: '/usr/local/bin/k3s' },
  ...{ dataDir: '/var/lib/rancher/k3s', version: 'v1.33.9+k3s1', datastore: { kind: 'sqlite' } },
};
const check: CheckRequest = {
  ...idleDevice,
  schemaVersion: 2,
  troubles: [{ code: 'clock-wrong', fault: 'device', message: '3 years behind', since: '2026-11-01T00:00:00.000Z' }],
  box,
  safeguards: { secureBoot: 'on', tpm: '2.0', diskEncryption: 'off', lockdown: 'none' },
};

describe('a report for a server of version 1', () => {
  it('says a later code as the nearest one of its class, and keeps the code in the message', () => {
    const told = reportInVersion1(report);
    expect(told).toMatchObject({ code: 'server-unreachable', message: 'tls-failed: self-signed certificate' });
    expect(reportSchemaVersion1.parse(told)).toEqual(told);
  });

  it('is one that version 1 accepts for every code that there is', () => {
    for (const code of Object.keys(errorCodes)) {
      const told = reportInVersion1({ ...report, code, fault: faultOf(code) });
      expect(reportSchemaVersion1.safeParse(told).success, code).toBe(true);
    }
  });

  it('keeps the rest as it is', () => {
    const { code: _, fault: __, nextTryAt: ___, ...rest } = report;
    expect(reportInVersion1(rest)).toEqual(rest);
    expect(reportInVersion1({ ...rest, code: 'disk-full', fault: 'device' })).toEqual({ ...rest, code: 'disk-full' });
  });
});

describe('version 2', () => {
  it('passes over members that a later updater adds, where version 1 refuses them', () => {
    expect(reportSchema.parse({ ...report, mood: 'good' })).toEqual(report);
    expect(checkRequestSchema.parse({ ...check, mood: 'good' })).toEqual(check);
    expect(checkRequestSchema.safeParse({ ...idleDevice, mood: 'good' }).success).toBe(false);
    const old = { schemaVersion: 1, reports: [report] };
    expect(reportsRequestSchema.safeParse(old).success).toBe(false);
    expect(reportsRequestSchema.safeParse({ ...old, schemaVersion: 2 }).success).toBe(true);
  });

  it.each([
    'box',
    'safeguards',
  ] as const)('was read by servers that knew nothing of a %s, which pass over it', (name) => {
    const before = checkRequestSchema.options[1].omit({ box: true, safeguards: true }).extend({
      ...(name === 'box' ? {} : { box: checkRequestSchema.options[1].shape.box }),
    });
    const { box: _, safeguards: __, ...rest } = check as Extract<CheckRequest, { schemaVersion: 2 }>;
    expect(before.parse(check)).toEqual(name === 'box' ? rest : { ...rest, box });
  });

  it('passes over safeguards that it cannot read, and keeps words of a later updater', () => {
    expect(checkRequestSchema.parse({ ...check, safeguards: { tpm: 2 } })).toMatchObject({ safeguards: undefined });
    const later = { secureBoot: 'audit', tpm: '3.0', diskEncryption: 'on', lockdown: 'all', enclave: 'on' };
    const { enclave: _, ...known } = later;
    expect(checkRequestSchema.parse({ ...check, safeguards: later })).toMatchObject({ safeguards: known });
  });

  it('passes over a box that it cannot read, and what a later updater says of one', () => {
    expect(checkRequestSchema.parse({ ...check, box: { distribution: 'k3s' } })).toMatchObject({ box: undefined });
    expect(checkRequestSchema.parse({ ...check, box: { ...box, mood: 'good' } })).toMatchObject({ box });
  });

  it('carries codes that this server does not know yet', () => {
    expect(reportSchema.parse({ ...report, code: 'from-the-future' }).code).toBe('from-the-future');
    expect(reportSchema.safeParse({ ...report, code: 'No code' }).success).toBe(false);
  });

  it('becomes a check that version 1 accepts', () => {
    expect(checkRequestSchema.parse(checkInVersion1(check))).toEqual({ ...idleDevice, schemaVersion: 1 });
  });
});
