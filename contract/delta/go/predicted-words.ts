/** Predicts tables of fixed-width values: addresses in data, type descriptors, offsets, ELF relocations and symbols. */
import type { AddressMap } from './address-map.ts';
import { readUint32, writeUint32 } from './little-endian.ts';
import type { ShiftTable } from './shift-table.ts';
import type { Geometry } from './side-tables.ts';

/** Smaller values are sizes and counts more often than offsets of types or code. */
const smallestOffset = 0x1000;

export class PredictedWords {
  readonly #geometry: Geometry;
  readonly #map: AddressMap;
  readonly #files: ShiftTable;

  constructor(geometry: Geometry, map: AddressMap, files: ShiftTable) {
    this.#geometry = geometry;
    this.#map = map;
    this.#files = files;
  }

  /** Rewrites the aligned 8-byte words that are addresses of the image. */
  pointers(words: Uint8Array): void {
    for (let at = 0; at + 8 <= words.length; at += 8) this.#pointer(words, at);
  }

  /** Rewrites addresses and the 4-byte offsets of types, names and functions between them. */
  types(words: Uint8Array): void {
    for (let at = 0; at + 8 <= words.length; at += 8) {
      if (this.#pointer(words, at)) continue;
      this.#typeWord(words, at);
      this.#typeWord(words, at + 4);
    }
  }

  typeOffsets(words: Uint8Array): void {
    const { oldTypes, newTypes } = this.#geometry;
    for (let at = 0; at + 4 <= words.length; at += 4) {
      const value = readUint32(words, at);
      if (value !== 0) writeUint32(words, at, this.#map.map(value + oldTypes) - newTypes);
    }
  }

  fileOffsets(words: Uint8Array): void {
    for (let at = 0; at + 4 <= words.length; at += 4) {
      const value = readUint32(words, at);
      if (value !== 0xffffffff) writeUint32(words, at, this.#files.map(value));
    }
  }

  /** Elf64_Rela: place and addend. */
  relocations(entries: Uint8Array): void {
    for (let at = 0; at + 24 <= entries.length; at += 24) {
      this.#pointer(entries, at);
      this.#pointer(entries, at + 16);
    }
  }

  /** Elf64_Sym: the value. */
  symbols(entries: Uint8Array): void {
    for (let at = 0; at + 24 <= entries.length; at += 24) this.#pointer(entries, at + 8);
  }

  #pointer(words: Uint8Array, at: number): boolean {
    if (
      ((words[at + 4] as number) |
        (words[at + 5] as number) |
        (words[at + 6] as number) |
        (words[at + 7] as number)) !==
      0
    ) {
      return false;
    }
    const value = readUint32(words, at);
    if (value < this.#geometry.lowestAddress || value >= this.#geometry.addressEnd) return false;
    writeUint32(words, at, this.#map.map(value));
    return true;
  }

  #typeWord(words: Uint8Array, at: number): void {
    const { oldTypes, newTypes, oldText } = this.#geometry;
    const value = readUint32(words, at);
    if (value < smallestOffset || value >= this.#geometry.addressEnd) return;
    if (this.#map.functionStarting(value) >= 0) writeUint32(words, at, this.#map.mapText(value));
    else if (value + oldTypes < this.#geometry.addressEnd && value + oldTypes > oldText) {
      writeUint32(words, at, this.#map.map(value + oldTypes) - newTypes);
    }
  }
}
