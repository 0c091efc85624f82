/**
 * `npm run bench -- delta | rollout | fleet`: what Slipway claims about speed, memory and size, measured beside its peers. Each
 * bench prints tables to stdout, or with --json tables to stderr and one JSON document to stdout.
 */
import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { isOnPath } from '../services/commands.ts';
import { installDebianPackages, packagesOfBench } from '../services/debian-packages.ts';
import { benchDelta } from './delta-run.ts';
import { benchFleet, defaultFleetDevices } from './fleet/run.ts';
import type { Pair } from './pairs.ts';
import { benchRollout, defaultDevices } from './rollout/run.ts';

const help = `Usage: npm run bench -- delta [--pair OLD NEW]... [--only WORD]... [--json]
       npm run bench -- rollout [--devices N] [--seconds S] [--json]
       npm run bench -- fleet [--devices N] [--seconds S] [--json]

delta    deltas of real pairs beside xdelta3, zstd, bsdiff and HDiffPatch, those that are on PATH; as root on Debian
         it installs what it lacks first, but for HDiffPatch
rollout  decisions, check-ins, the size of the database and a simulation, for N devices (${defaultDevices})
fleet    a server that knows N devices (${defaultFleetDevices}): its start, a wave, showing and listing, checks at half load;
         and checks over PostgreSQL beside SQLite
`;

const [what, ...words] = process.argv.slice(2);
if (what !== 'delta' && what !== 'rollout' && what !== 'fleet') usage();
// The programs are measured as they are shipped.
const builder = path.join(import.meta.dirname, '../../infra/build.ts');
const build = () => execFileSync(process.execPath, [builder], { stdio: ['ignore', 'ignore', 'inherit'] });
if (what === 'delta') {
  const wishes = deltaWishes(words);
  const say = (line: string) => process.stderr.write(`${line}\n`);
  const missing = installDebianPackages(packagesOfBench, isOnPath, say);
  if (missing !== undefined) say(`some pairs or peers will be left out: ${missing}`);
  build();
  await benchDelta(wishes);
} else {
  const { values } = parseArgs({
    args: words,
    options: {
      devices: { type: 'string', default: String(what === 'fleet' ? defaultFleetDevices : defaultDevices) },
      seconds: { type: 'string', default: '10' },
      json: { type: 'boolean', default: false },
    },
  });
  const [devices, seconds] = [Number(values.devices), Number(values.seconds)];
  if (!(devices >= 1000 && seconds >= 1)) usage();
  build();
  await (what === 'fleet' ? benchFleet : benchRollout)({ devices, seconds, json: values.json });
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
