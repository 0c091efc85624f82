import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Architecture, architectures, visitReferences } from '../../../delta/go/code-references.ts';
import { numberedBytes } from '../make/approximate/edited-bytes.ts';
import { rewrittenCode } from './rewritten-code.ts';

const { amd64, arm64 } = architectures;

interface Reference {
  readonly at: number;
  readonly form: number;
  readonly instruction: number;
  readonly target: number;
}

function references(architecture: Architecture, code: Uint8Array, address: number, inside = true): Reference[] {
  const found: Reference[] = [];
  const visit = (at: number, form: number, instruction: number, target: number) =>
    found.push({ at, form, instruction, target });
  visitReferences(architecture, code, address, visit, inside);
  return found;
}

function words(...values: number[]): Uint8Array {
  return new Uint8Array(Uint32Array.from(values).buffer);
}

/** name, bytes, targets at address 0x401000 (encodings from objdump). */
const amd64Cases: [string, number[], number[]][] = [
  ['call', [0xe8, 0x10, 0, 0, 0], [0x401015]],
  ['jmp and a short jne', [0xe9, 0xfb, 0xff, 0xff, 0xff, 0x75, 0x02], [0x401000, 0x401009]],
  ['jae with a 32-bit distance', [0x0f, 0x83, 0, 1, 0, 0], [0x401106]],
  ['lea rax, [rip+0x20]', [0x48, 0x8d, 0x05, 0x20, 0, 0, 0], [0x401027]],
  ['cmp dword [rip+1], imm8', [0x83, 0x3d, 1, 0, 0, 0, 0x7f], [0x401008]],
  ['mov qword [rip+1], imm32', [0x48, 0xc7, 0x05, 1, 0, 0, 0, 9, 9, 9, 9], [0x40100c]],
  ['cmp word [rip+1], imm16', [0x66, 0x81, 0x3d, 1, 0, 0, 0, 5, 5], [0x40100a]],
  ['test byte [rip+1], imm8', [0xf6, 0x05, 1, 0, 0, 0, 1], [0x401008]],
  ['not byte [rip+1]', [0xf6, 0x15, 1, 0, 0, 0], [0x401007]],
  ['movups xmm0, [rip+4]', [0x0f, 0x10, 0x05, 4, 0, 0, 0], [0x40100b]],
  ['pcmpistri xmm0, [rip+4], 3', [0x66, 0x0f, 0x3a, 0x63, 0x05, 4, 0, 0, 0, 3], [0x40100e]],
  ['vmovdqu ymm0, [rip+4]', [0xc5, 0xfe, 0x6f, 0x05, 4, 0, 0, 0], [0x40100c]],
  ['vpshufb ymm0, ymm1, [rip+4]', [0xc4, 0xe2, 0x75, 0x00, 0x05, 4, 0, 0, 0], [0x40100d]],
  ['vmovdqu64 zmm0, [rip+4]', [0x62, 0xf1, 0xfe, 0x48, 0x6f, 0x05, 4, 0, 0, 0], [0x40100e]],
  ['mov rax, imm64 that holds e8', [0x48, 0xb8, 0xe8, 0, 0, 0, 0, 0, 0, 0, 0xc3], []],
  ['lea rax, [rsp+8] then call', [0x48, 0x8d, 0x44, 0x24, 8, 0xe8, 0, 0, 0, 0], [0x40100a]],
];

describe('references in x86-64 code', () => {
  for (const [name, bytes, targets] of amd64Cases) {
    it(`are found in ${name}`, () => {
      const found = references(amd64, Uint8Array.from(bytes), 0x401000);
      expect(found.map(({ target }) => target)).toEqual(targets);
    });

    it(`are found in ${name}, and more behind it`, () => {
      const code = Uint8Array.from([...bytes, ...new Array<number>(40).fill(0x90)]);
      expect(references(amd64, code, 0x401000).map(({ target }) => target)).toEqual(targets);
    });
  }

  it('are the same in the last instruction as in one with many behind it', () => {
    const starts = fc.constantFrom([], [0x48], [0x41], [0x0f], [0x48, 0x0f], [0x66, 0x0f], [0xf2, 0x0f], [0xc5]);
    fc.assert(
      fc.property(starts, fc.uint8Array({ minLength: 15, maxLength: 15 }), (start, bytes) => {
        const alone = Uint8Array.from([...start, ...bytes]).subarray(0, 15);
        const firstOf = (code: Uint8Array) =>
          references(amd64, code, 0x401000).filter(({ instruction }) => instruction === 0);
        const found = firstOf(Uint8Array.from([...alone, ...bytes, ...bytes]));
        expect(firstOf(alone)).toEqual(found);
      }),
      { numRuns: 20_000 },
    );
  });

  it('are written for another place and target', () => {
    const code = Uint8Array.from([0x48, 0x8d, 0x05, 0x20, 0, 0, 0]);
    const moves = [
      [0x401000, 0x500000 - 0x401000],
      [0x401027, 0x4fff00 - 0x401027],
    ] as const;
    const rewritten = rewrittenCode(amd64, code, 0x401000, moves);
    expect(references(amd64, rewritten, 0x500000)[0]?.target).toBe(0x4fff00);
  });

  it('stay as they are when a short distance does not reach', () => {
    const code = Uint8Array.from([0xeb, 0x02]);
    expect([...rewrittenCode(amd64, code, 0x401000, [[0x401004, 123]])]).toEqual([0xeb, 0x02 + 123]);
    expect([...rewrittenCode(amd64, code, 0x401000, [[0x401004, 0x1000]])]).toEqual([0xeb, 0x02]);
  });
});

/** name, instructions, targets at address 0x11000. */
const arm64Cases: [string, number[], number[]][] = [
  ['bl .+8', [0x94000002], [0x11008]],
  ['b .-4', [0x17ffffff], [0x10ffc]],
  ['b.ne .+16', [0x54000081], [0x11010]],
  ['cbz x0, .+8', [0xb4000040], [0x11008]],
  ['tbnz w1, #3, .-8', [0x371fffc1], [0x10ff8]],
  ['adrp x0, +1 page; add x0, x0, #0x123', [0xb0000000, 0x91048c00], [0x12123]],
  ['adrp x27, +2 pages; ldr x1, [x27, #8]', [0xd000001b, 0xf9400761], [0x13008]],
  ['adrp x27, +1 page; strb w1, [x27, #5]', [0xb000001b, 0x39001761], [0x12005]],
  ['adrp x0 and an add of another register', [0xb0000000, 0x91048c21], [0x12000]],
  ['ldr x0, .+8', [0x58000040], [0x11008]],
];

describe('references in AArch64 code', () => {
  for (const [name, instructions, targets] of arm64Cases) {
    it(`are found in ${name}`, () => {
      const found = references(arm64, words(...instructions), 0x11000);
      expect(found.map(({ target }) => target)).toEqual(targets);
    });
  }

  it('are written for another place and target', () => {
    for (const [, instructions] of arm64Cases) {
      const code = words(...instructions);
      const [reference] = references(arm64, code, 0x11000) as [Reference];
      const { target } = reference;
      const moves: [number, number][] = [
        [0x11000, 0x1000],
        [target, 0x2000],
      ];
      const rewritten = rewrittenCode(
        arm64,
        code,
        0x11000,
        moves.sort(([a], [b]) => a - b),
      );
      expect(references(arm64, rewritten, 0x12000)[0]?.target).toBe(target + 0x2000);
    }
  });
});

describe.each([
  ['x86-64', amd64],
  ['AArch64', arm64],
] as const)('any bytes as %s code', (_, architecture) => {
  it('have fewer references where those to their inside are left out', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (code) => {
        const isInside = (target: number) => target >= 0x400000 && target < 0x400000 + code.length;
        const found = references(architecture, code, 0x400000);
        const outside = references(architecture, code, 0x400000, false);
        expect(outside).toEqual(found.filter(({ target }) => !isInside(target)));
      }),
      { numRuns: 500 },
    );
  });

  it('are read only inside, and come out the same when nothing moved', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(0x7fffffff), (code, place) => {
        const address = place - (place % 4096);
        for (const { at } of references(architecture, code, address)) {
          expect(at).toBeGreaterThanOrEqual(0);
          expect(at).toBeLessThan(code.length);
        }
        expect([...rewrittenCode(architecture, code, address, [])]).toEqual([...code]);
      }),
      { numRuns: 500 },
    );
  });

  it('are rewritten as they always were: a delta of yesterday means the same today', () => {
    const moves = [
      [0x400000, 0x1004],
      [0x401000, 0x3018],
      [0x402000, 0x8c],
    ] as const;
    const rewritten = rewrittenCode(architecture, numberedBytes(20_000, 5), 0x400000, moves);
    // By the first implementation, in TypeScript.
    const expected = architecture === amd64 ? '698d2b987492ff4b' : '066d2bc065c8189f';
    expect(createHash('sha256').update(rewritten).digest('hex').slice(0, 16)).toBe(expected);
  });
});
