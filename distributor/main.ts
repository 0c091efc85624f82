/** Binds the verbs of slipway-distributor to the adapters of this machine. */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { setImmediate as turn } from 'node:timers/promises';
import { processStreams } from '../system/command-line/process-streams.ts';
import { proxiesOfEnvironment } from '../system/network/proxy.ts';
import { openReader } from '../system/store/open-reader.ts';
import { openFleetState } from './adapters/database/fleet-state-of-place.ts';
import { openSource } from './adapters/declarations/open-source.ts';
import { planReader } from './adapters/declarations/plan-reader.ts';
import { descriptorLimit } from './adapters/descriptor-limit.ts';
import { gateProbesWhenAsked } from './adapters/gate-probes-when-asked.ts';
import { bearerVerifierWhenAsked } from './adapters/oidc/bearer-verifier-when-asked.ts';
import { onlineSigner } from './adapters/online-signing/online-signer.ts';
import { readPermitKey } from './adapters/permit-key.ts';
import { runDistributor } from './commands/program.ts';
import type { PersonLogin } from './people/login-ports.ts';

const words = process.argv.slice(2);
const outside = {
  openFleetState,
  openStore: (url: string) => openReader(url, process.env),
  openSource: (place: Parameters<typeof openSource>[0]) => openSource(place, process.env),
  readPlan: planReader(),
  descriptorLimit: descriptorLimit(),
  openGateProbes: () => gateProbesWhenAsked({ proxies: proxiesOfEnvironment(process.env) }),
  readPermitKey,
  personLogin: {
    signIn: async (...asked: Parameters<PersonLogin['signIn']>) =>
      (await import('./adapters/oidc/device-login.ts')).deviceLogin.signIn(...asked),
  },
  openBearerVerifier: (issuers: Parameters<typeof bearerVerifierWhenAsked>[0]) =>
    bearerVerifierWhenAsked(issuers, { proxies: proxiesOfEnvironment(process.env) }),
  openOnlineSigner: onlineSigner,
  clock: Date.now,
  randomBytes,
  chance: Math.random,
};

process.exitCode = await runDistributor(words, outside, {
  // Where nobody reads on, a list is long enough, and a server goes on.
  ...processStreams(() => (words[0] === 'serve' ? undefined : process.exit())),
  taken: () => (process.stdout.writableNeedDrain ? once(process.stdout, 'drain') : turn()),
  isTerminal: process.stderr.isTTY === true,
});
