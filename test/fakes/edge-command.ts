/**
 * The command line of a device, called in this process: the real verbs over the real adapters, without the start of a
 * program, which takes longer than most verbs do.
 */
import { Writable } from 'node:stream';
import { applyToFile } from '../../edge-updater/adapters/delta/applied-file.ts';
import { Terminal } from '../../edge-updater/adapters/terminal.ts';
import { runEdge } from '../../edge-updater/command-line.ts';
import { addVerbs } from '../../edge-updater/commands/verbs.ts';
import { adoptBox, unadoptBox, updaterPlace } from '../../edge-updater/wiring/adopt-box.ts';
import { actUntilIdle } from '../../edge-updater/wiring/open-actor.ts';
import { DeviceOpener } from '../../edge-updater/wiring/open-device.ts';
import { readDevice } from '../../edge-updater/wiring/read-device.ts';
import type { Called } from './distributor-command.ts';

const never = new AbortController().signal;

export async function callEdge(words: readonly string[]): Promise<Called> {
  const [stdout, stderr]: [string[], string[]] = [[], []];
  const people = new Writable({
    write(chunk, _encoding, done) {
      stderr.push(String(chunk));
      done();
    },
  });
  const opener = new DeviceOpener(new Terminal(people), never);
  const status = await runEdge(
    words,
    (program, output) =>
      addVerbs(program, {
        open: opener.open.bind(opener),
        openPatiently: opener.openPatiently.bind(opener),
        adopt: (opened, configFile) => adoptBox(opened, updaterPlace(configFile)),
        unadopt: (opened, configFile) => unadoptBox(opened, updaterPlace(configFile)),
        act: actUntilIdle,
        read: readDevice,
        applyToFile: (files, out, means) => applyToFile(files, out, means, () => never),
        signal: never,
        output,
      }),
    { stdout: (text) => stdout.push(text), stderr: (text) => stderr.push(text) },
  );
  return { status, stdout: stdout.join(''), stderr: stderr.join('') };
}

/** The same under `--json`, with what it printed as one value. */
export async function callEdgeJson<T>(...words: string[]): Promise<{ status: number; printed: T }> {
  const { status, stdout } = await callEdge([...words, '--json']);
  return { status, printed: JSON.parse(stdout || 'null') as T };
}
