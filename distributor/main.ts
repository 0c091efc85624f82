/** slipway-distributor: binds the verbs to the adapters of this machine. */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { setImmediate as turn } from 'node:timers/promises';
import { proxiesOfEnvironment } from '../contract/proxy.ts';
import { openReader } from '../system/store/open-reader.ts';
import { openFleetState } from './adapters/database/fleet-state-of-place.ts';
import { openSource } from './adapters/declarations/open-source.ts';
import { planReader } from './adapters/declarations/plan-reader.ts';
import { descriptorLimit } from './adapters/descriptor-limit.ts';
import { gateProbesWhenAsked } from './adapters/gate-probes-when-asked.ts';
import { readPermitKey } from './adapters/permit-key.ts';
import { runProgram } from './commands/program.ts';

const words = process.argv.slice(2);
// Whoever reads the output may leave early, as head does: then a list is long enough, and a server goes on.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    if (words[0] !== 'serve') process.exit();
  });
}

process.exitCode = await runProgram(
  words,
  {
    openFleetState,
    openStore: (url) => openReader(url, process.env),
    openSource: (place) => openSource(place, process.env),
    readPlan: planReader(),
    descriptorLimit: descriptorLimit(),
    openGateProbes: () => gateProbesWhenAsked({ proxies: proxiesOfEnvironment(process.env) }),
    readPermitKey,
    clock: Date.now,
    randomBytes,
    chance: Math.random,
  },
  {
    stdout: (text) => process.stdout.write(text),
    taken: () => (process.stdout.writableNeedDrain ? once(process.stdout, 'drain') : turn()),
    stderr: (text) => process.stderr.write(text),
    isTerminal: process.stderr.isTTY === true,
  },
);
