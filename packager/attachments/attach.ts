/** Puts documents into a build folder as blobs, and describes them as release.json names them. */
import path from 'node:path';
import { sha256 } from '../../contract/digest.ts';
import { SlipwayError } from '../../contract/errors.ts';
import { limits } from '../../contract/limits.ts';
import { type Attachment, attachmentSchema } from '../../contract/release/attachment.ts';
import { makeFolder, replaceFile } from '../../system/files/durable-file.ts';
import { blobFile } from '../release/build-folder.ts';

/** A document that goes beside the components. */
export interface AttachedDocument {
  readonly attachment: Attachment;
  readonly bytes: Uint8Array;
}

/** @throws SlipwayError `attachment-malformed` for a name that no other machine could have */
export function attachedDocument(
  kind: Attachment['kind'],
  { name, bytes }: { readonly name: string; readonly bytes: Uint8Array },
  mediaType: string,
): AttachedDocument {
  const parsed = attachmentSchema.safeParse({ kind, name, mediaType, length: bytes.length, sha256: sha256(bytes) });
  if (parsed.success) return { attachment: parsed.data, bytes };
  const [issue] = parsed.error.issues;
  throw new SlipwayError('attachment-malformed', `${name}: ${issue?.path.join('.')}: ${issue?.message}`, {
    hint: `Rename it, or give one of at most ${limits.maxAttachmentBytes} bytes.`,
  });
}

/** @throws SlipwayError codes of the disk */
export async function writeAttachments(folder: string, documents: readonly AttachedDocument[]): Promise<void> {
  for (const { attachment, bytes } of documents) {
    const file = blobFile(folder, attachment.sha256);
    await makeFolder(path.dirname(file));
    await replaceFile(file, bytes);
  }
}
