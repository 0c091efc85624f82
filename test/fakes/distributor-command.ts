/**
 * The command line of the distributor, called in this process: the real verbs over the real adapters, without the start
 * of a program, which takes longer than most verbs do.
 */
import { randomBytes } from 'node:crypto';
import { openFleetState } from '../../distributor/adapters/database/fleet-state-of-place.ts';
import { openSource } from '../../distributor/adapters/declarations/open-source.ts';
import { gateProbes } from '../../distributor/adapters/gate-probes.ts';
import { bearerVerifier } from '../../distributor/adapters/oidc/bearer-verifier.ts';
import { deviceLogin } from '../../distributor/adapters/oidc/device-login.ts';
import { onlineSigner } from '../../distributor/adapters/online-signing/online-signer.ts';
import { readPermitKey } from '../../distributor/adapters/permit-key.ts';
import { runDistributor } from '../../distributor/commands/program.ts';
import { noProxyRule } from '../../system/network/proxy.ts';
import { openReader } from '../../system/store/open-reader.ts';
import { planReadHere } from './plan-read-here.ts';

export interface Called {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** @param stdout what it has printed so far, for those who look while it runs */
export async function callDistributor(
  words: readonly string[],
  { clock = Date.now, stdout = [] as string[], personLogin = deviceLogin } = {},
): Promise<Called> {
  const stderr: string[] = [];
  const status = await runDistributor(
    words,
    {
      openFleetState,
      openStore: (url) => openReader(url, {}),
      openSource: (place) => openSource(place, process.env),
      readPlan: planReadHere,
      descriptorLimit: undefined,
      openGateProbes: () => gateProbes(),
      readPermitKey,
      personLogin,
      openBearerVerifier: (issuers) => bearerVerifier(issuers, { proxies: noProxyRule }),
      openOnlineSigner: onlineSigner,
      clock,
      randomBytes,
      chance: Math.random,
    },
    { stdout: (text) => stdout.push(text), stderr: (text) => stderr.push(text) },
  );
  return { status, stdout: stdout.join(''), stderr: stderr.join('') };
}

/** The same under `--json`, with what it printed as one value. */
export async function callDistributorJson(...words: string[]) {
  const { status, stdout, stderr } = await callDistributor([...words, '--json']);
  return { status, printed: JSON.parse(stdout || 'null'), text: `${stdout}${stderr}` };
}
