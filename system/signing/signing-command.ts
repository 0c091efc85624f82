/**
 * Signs by a command of this machine, so that a key may lie in a token, an HSM or a key service. The command is given the
 * bytes to sign on its standard input. What it answers is believed only where the public key says so.
 */
import { spawnSync } from 'node:child_process';
import * as z from 'zod';
import { SlipwayError } from '../../contract/errors.ts';
import { isSignature } from '../../contract/trust/signature.ts';
import { ecdsaDer } from './ecdsa-der.ts';
import { type PublicKey, parseKey, type SigningKey, signatureOf } from './signing-key.ts';

/** A program and its arguments; no shell is between. */
const commandSchema = z.array(z.string().max(4096)).min(1).max(64);

const signingCommandSchema = z.strictObject({
  schemaVersion: z.literal(1),
  kind: z.literal('signing-command'),
  /** Gets the bytes on standard input and writes their signature: raw, or as Base64 or hexadecimal text. */
  sign: commandSchema,
  /** Writes the public key, a SubjectPublicKeyInfo in PEM form. */
  publicKey: commandSchema,
  /** For each run. */
  timeoutSeconds: z.number().int().min(1).max(300).default(60),
});
export type SigningCommand = z.infer<typeof signingCommandSchema>;

const maxAnswerBytes = 64 * 1024;
const maxWords = 300;

/** Undefined for anything that is no signing command. */
export function parseSigningCommand(value: unknown): SigningCommand | undefined {
  return signingCommandSchema.safeParse(value).data;
}

/** Where a command runs. */
export interface CommandPlace {
  /** Of the file that names it; paths in it are relative to that. */
  readonly folder: string;
  readonly env: NodeJS.ProcessEnv;
  /** Of the file, for messages. */
  readonly name: string;
}

/** @throws SlipwayError `signer-failed`, `key-unreadable` */
export function publicKeyByCommand({ publicKey, timeoutSeconds }: SigningCommand, place: CommandPlace): PublicKey {
  const pem = answerOf(publicKey, new Uint8Array(), timeoutSeconds, place).toString('latin1');
  const { keyId, key } = parseKey(pem, `what the public key command of ${place.name} printed`);
  return { keyId, key };
}

/** @throws SlipwayError `signer-failed`, `key-unreadable` */
export function keyByCommand(command: SigningCommand, place: CommandPlace): SigningKey {
  const named = publicKeyByCommand(command, place);
  return {
    ...named,
    isOutside: true,
    sign(data) {
      const answer = answerOf(command.sign, data, command.timeoutSeconds, place);
      const found = formsOf(answer).find((bytes) => isSignature(named.key, data, bytes));
      if (found) return signatureOf(named, found);
      throw failed(
        place,
        'it answered with something that is no signature of its key',
        'Check which key it signs with.',
      );
    },
  };
}

/** A tool may write raw bytes, text, or the two numbers of ECDSA one after the other (IEEE P1363). */
function formsOf(answer: Buffer): Uint8Array[] {
  const text = answer.toString('latin1').trim();
  const forms = [answer];
  if (/^([0-9a-fA-F]{2})+$/.test(text)) forms.push(Buffer.from(text, 'hex'));
  if (/^[A-Za-z0-9+/\s]+={0,2}$/.test(text)) forms.push(Buffer.from(text, 'base64'));
  return forms.flatMap((bytes) => (bytes.length === 64 ? [bytes, ecdsaDer(bytes)] : [bytes]));
}

function answerOf(command: readonly string[], input: Uint8Array, timeoutSeconds: number, place: CommandPlace): Buffer {
  const [program = '', ...args] = command;
  const { folder: cwd, env } = place;
  const { status, signal, error, stdout, stderr } = spawnSync(program, args, {
    ...{ cwd, env, input, timeout: timeoutSeconds * 1000, killSignal: 'SIGKILL', maxBuffer: maxAnswerBytes },
  });
  const code = (error as NodeJS.ErrnoException | undefined)?.code;
  if (code === 'ETIMEDOUT') {
    throw failed(place, `it did not answer within ${timeoutSeconds} s`, 'Unlock the token, or raise timeoutSeconds.');
  }
  // A command that needs no input may end before it has taken any.
  if (error && code !== 'EPIPE') throw failed(place, `it cannot be run (${code})`, 'Check the path of its program.');
  if (status === 0) return stdout;
  const words = stderr.toString('utf8').trim().slice(-maxWords);
  throw failed(place, `it ended with ${signal ?? status}${words === '' ? '' : `: ${words}`}`, 'Run it by hand.');
}

function failed({ name }: CommandPlace, why: string, hint: string): SlipwayError {
  return new SlipwayError('signer-failed', `the signing command of ${name}: ${why}`, { hint });
}
