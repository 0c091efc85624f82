/**
 * Remembers in the store which deltas were made: a statement, signed by the keys of the product, of the deltas that
 * came of two files, the encoders and their options. So an interrupted publish does not make them again, and neither
 * does another product or platform. An attacker who can write to the store cannot make a statement: only one that the
 * keys given here would sign bit for bit is believed, and the bytes of each delta are compared with its digest.
 */
import { createReadStream, createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import * as z from 'zod';
import { canonicalJson } from '../../contract/canonical-json.ts';
import { type Digest, sha256 } from '../../contract/digest.ts';
import { SlipwayError } from '../../contract/errors.ts';
import { type Delta, deltaSchema } from '../../contract/release/manifest.ts';
import { blobKey, madeDeltasKey } from '../../contract/store-keys.ts';
import { strictJson } from '../../contract/strict-json.ts';
import { deltaEncoderVersion } from '../../delta/make/make-delta.ts';
import type { SigningKey } from '../../system/signing/signing-key.ts';
import { objectStream } from '../../system/store/object-stream.ts';
import type { StoreWriter } from '../../system/store/writer.ts';
import { meter } from '../release/pack-component.ts';
import type { Upload } from './upload.ts';

export interface MadeDelta {
  readonly delta: Delta;
  /** Where its bytes are, as they go into the store. */
  readonly file: string;
}

/** What decides which deltas come out, besides the two files. */
export interface EncoderOptions {
  readonly methods: readonly Delta['format'][];
  /** Versions of libzstd whose frames can be written again. */
  readonly zstd: readonly string[];
  /** For encoders, rounded: machines of one kind differ a little. */
  readonly memoryGiB: number;
}

export interface DeltaMemory {
  /** The deltas of a pair, none when none was worth it; undefined when nothing is known of the pair. */
  recall(from: Digest, to: Digest): Promise<readonly MadeDelta[] | undefined>;
  /** Stores deltas and the statement. */
  keep(from: Digest, to: Digest, made: readonly MadeDelta[]): Promise<void>;
}

interface MemoryPorts {
  readonly store: StoreWriter;
  /** Those of the given keys that may sign for the product. */
  readonly keys: readonly SigningKey[];
  readonly scratch: string;
  /** Brings objects into the store. */
  readonly upload: (uploads: readonly Upload[]) => Promise<void>;
  readonly say: (line: string) => void;
}

const maxStatementBytes = 64 * 1024;
const statementType = 'slipway-made-deltas';
const statementSchema = z.object({ signed: z.object({ deltas: z.array(deltaSchema).max(8) }) });

export function deltaMemory(ports: MemoryPorts, options: EncoderOptions): DeltaMemory {
  const { store, keys, scratch, upload, say } = ports;
  const inputsOf = (from: Digest, to: Digest) => ({ from, to, encoder: deltaEncoderVersion, ...options });
  const statement = (from: Digest, to: Digest, deltas: readonly Delta[]): Uint8Array => {
    const signed = { _type: statementType, inputs: inputsOf(from, to), deltas };
    const bytes = canonicalJson(signed);
    return canonicalJson({ signed, signatures: keys.map((key) => key.sign(bytes).toJSON()) });
  };
  const keyOf = (from: Digest, to: Digest) => madeDeltasKey(sha256(canonicalJson(inputsOf(from, to))));
  return {
    async recall(from, to) {
      const found = await optional(store.readWhole(keyOf(from, to), maxStatementBytes));
      const deltas = found && parse(found.bytes);
      if (!deltas || Buffer.compare(statement(from, to, deltas), found.bytes) !== 0) return undefined;
      const made: MadeDelta[] = [];
      for (const delta of deltas) {
        const file = path.join(scratch, `kept-${delta.sha256}`);
        if (!(await fetched(store, delta, file))) return undefined;
        made.push({ delta, file });
      }
      return made;
    },
    async keep(from, to, made) {
      await upload(made.map(uploadOf));
      const bytes = statement(
        from,
        to,
        made.map(({ delta }) => delta),
      );
      const open = () => Readable.from([bytes], { objectMode: false });
      try {
        await store.putBlob(keyOf(from, to), { length: bytes.length, open });
      } catch (error) {
        if (!(error instanceof SlipwayError) || error.code !== 'store-forbidden') throw error;
        say('the store takes nothing below deltas/, so these deltas are made again when this publish is interrupted');
      }
    },
  };
}

export function uploadOf({ delta, file }: MadeDelta): Upload {
  const open = () => createReadStream(file);
  return { key: blobKey(delta.sha256), sha256: delta.sha256, length: delta.length, open };
}

function parse(bytes: Uint8Array): readonly Delta[] | undefined {
  try {
    return statementSchema.safeParse(strictJson(bytes)).data?.signed.deltas;
  } catch {
    return undefined;
  }
}

/** False when the store has lost the bytes or has others. */
async function fetched(store: StoreWriter, delta: Delta, file: string): Promise<boolean> {
  if ((await store.stat(blobKey(delta.sha256)))?.length !== delta.length) return false;
  const wire = meter();
  const source = await optional(objectStream(store, blobKey(delta.sha256)));
  if (!source) return false;
  await pipeline(source, wire.stream, createWriteStream(file));
  if (wire.digest() === delta.sha256) return true;
  await rm(file, { force: true });
  return false;
}

/** What somebody put there that is too large, or took away, is as good as absent: the deltas are made again. */
async function optional<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    const isAbsent = error instanceof SlipwayError && ['object-missing', 'metadata-too-large'].includes(error.code);
    if (!isAbsent) throw error;
    return undefined;
  }
}
