/**
 * Keeps the ed25519 key of the device, which is made here and never leaves it: in a file that only the updater reads, or
 * behind a command that signs, such as one for a TPM.
 */
import { execFile } from 'node:child_process';
import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import path from 'node:path';
import { deviceKeyIdOf, publicKeySchema, verifyEd25519 } from '../../../contract/device-api/signed-request.ts';
import { SlipwayError } from '../../../contract/errors.ts';
import { readIfThere, replaceFileSync } from '../../../system/files/durable-file-sync.ts';
import { lastLineOfOutput } from '../../update/last-words.ts';

export interface DeviceKey {
  /** See publicKeySchema. */
  readonly publicKey: string;
  readonly keyId: string;
  /** @throws SlipwayError `device-signer-failed` */
  sign(bytes: Uint8Array): Promise<Uint8Array>;
}

const signerMs = 30_000;

/** Makes the key where there is none. @throws SlipwayError codes of the disk; `io-error` for a file that holds none */
export function keyInFile(stateDirectory: string): DeviceKey {
  const file = path.join(stateDirectory, 'device-key.pem');
  const stored = readIfThere(file);
  const key = stored === undefined ? madeIn(file) : keyOf(stored, file);
  const publicKey = createPublicKey(key).export({ format: 'jwk' }).x ?? '';
  return { publicKey, keyId: deviceKeyIdOf(publicKey), sign: async (bytes) => sign(null, bytes, key) };
}

/**
 * The command with `public-key` prints the 32 bytes in base64url, with `sign` it reads bytes from standard input and prints
 * their 64 bytes of signature in base64.
 * @throws SlipwayError `device-signer-failed`
 */
export async function keyOfCommand(command: readonly string[]): Promise<DeviceKey> {
  const publicKey = (await run(command, 'public-key')).trim();
  if (!publicKeySchema.safeParse(publicKey).success) {
    throw failed(command, 'public-key printed no 32 bytes in base64url');
  }
  return {
    publicKey,
    keyId: deviceKeyIdOf(publicKey),
    async sign(bytes) {
      const signature = Buffer.from((await run(command, 'sign', bytes)).trim(), 'base64');
      if (verifyEd25519(publicKey, bytes, signature)) return signature;
      throw failed(command, 'sign printed no signature of its key');
    },
  };
}

function madeIn(file: string): KeyObject {
  const { privateKey } = generateKeyPairSync('ed25519');
  replaceFileSync(file, Buffer.from(privateKey.export({ type: 'pkcs8', format: 'pem' })));
  return privateKey;
}

function keyOf(pem: Uint8Array, file: string): KeyObject {
  try {
    const key = createPrivateKey(Buffer.from(pem));
    if (key.asymmetricKeyType === 'ed25519') return key;
  } catch {
    // Told below.
  }
  throw new SlipwayError('io-error', `${file} holds no ed25519 key`, {
    hint: 'Put the file back; or remove it, forget the device on the server, and enrol it again.',
  });
}

function run([file = '', ...args]: readonly string[], verb: string, input?: Uint8Array): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = { timeout: signerMs, killSignal: 'SIGKILL', maxBuffer: 64 * 1024 } as const;
    const child = execFile(file, [...args, verb], options, (error, stdout, stderr) => {
      // What it prints is a signature at best, and never told.
      const said = lastLineOfOutput({ stdout: '', stderr });
      if (error) reject(failed([file], `${verb}: ${said || error.message}`));
      else resolve(stdout);
    });
    // A command that reads nothing closes the pipe.
    child.stdin?.on('error', () => undefined).end(input ?? '');
  });
}

function failed([file = '']: readonly string[], why: string): SlipwayError {
  return new SlipwayError('device-signer-failed', `${file} ${why}`, {
    hint: 'Run the command of identity.signer in edge.yaml by hand.',
  });
}
