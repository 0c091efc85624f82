/**
 * `npm run bench -- delta | device | fleet | repository | rollout | server`: what Slipway claims about speed, memory and size, measured beside
 * its peers. Each bench prints tables to stdout, or with --json tables to stderr and one JSON document to stdout.
 */
import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { isOnPath } from '../services/commands.ts';
import { installDebianPackages, packagesOfBench, packagesOfServerBench } from '../services/debian-packages.ts';
import { benchDelta } from './delta-run.ts';
import { benchDevice } from './device/run.ts';
import { benchFleet, defaultFleetDevices } from './fleet/run.ts';
import type { Pair } from './pairs.ts';
import { benchRepository, defaultReleases } from './repository/run.ts';
import { benchRollout, defaultDevices } from './rollout/run.ts';
import { benchServer, defaultDevices as defaultServerDevices } from './server/run.ts';

const help = `Usage: npm run bench -- delta [--pair OLD NEW]... [--only WORD]... [--json]
       npm run bench -- device [--rounds N] [--json]
       npm run bench -- rollout [--devices N] [--seconds S] [--json]
       npm run bench -- repository [--releases N] [--json]
       npm run bench -- fleet [--devices N] [--seconds S] [--json]
       npm run bench -- server [--devices N] [--seconds S] [--json]

delta    deltas of real pairs beside xdelta3, zstd, bsdiff and HDiffPatch, those that are on PATH; as root on Debian
         it installs what it lacks first, but for HDiffPatch
device   the start of a command, memory while waiting, a whole component beside curl, sha256sum and sync
fleet    a server that knows N devices (${defaultFleetDevices}): its start, a wave, showing and listing, checks at half load;
         and checks over PostgreSQL beside SQLite; needs wrk
repository  what N releases of one product (${defaultReleases}) cost a device, a server and a publisher
rollout  decisions, check-ins, the size of the database and a simulation, for N devices (${defaultDevices}); needs wrk
server   blobs beside nginx, plain and TLS, with CPU time; 500 and 1,000 slow readers with memory; check-ins of N devices
         (${defaultServerDevices}) with times at half load; as root on Debian it installs wrk and nginx first
`;

const [what, ...words] = process.argv.slice(2);
const benches = ['delta', 'device', 'fleet', 'repository', 'rollout', 'server'];
if (what === undefined || !benches.includes(what)) usage();
// The programs are measured as they are shipped.
const builder = path.join(import.meta.dirname, '../../infra/build.ts');
const build = () => execFileSync(process.execPath, [builder], { stdio: ['ignore', 'ignore', 'inherit'] });
const say = (line: string) => process.stderr.write(`${line}\n`);
if (what === 'delta') {
  const wishes = deltaWishes(words);
  const missing = installDebianPackages(packagesOfBench, isOnPath, say);
  if (missing !== undefined) say(`some pairs or peers will be left out: ${missing}`);
  build();
  await benchDelta(wishes);
} else if (what === 'device') {
  const options = { rounds: { type: 'string', default: '3' }, json: { type: 'boolean', default: false } } as const;
  const { values } = parseArgs({ args: words, options });
  if (!(Number(values.rounds) >= 1)) usage();
  build();
  await benchDevice({ rounds: Number(values.rounds), json: values.json });
} else if (what === 'repository') {
  const releases = { type: 'string', default: String(defaultReleases) } as const;
  const { values } = parseArgs({ args: words, options: { releases, json: { type: 'boolean', default: false } } });
  if (!(Number(values.releases) > 500)) usage();
  await benchRepository({ releases: Number(values.releases), json: values.json });
} else {
  const loads = {
    fleet: { run: benchFleet, devices: defaultFleetDevices, seconds: 10 },
    rollout: { run: benchRollout, devices: defaultDevices, seconds: 10 },
    server: { run: benchServer, devices: defaultServerDevices, seconds: 3 },
  };
  const load = loads[what as keyof typeof loads];
  const wishes = loadWishes(words, load.devices, load.seconds);
  const missing = installDebianPackages(packagesOfServerBench, isOnPath, say);
  if (missing !== undefined) throw new Error(missing);
  build();
  await load.run(wishes);
}

function loadWishes(args: readonly string[], devicesByDefault: number, secondsByDefault: number) {
  const { values } = parseArgs({
    args: [...args],
    options: {
      devices: { type: 'string', default: String(devicesByDefault) },
      seconds: { type: 'string', default: String(secondsByDefault) },
      json: { type: 'boolean', default: false },
    },
  });
  const [devices, seconds] = [Number(values.devices), Number(values.seconds)];
  if (!(devices >= 1000 && seconds >= 1)) usage();
  return { devices, seconds, json: values.json };
}

function deltaWishes(args: readonly string[]) {
  const given: Pair[] = [];
  const only: string[] = [];
  let json = false;
  for (let i = 0; i < args.length; i++) {
    const [word, first, second] = args.slice(i, i + 3);
    if (word === '--json') json = true;
    else if (word === '--only' && first !== undefined) {
      only.push(first);
      i += 1;
    } else if (word === '--pair' && first !== undefined && second !== undefined) {
      given.push({ name: `${path.basename(first)} → ${path.basename(second)}`, old: first, new: second });
      i += 2;
    } else usage();
  }
  return { given, only, json };
}

function usage(): never {
  process.stderr.write(help);
  process.exit(2);
}
