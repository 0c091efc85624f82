/**
 * Predicts the function data (`go:func.*`): names in inlining trees, pointer masks of stack objects and the functions
 * that wrappers wrap move with what they name; everything else is copied.
 */
import type { ByteSink } from '../../byte-sink.ts';
import type { AddressMap } from './address-map.ts';
import { readUint32, writeUint32 } from './little-endian.ts';
import { maxViewBytes, type OldWindow } from './old-window.ts';
import type { Region } from './regions.ts';
import type { ShiftTable } from './shift-table.ts';
import type { Geometry } from './side-tables.ts';

/** internal/abi/symtab.go: FUNCDATA_StackObjects, FUNCDATA_InlTree, FUNCDATA_WrapInfo. */
const kinds = { stackObjects: 2, inliningTree: 3, wrapped: 7 } as const;
const stackObjectBytes = 16;
/** Pieces are read, rewritten and written together up to this; a longer piece is a batch of its own. */
const batchBytes = 128 * 1024;
const maxPieces = 8192;

export class PredictedFunctionData {
  readonly #geometry: Geometry;
  readonly #map: AddressMap;
  readonly #names: ShiftTable;
  readonly #window: OldWindow;
  #buffer = new Uint8Array(batchBytes);
  /** In the region: what is not written yet, and in it the pieces to rewrite. */
  #batchStart = 0;
  readonly #starts = new Uint32Array(maxPieces);
  readonly #ends = new Uint32Array(maxPieces);
  readonly #kinds = new Uint8Array(maxPieces);

  constructor(geometry: Geometry, map: AddressMap, names: ShiftTable, window: OldWindow) {
    this.#geometry = geometry;
    this.#map = map;
    this.#names = names;
    this.#window = window;
  }

  /** @param places `offset * 8 + kind` of all function data; sorted here */
  write(region: Region, places: Uint32Array, sink: ByteSink): void {
    places.sort();
    let at = 0;
    let kind = 0;
    let filled = 0;
    for (let i = 0; i <= places.length; i++) {
      const place = i < places.length ? (places[i] as number) : region.length * 8;
      const offset = Math.floor(place / 8);
      if (offset > region.length) break;
      if (offset > at) {
        if (filled === maxPieces || offset - this.#batchStart > batchBytes) {
          this.#writeBatch(region, at, filled, sink);
          filled = 0;
        }
        if (kind === kinds.inliningTree || kind === kinds.stackObjects || kind === kinds.wrapped) {
          this.#starts[filled] = at;
          this.#ends[filled] = offset;
          this.#kinds[filled++] = kind;
        }
        at = offset;
      }
      kind = place % 8;
    }
    this.#writeBatch(region, at, filled, sink);
    this.#copy(region, at, region.length, sink);
  }

  /** Pieces from the batch's start to `end`, of which the first `count` noted ones are rewritten. */
  #writeBatch(region: Region, end: number, count: number, sink: ByteSink): void {
    const start = this.#batchStart;
    this.#batchStart = end;
    if (end - start > maxViewBytes) {
      this.#copy(region, start, end, sink);
      return;
    }
    if (end - start > this.#buffer.length) this.#buffer = new Uint8Array(end - start);
    const batch = this.#buffer.subarray(0, end - start);
    batch.set(this.#window.view(region.offset + start, end - start));
    for (let i = 0; i < count; i++) {
      const from = (this.#starts[i] as number) - start;
      const to = (this.#ends[i] as number) - start;
      const kind = this.#kinds[i] as number;
      if (kind === kinds.inliningTree) this.#inliningTree(batch, from, to);
      else if (kind === kinds.stackObjects) this.#stackObjects(batch, from, to);
      else this.#wrapped(batch, from, to);
    }
    sink.write(batch);
  }

  #copy(region: Region, start: number, end: number, sink: ByteSink): void {
    for (let at = start; at < end; at += batchBytes) {
      sink.write(this.#window.view(region.offset + at, Math.min(batchBytes, end - at)));
    }
  }

  /** runtime.inlinedCall: 16 bytes with the name at 4 from Go 1.20 on, 20 bytes with the name at 12 before. */
  #inliningTree(bytes: Uint8Array, from: number, to: number): void {
    const size = this.#geometry.rowBytes === 40 ? 20 : 16;
    const name = this.#geometry.rowBytes === 40 ? 12 : 4;
    for (let at = from; at + size <= to; at += size) {
      writeUint32(bytes, at + name, this.#names.map(readUint32(bytes, at + name)));
    }
  }

  /** A count in eight bytes, then runtime.stackObjectRecord with the offset of the mask at 12. */
  #stackObjects(bytes: Uint8Array, from: number, to: number): void {
    const { oldRodata, newRodata } = this.#geometry;
    const count = to - from < 8 ? 0 : readUint32(bytes, from);
    for (let i = 0, at = from + 8; i < count && at + stackObjectBytes <= to; i++, at += stackObjectBytes) {
      const mask = readUint32(bytes, at + 12);
      writeUint32(bytes, at + 12, this.#map.map(mask + oldRodata) - newRodata);
    }
  }

  #wrapped(bytes: Uint8Array, from: number, to: number): void {
    if (to - from >= 4) writeUint32(bytes, from, this.#map.mapText(readUint32(bytes, from)));
  }
}
