/** Reads the key that signs permits. Its bytes stay here: only signatures leave. */
import { SlipwayError } from '../../contract/errors.ts';
import { readKey } from '../../system/signing/key-source.ts';
import { isSigningKey } from '../../system/signing/signing-key.ts';
import type { PermitSigner } from '../rollout/deciding/permit.ts';

/**
 * @param source a PEM file, a sealed key whose passphrase is in the environment, or `env:NAME`
 * @throws SlipwayError `key-unreadable`, `key-locked`
 */
export async function readPermitKey(source: string, env: NodeJS.ProcessEnv = process.env): Promise<PermitSigner> {
  // Nobody sits at a server, and a command for each permit would keep devices waiting.
  const key = await readKey(source, { env, askPassphrase: async () => undefined });
  if (!isSigningKey(key)) throw unfit(source, 'is a public key and cannot sign');
  if (key.isOutside) throw unfit(source, 'names a signing command, and permits are signed while a device waits');
  if (key.key.keyType !== 'ed25519') throw unfit(source, 'is of another type than ed25519, the one that permits have');
  return { keyId: key.keyId, sign: (bytes) => key.sign(bytes).sig };
}

function unfit(source: string, why: string): SlipwayError {
  return new SlipwayError('key-unreadable', `--permit-key ${source} ${why}`, {
    hint: 'Make one with slipway-packager keygen and delegate permits to it with slipway-packager init --permit-key.',
  });
}
