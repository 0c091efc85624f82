/** The reader against the stand-ins, programs of Go in node_modules, and files that are damaged. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openArtifactFile } from '../../../delta/make/file-source.ts';
import { goBuildInfo } from '../../../packager/release/go-build-info.ts';
import { readDistribution } from '../../../packager/release/read-distribution.ts';
import { missingCommands } from '../../services/commands.ts';
import { describeUnless } from '../../services/requirement.ts';
import { type GoMarks, marksOfK0s, marksOfK3s } from '../../stand-ins/go-marks.ts';
import { makeK0s } from '../../stand-ins/k0s/release.ts';
import { makeK3s } from '../../stand-ins/k3s/release.ts';
import { commandsOfStandIns, compileLauncher } from '../../stand-ins/launcher.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'distribution-'));
const at = (name: string) => path.join(folder, name);
const payload = 'a1'.repeat(32);
const k3s = marksOfK3s('v1.33.9+k3s1', payload);
const k0s = marksOfK0s('v1.33.9+k0s.0');

/** A program with these marks. */
function readMarked(name: string, marks: GoMarks) {
  compileLauncher(at(name), { versionText: '', node: '', program: '' }, marks);
  return readDistribution(at(name));
}

describeUnless(missingCommands(...commandsOfStandIns), 'a binary', () => {
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('tells that it is K3s, which version, and the payload that it unpacks', () => {
    const { program, payloadHash } = makeK3s(at('k3s'), { version: 'v1.33.9-rc10+k3s1' });
    expect(readDistribution(program)).toEqual({ name: 'k3s', version: '1.33.9-rc10+k3s1', payload: payloadHash });
  });

  it('tells that it is K0s, whose flags its build hides, also with what K0s appends to it', () => {
    const { program } = makeK0s(at('k0s'), { version: 'v1.33.9+k0s.0' });
    writeFileSync(program, 'v1.2.3+k0s.7\0', { flag: 'a' });
    expect(readDistribution(program)).toEqual({ name: 'k0s', version: '1.33.9+k0s.0', payload: undefined });
  });

  it.each<[string, GoMarks, object | undefined]>([
    ['one of before the module was renamed', renamed(k3s), { name: 'k3s', version: '1.33.9+k3s1', payload }],
    ['one whose flags are hidden', hidden(k3s, 'v1.33.9+k3s2'), { name: 'k3s', version: '1.33.9+k3s2', payload }],
    ['RKE2, which is built of K3s', replaced(k3s, '+k3s1', '+rke2r1'), undefined],
    ['a program that uses code of K0s', replaced(k0s, '(devel)', 'v1.33.1+k0s.0'), undefined],
    ['two versions in one program', more(k0s, 'v1.34.1+k0s.0'), { name: 'k0s', version: undefined }],
    [
      'two payloads',
      more(k3s, `${'b'.repeat(64)}.tar.zst`),
      { name: 'k3s', version: '1.33.9+k3s1', payload: undefined },
    ],
    ['a build without a version', { ...k0s, texts: [] }, { name: 'k0s', version: undefined }],
    ['a version that is none', replaced(k3s, 'v1.33.9+', 'dev+'), { name: 'k3s', version: undefined, payload }],
  ])('%s', (name, marks, expected) => {
    const found = readMarked(name.replaceAll(/\W/g, '-'), marks);
    if (expected === undefined) expect(found).toBeUndefined();
    else expect(found).toMatchObject(expected);
  });

  it('is read in no other program, also where it is damaged', () => {
    const script = at('script');
    writeFileSync(script, '#!/bin/sh\n');
    for (const file of [script, process.execPath, '/dev/null']) expect(readDistribution(file)).toBeUndefined();
  });
});

describeUnless(missingCommands(...commandsOfStandIns), 'build info of Go', () => {
  let whole: Buffer;
  beforeAll(() => {
    const { program } = makeK3s(path.join(mkdtempSync(path.join(tmpdir(), 'go-info-')), 'k3s'), {
      version: 'v1.33.9+k3s1',
    });
    whole = readFileSync(program);
  });

  it('is read from a program that Go built', () => {
    const tsc = path.join(import.meta.dirname, '../../../node_modules/@typescript/typescript-linux-x64/lib/tsc');
    expect(goBuildInfo(openArtifactFile(tsc))).toMatch(
      /^path\tgithub\.com\/microsoft\/typescript-go\/cmd\/tsgo\nmod\t/,
    );
  });

  it('is none where a byte of its header or its length is wrong, or the file ends before', () => {
    const file = path.join(mkdtempSync(path.join(tmpdir(), 'go-info-')), 'damaged');
    const start = whole.indexOf('\xff Go buildinf:', 0, 'latin1');
    const flips = [
      [0, 0],
      [15, 0],
      [32, 0xff],
      [42, 0xff],
      [43, 0xff],
    ] as const;
    for (const [offset, value] of flips) {
      const damaged = Buffer.from(whole);
      damaged[start + offset] = value;
      writeFileSync(file, damaged);
      expect(goBuildInfo(openArtifactFile(file)), `byte ${offset}`).toBeUndefined();
    }
    for (const length of [0, 20, 64, start, whole.length - 100]) {
      writeFileSync(file, whole.subarray(0, length));
      expect(goBuildInfo(openArtifactFile(file)), `${length} bytes`).toBeUndefined();
    }
  });
});

function replaced({ lines, texts }: GoMarks, from: string, to: string): GoMarks {
  return { lines: lines.map((line) => line.replace(from, to)), texts };
}

function renamed(marks: GoMarks): GoMarks {
  return { ...marks, lines: marks.lines.map((line) => line.replaceAll('k3s-io/k3s', 'rancher/k3s')) };
}

function hidden({ lines, texts }: GoMarks, version: string): GoMarks {
  return { lines: lines.filter((line) => !line.includes('ldflags')), texts: [...texts, version] };
}

function more({ lines, texts }: GoMarks, text: string): GoMarks {
  return { lines, texts: [...texts, text] };
}
