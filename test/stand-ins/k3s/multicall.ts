/**
 * What the installed k3s of the tests runs for all but its version: like K3s' own (cmd/k3s/main.go) it unpacks its payload to
 * a folder named by the payload's hash and becomes the program in there. Where the folder is there already it returns
 * early: links are not moved back.
 */
import { cpSync, existsSync, lstatSync, mkdirSync, readFileSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { etcdSnapshot } from './etcd-snapshot.ts';
import { defaultDataDirectory, optionsOf } from './options.ts';

const [release = '', ...args] = process.argv.slice(2);
const { hash } = JSON.parse(readFileSync(path.join(release, 'release.json'), 'utf8')) as { hash: string };

const folder = unpacked(optionsOf(args, process.env).get('data-dir') ?? defaultDataDirectory);
const bin = path.join(folder, 'bin');
if (args[0] === 'etcd-snapshot') {
  const options = optionsOf(args, process.env);
  process.exit(await etcdSnapshot(args[1] ?? '', options, options.get('data-dir') ?? defaultDataDirectory));
}
// kubectl takes no data directory; K3s has unpacked by then.
if (args[0] === 'kubectl') {
  process.stderr.write('error: unknown flag: --data-dir\n');
  process.exit(1);
}
// K3s names the payload's folder, not the data directory, by this variable.
const environment = { ...process.env, PATH: `${bin}:${process.env.PATH}`, K3S_DATA_DIR: folder };
process.execve?.(path.join(bin, 'k3s'), ['k3s', ...args], environment);

/** One that is unpacked in the default place serves whatever the data directory is. */
function unpacked(dataDirectory: string): string {
  const shared = path.join(defaultDataDirectory, 'data', hash);
  const folder = path.join(dataDirectory, 'data', hash);
  for (const each of [shared, folder]) if (existsSync(path.join(each, 'bin', 'k3s'))) return each;
  mkdirSync(path.dirname(folder), { recursive: true });
  const draft = `${folder}-tmp`;
  rmSync(draft, { recursive: true, force: true });
  cpSync(path.join(release, 'payload'), draft, { recursive: true });
  renameSync(draft, folder);
  const [current, previous] = ['current', 'previous'].map((name) => path.join(dataDirectory, 'data', name));
  if (lstatSync(current as string, { throwIfNoEntry: false })) renameSync(current as string, previous as string);
  symlinkSync(folder, current as string);
  const plugin = path.join(dataDirectory, 'data', 'cni', 'bridge');
  mkdirSync(path.dirname(plugin), { recursive: true });
  rmSync(plugin, { force: true });
  symlinkSync(path.join(folder, 'bin', 'cni'), plugin);
  return folder;
}
