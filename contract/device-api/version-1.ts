/**
 * Translates messages for a peer that speaks version 1 of the device API. An older server refuses a request with a
 * member or a code that it does not know, and would lose the rest. So members that came later are left out, and a later
 * code is told as the nearest one of version 1.
 */
import { type ErrorCode, type Fault, faultOf, isErrorCode, isKnownInVersion1 } from '../errors.ts';
import type { CheckRequest, CheckRequestVersion1 } from './check.ts';
import type { Report, ReportVersion1 } from './report.ts';

const nearest: Record<Fault, ErrorCode> = { release: 'health-lost', device: 'io-error', path: 'server-unreachable' };

export function codeInVersion1(code: string, fault?: Fault): ErrorCode {
  return isErrorCode(code) && isKnownInVersion1(code) ? code : nearest[faultOf(code, fault)];
}

/** The message begins with a code that version 1 does not have, so that a person still reads it. */
export function reportInVersion1({ code, fault, nextTryAt: _, message, ...rest }: Report): ReportVersion1 {
  if (code === undefined) return { ...rest, message };
  const known = codeInVersion1(code, fault);
  const text =
    known === code
      ? message
      : [code, message]
          .filter((part) => part !== undefined)
          .join(': ')
          .slice(0, 2000);
  return { ...rest, code: known, message: text };
}

export function checkInVersion1(check: CheckRequest): CheckRequestVersion1 {
  if (check.schemaVersion === 1) return check;
  const { troubles: _, box: __, machine: ___, safeguards: ____, ...rest } = check;
  return { ...rest, schemaVersion: 1 };
}
