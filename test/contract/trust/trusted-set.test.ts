import { Metadata, MetadataKind } from '@tufjs/models';
import { beforeEach, describe, expect, it } from 'vitest';
import { canonicalJson } from '../../../contract/canonical-json.ts';
import { SlipwayError } from '../../../contract/errors.ts';
import { limits } from '../../../contract/limits.ts';
import { type MetadataSet, refreshTrust } from '../../../contract/trust/trusted-set.ts';
import { signDocument } from '../../../system/signing/signed-document.ts';
import { newSigningKey, product, SignedRepository, smallRelease } from '../../fakes/signed-repository.ts';

const start = new Date('2026-11-01T00:00:00Z');
const hours = (n: number) => new Date(start.getTime() + n * 3600_000);
const path = `${product}/linux-amd64/1.0.0/release.json`;

let repository: SignedRepository;
beforeEach(() => {
  repository = new SignedRepository(start);
  repository.publish(start, smallRelease('1.0.0', 1));
});

function refresh(known: MetadataSet = repository.pinned, now = start) {
  return refreshTrust({ known, fetch: repository.fetch, now });
}

async function codeOf(attempt: Promise<unknown>): Promise<string> {
  try {
    await attempt;
  } catch (error) {
    if (error instanceof SlipwayError) return error.code;
    throw error;
  }
  return 'accepted';
}

/** Serves a document changed in its JSON, signatures left as they were. */
function forge(name: string, change: (signed: Record<string, unknown>) => void): void {
  const json = JSON.parse(new TextDecoder().decode(repository.files.get(name)));
  change(json.signed);
  repository.files.set(name, canonicalJson(json));
}

/** Serves a root of the next version with its fields changed, properly signed by the root key. */
function signNextRoot(change: (signed: Record<string, unknown>) => void): void {
  const json = JSON.parse(new TextDecoder().decode(repository.root.bytes));
  json.signed.version = 2;
  change(json.signed);
  const { signed } = Metadata.fromJSON(MetadataKind.Root, json);
  repository.files.set('2.root.json', signDocument('root', signed, [repository.keys.root]).bytes);
}

describe('a good repository', () => {
  it('gives the signed length, digest and custom fields of a release', async () => {
    const target = await (await refresh()).findTarget(path);
    expect(target?.custom).toEqual({ counter: 1, channels: ['stable'] });
    expect(target?.hashes.sha256).toMatch(/^[0-9a-f]{64}$/);
  });

  it('has no target that nobody signed, nor one named like a property of objects', async () => {
    const trusted = await refresh();
    expect(await trusted.findTarget(`${product}/linux-amd64/9.9.9/release.json`)).toBeUndefined();
    expect(await trusted.findTarget('constructor')).toBeUndefined();
    expect(await trusted.findTarget('__proto__')).toBeUndefined();
  });

  it('is accepted again from the known set alone, apart from the timestamp', async () => {
    const first = await refresh();
    await first.findTarget(path);
    const asked: string[] = [];
    const again = await refreshTrust({
      known: first.documents,
      now: start,
      fetch: (name, max) => {
        asked.push(name);
        return repository.fetch(name, max);
      },
    });
    expect(await again.findTarget(path)).toBeDefined();
    expect(asked).toEqual(['2.root.json', 'timestamp.json']);
  });

  it('is followed through a change of its root', async () => {
    signNextRoot(() => undefined);
    expect((await refresh()).root.version).toBe(2);
  });

  it('tells of a new root at once, even if the rest never comes', async () => {
    signNextRoot(() => undefined);
    repository.files.delete('timestamp.json');
    const told: string[] = [];
    const attempt = refreshTrust({
      known: repository.pinned,
      fetch: repository.fetch,
      now: start,
      onAccepted: (role) => told.push(role),
    });
    expect(await codeOf(attempt)).toBe('metadata-missing');
    expect(told).toEqual(['root']);
  });

  it('says when its earliest signature ends', async () => {
    expect((await refresh()).expires).toBe('2026-11-02T00:00:00Z');
  });
});

describe('an attack on the repository is refused by its code', () => {
  it('arbitrary software: a role signed by a stranger', async () => {
    const json = JSON.parse(new TextDecoder().decode(repository.files.get('timestamp.json')));
    const { signed } = Metadata.fromJSON(MetadataKind.Timestamp, json);
    repository.files.set('timestamp.json', signDocument('timestamp', signed, [newSigningKey()]).bytes);
    expect(await codeOf(refresh())).toBe('metadata-signature-invalid');
  });

  it('arbitrary software: one changed byte under an old signature', async () => {
    forge('timestamp.json', (signed) => {
      signed.version = 99;
    });
    expect(await codeOf(refresh())).toBe('metadata-signature-invalid');
  });

  it('rollback: an older timestamp than was accepted', async () => {
    const old = repository.capture();
    repository.publish(hours(1));
    const { documents } = await refresh(repository.pinned, hours(1));
    repository.restore(old);
    expect(await codeOf(refresh(documents, hours(1)))).toBe('metadata-rolled-back');
  });

  it('rollback: even when the accepted timestamp has expired since', async () => {
    const old = repository.capture();
    repository.publish(hours(1));
    const { documents } = await refresh(repository.pinned, hours(1));
    repository.restore(old);
    expect(await codeOf(refresh(documents, hours(40)))).toBe('metadata-rolled-back');
  });

  it('freeze: metadata that nobody signs anew', async () => {
    const { documents } = await refresh();
    expect(await codeOf(refresh(documents, hours(25)))).toBe('metadata-expired');
    expect(await codeOf(refresh(repository.pinned, hours(25)))).toBe('metadata-expired');
  });

  it('freeze: the clock that counts is the one passed in, not that of the machine', async () => {
    expect(await codeOf(refresh(repository.pinned, new Date('1970-01-01')))).toBe('accepted');
    expect(await codeOf(refresh(repository.pinned, new Date('2100-01-01')))).toBe('metadata-expired');
  });

  it('endless data: a timestamp over the limit', async () => {
    repository.files.set('timestamp.json', new Uint8Array(limits.maxTimestampBytes + 1));
    expect(await codeOf(refresh())).toBe('metadata-too-large');
  });

  it('mix and match: a snapshot of another state', async () => {
    repository.publish(start, smallRelease('1.0.1', 2));
    const older = repository.files.get('2.snapshot.json') as Uint8Array;
    repository.files.set('3.snapshot.json', older);
    expect(await codeOf(refresh())).toBe('metadata-mismatched');
  });

  it('mix and match: a product role of another state', async () => {
    const older = repository.files.get(`1.${product}.json`) as Uint8Array;
    repository.files.set(`2.${product}.json`, older);
    const trusted = await refresh();
    expect(await codeOf(trusted.findTarget(path))).toBe('metadata-mismatched');
  });

  it('a publisher that died half-way: a document that is not there yet', async () => {
    repository.files.delete('2.snapshot.json');
    expect(await codeOf(refresh())).toBe('metadata-missing');
  });

  it('threshold zero', async () => {
    signNextRoot(() => undefined);
    forge('2.root.json', (signed) => {
      roleOf(signed, 'timestamp').threshold = 0;
    });
    expect(await codeOf(refresh())).toBe('metadata-malformed');
  });

  it('one key under two ids', async () => {
    signNextRoot((signed) => {
      const keys = signed.keys as Record<string, unknown>;
      keys['0'.repeat(64)] = keys[repository.keys.online.keyId];
    });
    expect(await codeOf(refresh())).toBe('metadata-key-duplicated');
  });

  it.each([
    'not-a-date',
    '2026-13-45T00:00:00Z',
    '',
    '9999',
  ])('an expiry of %j, which would never come', async (expires) => {
    forge('timestamp.json', (signed) => {
      signed.expires = expires;
    });
    expect(await codeOf(refresh())).toBe('metadata-malformed');
  });

  it.each([
    ['no JSON', '{'],
    ['an empty document', ''],
    ['a list', '[]'],
    ['ten thousand nested arrays', '['.repeat(10_000)],
  ])('metadata that is %s', async (_, text) => {
    repository.files.set('timestamp.json', Buffer.from(text));
    expect(await codeOf(refresh())).toBe('metadata-malformed');
  });

  it('a root that skips a version', async () => {
    signNextRoot((signed) => {
      signed.version = 3;
    });
    expect(await codeOf(refresh())).toBe('metadata-rolled-back');
  });

  it('a first root that is torn', async () => {
    expect(await codeOf(refresh(new Map([['root', new Uint8Array()]])))).toBe('metadata-malformed');
    expect(await codeOf(refresh(new Map()))).toBe('trust-store-corrupt');
  });
});

function roleOf(signed: Record<string, unknown>, name: string): { keyids: string[]; threshold: number } {
  return (signed.roles as Record<string, { keyids: string[]; threshold: number }>)[name] as never;
}
