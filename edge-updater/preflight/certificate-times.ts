/** Objects to a clock that stands outside the times of the box's own certificates: its components would trust nobody. */
import type { BoxFacts } from './facts.ts';
import type { Objection } from './objection.ts';

export function objectToClock({ certificates, now }: BoxFacts): Objection | undefined {
  const early = certificates.find(({ notBefore }) => now < notBefore);
  if (early) {
    return {
      code: 'clock-wrong',
      message: `the clock says ${text(now)}, but ${early.file} is valid from ${text(early.notBefore)} on`,
      hint: 'Set the clock of this device; the update goes on by itself then.',
    };
  }
  const late = certificates.find(({ notAfter }) => now > notAfter);
  if (!late) return undefined;
  return {
    code: 'clock-wrong',
    message: `the clock says ${text(now)}, but ${late.file} ended at ${text(late.notAfter)}`,
    hint: 'Set the clock of this device; if it is right, restart the unit, which renews its certificates.',
  };
}

function text(milliseconds: number): string {
  return new Date(milliseconds).toISOString();
}
