import {
  appendFileSync,
  cpSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { crc32 } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { JournalFile, readJournal } from '../../../../edge-updater/adapters/disk/journal-file.ts';
import { blankState, type DeviceState } from '../../../../edge-updater/update/state.ts';
import { deviceStateSchemaVersion1 } from '../../../../edge-updater/update/state-version-1.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'journal-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const numbered = (counterFloor: number): DeviceState => ({ ...blankState, counterFloor });
const log = () => path.join(folder, 'journal', 'log');

/** The log without the zeros behind its last record. */
function written(): Buffer {
  const bytes = readFileSync(log());
  let end = bytes.length;
  while (end > 0 && bytes[end - 1] === 0) end--;
  return bytes.subarray(0, end);
}

function write(...counters: number[]): void {
  const journal = new JournalFile(folder);
  for (const counter of counters) journal.append(numbered(counter));
  journal.close();
}

function floor(): number | string {
  const content = readJournal(folder);
  return content.kind === 'state' ? content.state.counterFloor : content.kind;
}

describe('a journal', () => {
  it('gives back the state that was written last', () => {
    write(1, 2, 3);
    expect(floor()).toBe(3);
  });

  it('that was never written is absent, not lost', () => {
    expect(readJournal(folder).kind).toBe('absent');
    new JournalFile(folder).close();
    expect(readJournal(folder).kind).toBe('absent');
  });

  it('torn at any byte gives back the last whole state, and can be written again', () => {
    write(1);
    const first = written().length;
    write(2);
    const bytes = written();
    for (let length = first; length < bytes.length; length++) {
      writeFileSync(log(), bytes.subarray(0, length));
      expect(floor(), `torn at ${length}`).toBe(1);
    }
    for (const length of [first, first + 3, first + 8, bytes.length - 1]) {
      writeFileSync(log(), bytes.subarray(0, length));
      write(7);
      expect(floor(), `written again after ${length}`).toBe(7);
    }
  });

  it('torn inside its first record is lost, never absent', () => {
    write(1);
    const bytes = written();
    for (let length = 1; length < bytes.length; length++) {
      writeFileSync(log(), bytes.subarray(0, length));
      expect(floor(), `torn at ${length}`).toBe('lost');
    }
  });

  it('with one bit changed anywhere gives back the newest state that is whole, never a wrong one', () => {
    write(1);
    const first = written().length;
    write(2);
    const bytes = written();
    for (let at = 0; at < bytes.length; at++) {
      const changed = Buffer.from(bytes);
      changed.writeUInt8(changed.readUInt8(at) ^ 4, at);
      writeFileSync(log(), changed);
      expect(floor(), `changed at ${at}`).toBe(at < first ? 2 : 1);
    }
  });

  it('with a hole in its middle gives back the newest state, and is written on behind it', () => {
    write(1, 2, 3, 4, 5);
    const bytes = written();
    for (const damage of [Buffer.alloc(400), Buffer.alloc(400, 0xff)]) {
      damage.copy(bytes, Math.floor(bytes.length / 2) - 200);
      writeFileSync(log(), bytes);
      expect(floor()).toBe(5);
      write(6);
      expect(floor()).toBe(6);
    }
  });

  it('ignores what a power cut left behind the last record', () => {
    write(1);
    appendFileSync(log(), Buffer.alloc(4096));
    expect(floor()).toBe(1);
    write(2);
    expect(floor()).toBe(2);
  });
});

describe('a journal of another updater', () => {
  const release = { version: '2.0.0', counter: 7, manifestSha256: '7'.repeat(64) };
  const at = '2026-12-01T00:00:00.000Z';
  const rejection = { manifestSha256: '8'.repeat(64), version: '3.0.0', at };
  const old = {
    ...{ schemaVersion: 1, current: release, counterFloor: 7, usedPermits: ['p1'], nextSequence: 9 },
    rejected: [
      { ...rejection, code: 'health-timeout' },
      { ...rejection, manifestSha256: '9'.repeat(64), code: 'server-refused' },
    ],
    failures: [{ manifestSha256: '9'.repeat(64), count: 3 }],
    outbox: [{ sequence: 8, at, attempt: 'a', version: '3.0.0', phase: 'idle', outcome: 'failed', code: 'io-error' }],
    update: { phase: 'idle' },
  };

  function append(value: object): void {
    const body = Buffer.from(JSON.stringify(value));
    const header = Buffer.alloc(8);
    header.writeUInt32BE(body.length, 0);
    header.writeUInt32BE(crc32(body), 4);
    new JournalFile(folder).close();
    appendFileSync(log(), Buffer.concat([header, body]));
  }

  it('that is older keeps its floor, permits, reports and the rejections that were deserved', () => {
    append({ index: 5, state: old });
    const content = readJournal(folder);
    expect(content).toMatchObject({
      kind: 'state',
      state: { current: release, counterFloor: 7, usedPermits: ['p1'], nextSequence: 9, held: [], outbox: old.outbox },
    });
    expect(content.kind === 'state' && content.state.rejected).toEqual([{ ...rejection, code: 'health-timeout' }]);
  });

  it('that is newer is read with members, codes and sources that nobody here knows', () => {
    const rejected = [{ ...rejection, code: 'from-the-future', mood: 'bad' }];
    const newer = { ...old, schemaVersion: 3, rejected, current: { ...release, colour: 'red' }, surprise: { a: 1 } };
    append({ index: 5, state: old, state2: newer, state3: {} });
    expect(readJournal(folder)).toMatchObject({ kind: 'state', state: { current: release, counterFloor: 7 } });
    write(8);
    expect(floor()).toBe(8);
  });

  it('that is newer keeps floor, rejections and used permits, here, after it went on here, and for whom it came from', () => {
    const rejected = [
      { ...rejection, code: 'version-of-the-future' },
      { ...rejection, manifestSha256: '9'.repeat(64) },
    ];
    const newer = { ...old, schemaVersion: 3, rejected, box: { distribution: 'k3s' }, counterFloor: 9 };
    append({ index: 5, state: { ...old, counterFloor: 9 }, state2: newer, state3: newer });
    const kept = { counterFloor: 9, rejected, usedPermits: ['p1'], nextSequence: 9 };
    const here = readJournal(folder);
    expect(here).toMatchObject({ kind: 'state', state: kept });
    if (here.kind !== 'state') return;

    // This updater works on with it for a while, and then the newer one comes back, or the oldest.
    const journal = new JournalFile(folder);
    journal.append({ ...here.state, nextSequence: 12 });
    journal.close();
    const [, second = ''] = written().toString('latin1').split('{"index":6,');
    const record = JSON.parse(`{${second}`);
    expect(record.state2).toMatchObject({ ...kept, nextSequence: 12 });
    const version1 = deviceStateSchemaVersion1.parse(record.state);
    expect(version1).toMatchObject({ counterFloor: 9, usedPermits: ['p1'], nextSequence: 12 });
    expect(version1.rejected.map(({ code }) => code)).toEqual(['health-lost', undefined]);
  });

  it('that went through an updater of version 1 keeps them, too', () => {
    const rejected = [{ ...rejection, code: 'version-of-the-future' }];
    const journal = new JournalFile(folder);
    journal.append({ ...numbered(9), rejected, usedPermits: ['p1'] });
    journal.close();
    const { state } = JSON.parse(written().subarray(8).toString());
    rmSync(path.join(folder, 'journal'), { recursive: true });
    append({ index: 1, state });
    expect(readJournal(folder)).toMatchObject({
      kind: 'state',
      state: { counterFloor: 9, usedPermits: ['p1'], rejected: [{ ...rejection, code: 'health-lost' }] },
    });
  });

  it('that is in a phase of the future is read as an older one understands it', () => {
    append({ index: 5, state: old, state2: { ...old, counterFloor: 8, update: { phase: 'dancing' } } });
    expect(readJournal(folder)).toMatchObject({ kind: 'state', state: { counterFloor: 7, update: { phase: 'idle' } } });
  });

  it('gives back what version 1 has no word for', () => {
    const held = {
      ...{ manifestSha256: '7'.repeat(64), version: '3.1.0', count: 2, at, since: at, code: 'tls-failed' },
      ...{ message: 'the certificate has expired', notBefore: at },
    };
    const journal = new JournalFile(folder);
    journal.append({ ...numbered(3), held: [held] });
    journal.close();
    const content = readJournal(folder);
    expect(content.kind === 'state' && content.state.held).toEqual([held]);
  });

  it('can be read by an older one: the record holds the state in version 1', () => {
    const journal = new JournalFile(folder);
    journal.append({ ...numbered(3), rejected: [{ ...rejection, code: 'from-the-future' }] });
    journal.close();
    const { state } = JSON.parse(written().subarray(8).toString());
    const read = deviceStateSchemaVersion1.parse(state);
    expect(read).toMatchObject({ schemaVersion: 1, counterFloor: 3, failures: [], rejected: [rejection] });
  });
});

describe('a journal that has grown', () => {
  it('stays bounded and keeps the last state', () => {
    const journal = new JournalFile(folder);
    for (let counter = 1; counter <= 4000; counter++) journal.append(numbered(counter));
    journal.close();
    expect(floor()).toBe(4000);
    const size = readdirSync(path.join(folder, 'journal')).reduce(
      (sum, name) => sum + statSync(path.join(folder, 'journal', name)).size,
      0,
    );
    expect(size).toBeLessThan(800 * 1024);
  });

  it('survives a kill between checkpoint and emptied log, and the loss of either checkpoint', () => {
    const journal = new JournalFile(folder);
    let counter = 0;
    const directory = path.join(folder, 'journal');
    const hasCheckpoints = () => readdirSync(directory).filter((name) => name.startsWith('checkpoint.')).length === 2;
    let fullLog = Buffer.alloc(0);
    while (!hasCheckpoints()) {
      fullLog = readFileSync(log());
      journal.append(numbered(++counter));
    }
    journal.close();
    const kept = path.join(folder, 'kept');
    cpSync(directory, kept, { recursive: true });

    writeFileSync(log(), fullLog);
    expect(floor()).toBe(counter - 1);

    for (const name of ['checkpoint.a', 'checkpoint.b']) {
      cpSync(kept, directory, { recursive: true });
      rmSync(path.join(directory, name));
      expect(floor(), name).toBe(counter);
    }
  });
});
