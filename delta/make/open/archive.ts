/**
 * An archive holds files side by side, between bytes that only frame them. A format opens it by saying where its files
 * lie.
 */
import type { FileRange } from '../file-source.ts';

export interface ArchivedFile {
  /** A label for people; what headers say besides is framing. */
  readonly name: string;
  /** In bytes from the start of the archive. */
  readonly offset: number;
  readonly length: number;
}

export interface Archive {
  /** Regular files with bytes, in order, none reaching into another. */
  readonly files: readonly ArchivedFile[];
  /** Behind the last byte that belongs to the archive. */
  readonly end: number;
}

export interface ArchiveFormat {
  /** Whether an archive of this format begins where the range begins. */
  isAt(range: FileRange): boolean;
  /** The archive at the start of the range, as far as it can be read: what does not look like a header ends it. */
  read(range: FileRange): Archive;
}
