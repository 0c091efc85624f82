import { describe, expect, it } from 'vitest';
import type { CheckRequest } from '../../../contract/device-api/check.ts';
import { maxShownProducts, showExpiries } from '../../../distributor/http/expiry-gauges.ts';
import { showRollouts } from '../../../distributor/http/rollout-gauges.ts';
import { showTroubles } from '../../../distributor/http/trouble-gauges.ts';
import { smallRelease } from '../../fakes/signed-repository.ts';
import { idleDevice, SmallFleet } from '../../fakes/small-fleet.ts';

const seriesOf = (text: string) =>
  text.split('\n').flatMap((line) => (line.startsWith('slipway_') ? [line.slice(0, line.lastIndexOf(' '))] : []));

async function fleet() {
  const small = await SmallFleet.open({ policy: { checksPerMinute: 100_000, enrolmentsPerMinute: 100_000 } });
  await small.publish(smallRelease('2.0.0', 2));
  await small.declare('r', { release: '2.0.0', waves: [{ name: 'all', percent: 100 }] });
  const metrics = async () => seriesOf((await small.ask('GET', '/metrics')).body);
  return { small, metrics };
}

describe('the metrics', () => {
  it('are not where devices ask once they have an address of their own', async () => {
    await using small = await SmallFleet.open({ showsMetrics: false });
    const answer = await small.ask('GET', '/metrics');
    expect([answer.statusCode, answer.json().code]).toEqual([404, 'not-found']);
    expect((await small.ask('GET', '/openapi.json')).json().paths).not.toHaveProperty('/metrics');
  });

  it('tell when the metadata of each role ends, with products up to a bound', async () => {
    await using small = await SmallFleet.open();
    await small.publish(smallRelease('1.0.0', 1));
    const { expiries } = small.catalog.state;
    expect([...expiries.keys()].sort()).toEqual(expect.arrayContaining(['root', 'snapshot', 'targets', 'timestamp']));
    expect([...expiries.values()].every((at) => at > small.now)).toBe(true);
    const many = [...expiries, ...Array.from({ length: 60 }, (_, i) => [`p-${100 + i}`, 5000 - i] as const)];
    showExpiries(small.metrics, new Map(many));
    const shown = (await small.ask('GET', '/metrics')).body;
    const of = (role: string) =>
      new RegExp(`^slipway_metadata_expires_timestamp_seconds\\{role="${role}"\\} (\\S+)$`, 'm').exec(shown)?.[1];
    expect(Number(of('timestamp'))).toBe((expiries.get('timestamp') ?? 0) / 1000);
    expect(of('p-100')).toBe('5');
    // The last ones by name are together; what counts is which of them ends first.
    expect(of('other')).toBe('4.941');
    expect(shown.match(/^slipway_metadata_expires/gm)).toHaveLength(4 + maxShownProducts + 1);
    showExpiries(small.metrics, expiries);
    expect((await small.ask('GET', '/metrics')).body).not.toContain('role="other"');
  });

  it('have as many series for hundreds of devices and arbitrary input as for one', async () => {
    const { small, metrics } = await fleet();
    await using _ = small;
    const enrolment = await small.enrolmentToken(2000);
    const visit = async (id: string) => {
      const body = { schemaVersion: 1, deviceId: id, product: idleDevice.product, platform: 'linux/amd64', labels: {} };
      const token = (await small.ask('POST', '/v1/enrol', enrolment, body)).json().deviceToken;
      await small.check(id, token, { labels: { [`key-${id}`]: id } });
      await small.report(id, token, { rollout: 'r', outcome: 'committed', attempt: id });
    };
    const strange = async (text: string) => {
      await small.ask('GET', `/v1/${text}`);
      await small.ask('GET', `/v1/devices/${text}`);
      await small.ask('GET', `/v1/rollouts/${text}`);
      await small.ask('GET', `/v1/blobs/sha256/${text.padEnd(64, '0')}`);
      await small.ask('GET', `/v1/events?kind=${text}`);
    };
    await visit('gate-0');
    await strange('x0');
    await metrics();
    const before = await metrics();
    for (let i = 1; i <= 300; i++) await visit(`gate-${i}`);
    for (let i = 1; i <= 50; i++) await strange(`x${i}`);
    const after = await metrics();
    expect(after).toEqual(before);
    const labels = new Set(after.flatMap((series) => [...series.matchAll(/(\w+)="/g)].map(([, name]) => name)));
    expect([...labels].sort()).toEqual(
      expect.not.arrayContaining(['device', 'deviceId', 'id', 'digest', 'commit', 'revision', 'path', 'cluster']),
    );
  }, 120_000);

  it('show where rollouts stand and what they wait for, and forget those that are gone', async () => {
    const { small, metrics } = await fleet();
    await using _ = small;
    const shown = small.metrics;
    showRollouts(shown, await small.campaigns.views(small.now));
    expect(await metrics()).toContain('slipway_rollout_waits{rollout="r",reason="nobody-in-group"}');
    await small.enrol('gate-1');
    showRollouts(shown, await small.campaigns.views(small.now));
    expect(await metrics()).toEqual(
      expect.arrayContaining([
        'slipway_rollout_status{rollout="r",status="active"}',
        'slipway_rollout_devices{rollout="r",standing="committed"}',
        'slipway_rollout_waves_open{rollout="r"}',
        'slipway_check_seconds_count',
      ]),
    );
    await small.writeRolloutFile('r.yaml', '');
    showRollouts(shown, await small.campaigns.views(small.now));
    expect((await metrics()).filter((series) => series.includes('rollout="r"'))).toEqual([]);
  });

  it('count devices by what is in their way, and reports by code, in as many series as there are codes', async () => {
    const { small } = await fleet();
    await using _ = small;
    const since = '2026-01-01T00:00:00Z';
    const trouble = (code: string, fault: string) => ({ code, fault, message: 'x', since });
    const tell = async (id: string, ...troubles: object[]) => {
      const token = await small.enrol(id);
      await small.check(id, token, { schemaVersion: 2, troubles } as Partial<CheckRequest>);
      const told = { sequence: 1, at: since, attempt: 'a', version: '2.0.0', phase: 'idle', outcome: 'failed' };
      const reports = [{ ...told, code: `odd-${id}`, fault: 'path' }];
      await small.ask('POST', `/v1/devices/${id}/reports`, token, { schemaVersion: 2, reports });
      await small.report(id, token, { sequence: 2, outcome: 'failed', code: 'disk-full' });
    };
    await tell('a', trouble('disk-full', 'device'), trouble('odd-a', 'path'));
    await tell('b', trouble('disk-full', 'release'));
    await tell('c', trouble('odd-c', 'path'));
    await tell('d');
    showTroubles(small.metrics, await small.fleet.countTroubles());
    const { body } = await small.ask('GET', '/metrics');
    const lines = body.split('\n').filter((line) => /^slipway_(device_troubles|reports_total)\{/.test(line));
    expect(lines.sort()).toEqual([
      'slipway_device_troubles{code="disk-full",fault="device"} 2',
      'slipway_device_troubles{code="other",fault="path"} 2',
      'slipway_reports_total{outcome="failed",code="disk-full",fault="device"} 4',
      'slipway_reports_total{outcome="failed",code="other",fault="path"} 4',
    ]);
    // None is left over when all is well again.
    showTroubles(small.metrics, []);
    expect((await small.ask('GET', '/metrics')).body).not.toContain('slipway_device_troubles{');
  });

  it('count answers that failed for want of the database', async () => {
    const { small } = await fleet();
    await using _ = small;
    const token = await small.token('operator', 'devices:read');
    await small.fleet.close();
    expect((await small.ask('GET', '/v1/devices', token)).statusCode).toBe(503);
    expect((await small.ask('GET', '/metrics')).body).toContain('slipway_database_errors_total 1');
  });
});
