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

export class PredictedFunctionData {
  readonly #geometry: Geometry;
  readonly #map: AddressMap;
  readonly #names: ShiftTable;
  readonly #window: OldWindow;

  constructor(geometry: Geometry, map: AddressMap, names: ShiftTable, window: OldWindow) {
    this.#geometry = geometry;
    this.#map = map;
    this.#names = names;
    this.#window = window;
  }

  /** @param places `offset * 8 + kind` of all function data; sorted here */
  write(region: Region, places: Float64Array, sink: ByteSink): void {
    places.sort();
    let at = 0;
    for (let i = 0; i <= places.length; i++) {
      const place = i < places.length ? (places[i] as number) : region.length * 8;
      const offset = Math.floor(place / 8);
      if (offset > region.length) break;
      if (offset > at) {
        this.#writePiece(region, at, offset, i === 0 ? 0 : (places[i - 1] as number) % 8, sink);
        at = offset;
      }
    }
    if (at < region.length) this.#writePiece(region, at, region.length, 0, sink);
  }

  #writePiece(region: Region, start: number, end: number, kind: number, sink: ByteSink): void {
    for (let at = start; at < end; at += maxViewBytes) {
      const piece = this.#window.view(region.offset + at, Math.min(maxViewBytes, end - at));
      if (at !== start || end - start > maxViewBytes) sink.write(piece);
      else if (kind === kinds.inliningTree) sink.write(this.#inliningTree(new Uint8Array(piece)));
      else if (kind === kinds.stackObjects) sink.write(this.#stackObjects(new Uint8Array(piece)));
      else if (kind === kinds.wrapped) sink.write(this.#wrapped(new Uint8Array(piece)));
      else sink.write(piece);
    }
  }

  /** runtime.inlinedCall: 16 bytes with the name at 4 from Go 1.20 on, 20 bytes with the name at 12 before. */
  #inliningTree(tree: Uint8Array): Uint8Array {
    const [size, name] = this.#geometry.rowBytes === 40 ? [20, 12] : [16, 4];
    for (let at = 0; at + size <= tree.length; at += size) {
      writeUint32(tree, at + name, this.#names.map(readUint32(tree, at + name)));
    }
    return tree;
  }

  /** A count in eight bytes, then runtime.stackObjectRecord with the offset of the mask at 12. */
  #stackObjects(objects: Uint8Array): Uint8Array {
    const { oldRodata, newRodata } = this.#geometry;
    const count = objects.length < 8 ? 0 : readUint32(objects, 0);
    for (let i = 0, at = 8; i < count && at + stackObjectBytes <= objects.length; i++, at += stackObjectBytes) {
      const mask = readUint32(objects, at + 12);
      writeUint32(objects, at + 12, this.#map.map(mask + oldRodata) - newRodata);
    }
    return objects;
  }

  #wrapped(offset: Uint8Array): Uint8Array {
    if (offset.length >= 4) writeUint32(offset, 0, this.#map.mapText(readUint32(offset, 0)));
    return offset;
  }
}
