/** Facts of a device become what its next check tells. */
import { describe, expect, it } from 'vitest';
import { troubleSchema } from '../../../contract/device-api/check.ts';
import { describeLastWords } from '../../../edge-updater/update/last-words.ts';
import { maskSecrets } from '../../../edge-updater/update/secrets.ts';
import { type DeviceCondition, problemsOf, troublesOf } from '../../../edge-updater/update/troubles.ts';
import { at, newest } from './states.ts';

const well: DeviceCondition = {
  service: { isActive: true, detail: 'pid 7', words: { where: 'the log' } },
  ...{ damage: undefined, disk: undefined, shortOf: undefined, journal: undefined, clock: undefined },
  ...{ trust: undefined, box: undefined, offer: undefined, held: [] },
};
const later = '2026-12-02T00:00:00.000Z';
const tell = (change: Partial<DeviceCondition>, before = troublesOf([], [], at), now = at) =>
  troublesOf(problemsOf({ ...well, ...change }), before, now);
const problem = (code: string) => ({ code, message: 'm' });
const held = (code: string, since: string) => ({
  ...{ manifestSha256: newest.manifestSha256, version: '3.0.0', code, message: 'no', count: 1, since, at: since },
});

describe('a device', () => {
  it('that is well has no troubles', () => {
    expect(tell({})).toEqual([]);
    expect(tell({ service: undefined })).toEqual([]);
  });

  it.each<[string, Partial<DeviceCondition>, string, string]>([
    ['whose files are damaged', { damage: 'bin is gone' }, 'slot-damaged', 'device'],
    ['whose disk takes nothing', { disk: problem('disk-read-only') }, 'disk-read-only', 'device'],
    ['whose journal takes nothing', { journal: problem('io-error') }, 'io-error', 'device'],
    ['that has no room', { shortOf: 1000 }, 'disk-full', 'device'],
    ['with a wrong clock', { clock: problem('clock-wrong') }, 'clock-wrong', 'device'],
    ['without its trust', { trust: problem('trust-store-corrupt') }, 'trust-store-corrupt', 'device'],
    ['with an offer that it refused', { offer: problem('metadata-expired') }, 'metadata-expired', 'path'],
    ['whose blob host has a bad certificate', { held: [held('tls-failed', at)] }, 'tls-failed', 'path'],
  ])('%s says so', (_, change, code, fault) => {
    const [trouble, ...others] = tell(change);
    expect(trouble).toMatchObject({ code, fault, since: at });
    expect(others).toEqual([]);
    expect(troubleSchema.parse(trouble)).toEqual(trouble);
  });

  it('whose service does not run says so first, with the last line of its log and where the log is', () => {
    const words = { line: 'panic: no etcd', where: 'journalctl -u k3s.service' };
    const service = { isActive: false, detail: 'k3s.service is failed', words };
    const message = 'k3s.service is failed; its last line is "panic: no etcd", its log is journalctl -u k3s.service';
    expect(tell({ service, damage: 'd' })[0]).toMatchObject({ code: 'service-not-running', message });
  });

  it('says since when, as long as the cause is there', () => {
    const first = tell({ disk: problem('disk-read-only') });
    const second = tell({ disk: problem('disk-read-only') }, first, later);
    expect(second).toMatchObject([{ code: 'disk-read-only', since: at }]);
    const gone = tell({}, second, later);
    expect(gone).toEqual([]);
    expect(tell({ disk: problem('disk-read-only') }, gone, later)).toMatchObject([{ since: later }]);
    expect(tell({ held: [held('tls-failed', at)] }, [], later)).toMatchObject([{ since: at }]);
  });

  it('tells each code once, few of them, and short', () => {
    expect(tell({ disk: problem('io-error'), journal: problem('io-error') })).toHaveLength(1);
    const many = Array.from({ length: 20 }, (_, index) => held(`code-${index}`, at));
    expect(tell({ held: many })).toHaveLength(8);
    expect(tell({ damage: 'x'.repeat(9000) })[0]?.message).toHaveLength(500);
  });
});

describe('a secret in the log of a service', () => {
  const token = `slp_device_${'a'.repeat(43)}`;
  it.each([
    [`token ${token} refused`, 'token *** refused'],
    ['K10ab12cd34ef::server:5e0f9d7c is wrong', '*** is wrong'],
    ['joined with K10ab12cd34ef:topsecret', 'joined with ***'],
    ['to https://admin:hunter2@etcd:2379/', 'to https://***@etcd:2379/'],
    ['Bearer eyJhbGciOi.eyJpc3Mi.c2ln done', 'Bearer *** done'],
    ['nothing to hide', 'nothing to hide'],
  ])('is masked in "%s"', (text, masked) => {
    expect(maskSecrets(text)).toBe(masked);
  });

  it('does not get into a message, nor do control characters and long lines', () => {
    const text = describeLastWords({ line: `\u001b[31m${token} ${'x'.repeat(900)}`, where: 'the log' });
    expect(text).not.toContain('slp_');
    expect(text).toMatch(/^[\x20-\x7e…]{1,300}$/);
  });
});
