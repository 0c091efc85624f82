/** A blob that is the component byte for byte: the slot shares its bytes with the download, and neither harms the other. */
import { lstatSync, mkdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { sha256 } from '../../contract/digest.ts';
import { DownloadDirectory } from '../../edge-updater/adapters/disk/download-directory.ts';
import { bytesOf, EdgeDevice, never } from '../fakes/edge-device.ts';
import { Interruption } from '../fakes/interruption.ts';

const bytes = bytesOf('whole', 9000);
let edge: EdgeDevice;
beforeEach(() => {
  edge = new EdgeDevice();
});
afterEach(() => edge.remove());

function publish(mode = '0755') {
  // The last file of a release is stored compressed.
  const files = [
    { path: 'bin', bytes },
    { path: 'last', bytes: bytesOf('last', 90) },
  ];
  const published = edge.publish('1.0.0', 1, files, (component) => ({ ...component, mode }));
  edge.server.offered = published.manifest;
  const [component] = published.manifest.components;
  if (!component) throw new Error('a release without a component');
  return { ...published, component };
}

/** The update up to a call of a port. */
async function stopBefore(call: string): Promise<void> {
  for (let at = 1; ; at++) {
    const rewind = edge.capture();
    const interruption = new Interruption(at, 'killed before');
    const device = edge.start({ interruption });
    await device.recover(never).catch(() => undefined);
    await device.check(never).catch(() => undefined);
    if (!interruption.hasHappened) throw new Error(`${call} was never called`);
    if (interruption.calls.at(-1) === call) return;
    rewind();
  }
}

const part = () => path.join(edge.stateDirectory, 'downloads', `${sha256(bytes)}.part`);
const inSlot = (slot: string, folder = slot) => path.join(edge.stateDirectory, 'slots', folder, 'bin');

describe('an update', () => {
  it('writes the bytes of a whole component once', async () => {
    const { digest } = publish();
    await stopBefore('slots.verify');
    expect(statSync(inSlot(digest)).ino).toBe(statSync(part()).ino);
    expect(statSync(inSlot(digest)).mode & 0o777).toBe(0o755);
    const device = edge.start();
    await device.recover(never);
    expect(device.state.current?.manifestSha256).toBe(digest);
    expect(statSync(inSlot(digest)).nlink).toBe(1);
  });

  it('that is killed between the two names goes on from the bytes it has', async () => {
    const { digest } = publish('0444');
    await stopBefore('slots.seal');
    const device = edge.start();
    await device.recover(never);
    await device.check(never);
    expect(device.state.current?.manifestSha256).toBe(digest);
    const committed = [...edge.server.reports.values()].find(({ outcome }) => outcome === 'committed');
    expect(committed?.transfer?.bytesOnWire).toBeLessThan(bytes.length + 200);
  });

  it('whose shared bytes are damaged fetches them again', async () => {
    const { digest } = publish();
    await stopBefore('slots.verify');
    writeFileSync(inSlot(digest), bytesOf('other', 9000));
    const device = edge.start();
    await device.recover(never);
    await device.check(never);
    expect(device.state.current?.manifestSha256).toBe(digest);
    expect(readFileSync(inSlot(digest))).toEqual(Buffer.from(bytes));
  });

  it('finds a download that begins anew beside a slot that keeps its bytes', () => {
    const { digest, component } = publish();
    const downloads = new DownloadDirectory(edge.stateDirectory);
    downloads.begin('attempt', new Set([component.sha256]));
    const writing = downloads.openPart(component.sha256, bytes.length, 'network');
    writing.write(bytes);
    writing.sync();
    writing.close();
    edge.slots.beginStaging(digest);
    expect(edge.slots.share(digest, component, downloads.fileOf(component.sha256))).toBe(true);
    const again = downloads.openPart(component.sha256, bytes.length, 'network');
    again.restart();
    again.write(bytesOf('another', 500));
    again.sync();
    again.close();
    expect(readFileSync(inSlot(digest, `.staging-${digest}`))).toEqual(Buffer.from(bytes));
    expect(statSync(part()).size).toBe(500);
    // A ledger that is lost counts nothing of the file.
    rmSync(path.join(edge.stateDirectory, 'downloads/ledger.json'));
    new DownloadDirectory(edge.stateDirectory).openPart(component.sha256, bytes.length, 'network').close();
    expect(statSync(part()).size).toBe(0);
  });
});

describe('a file is not shared', () => {
  const shareOf = (prepare: (file: string) => void) => {
    const { digest, component } = publish();
    const file = path.join(edge.folder, 'file');
    prepare(file);
    edge.slots.beginStaging(digest);
    const isShared = edge.slots.share(digest, component, file);
    const staged = lstatSync(inSlot(digest, `.staging-${digest}`), { throwIfNoEntry: false });
    return [isShared, staged !== undefined];
  };

  it('when it has another length', () => {
    expect(shareOf((file) => writeFileSync(file, 'short'))).toEqual([false, false]);
  });

  it('when it has a name elsewhere, or is a link', () => {
    const real = path.join(edge.folder, 'real');
    writeFileSync(real, bytes);
    expect(shareOf((file) => symlinkSync(real, file))).toEqual([false, false]);
  });

  it('when nothing is there, or a folder', () => {
    expect(shareOf(() => undefined)).toEqual([false, false]);
    expect(shareOf((file) => mkdirSync(file))).toEqual([false, false]);
  });
});

it('is copied for the second of two components with the same bytes, each with its own mode', async () => {
  const files = [
    { path: 'a', bytes },
    { path: 'b', bytes },
    { path: 'last', bytes: bytesOf('last', 90) },
  ];
  const { manifest, digest } = edge.publish('1.0.0', 1, files, (component) =>
    component.installPath === 'b' ? { ...component, mode: '0755' } : component,
  );
  edge.server.offered = manifest;
  const device = edge.start();
  await device.recover(never);
  await device.check(never);
  expect(device.state.current?.manifestSha256).toBe(digest);
  const stats = ['a', 'b'].map((name) => statSync(path.join(edge.stateDirectory, 'current', name)));
  expect(stats.map(({ mode }) => mode & 0o777)).toEqual([0o644, 0o755]);
  expect(new Set(stats.map(({ ino }) => ino)).size).toBe(2);
});
