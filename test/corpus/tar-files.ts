/** Writes tar files with fixed times and owners, so that the same files always give the same bytes. */
import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream, statSync } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { pack } from 'tar-stream';

export type TarEntry = { readonly name: string; readonly mode?: number } & (
  | { readonly file: string }
  | { readonly text: string }
  | { readonly bytes: Uint8Array }
  | { readonly link: string }
  | { readonly folder: true }
);

/** @returns the digest of the tar */
export async function writeTar(path: string, entries: readonly TarEntry[], time: Date): Promise<string> {
  const archive = pack();
  const hash = createHash('sha256');
  const written = pipeline(
    Readable.from(archive),
    async function* (chunks: AsyncIterable<Buffer>) {
      for await (const chunk of chunks) {
        hash.update(chunk);
        yield chunk;
      }
    },
    createWriteStream(path),
  );
  for (const entry of entries) await add(archive, entry, time);
  archive.finalize();
  await written;
  return hash.digest('hex');
}

async function add(archive: ReturnType<typeof pack>, entry: TarEntry, mtime: Date): Promise<void> {
  const header = {
    name: entry.name,
    mode: entry.mode ?? 0o755,
    mtime,
    uname: 'root',
    gname: 'root',
  };
  if ('link' in entry) archive.entry({ ...header, type: 'symlink', linkname: entry.link });
  else if ('folder' in entry) archive.entry({ ...header, type: 'directory' });
  else if ('text' in entry) archive.entry(header, entry.text);
  else if ('bytes' in entry) archive.entry(header, Buffer.from(entry.bytes));
  else await pipeline(createReadStream(entry.file), archive.entry({ ...header, size: statSync(entry.file).size }));
}
