/**
 * Checks where a component lies inside a slot. It refuses a path that could leave the slot, or that two file systems
 * read differently (arbitrary file write, unicode look-alikes).
 */
import * as z from 'zod';
import { limits } from '../limits.ts';

const segment = /^[A-Za-z0-9._+@-]+$/;

/**
 * Relative, forward slashes, ASCII, no empty, `.` or `..` segment, none that a file system has no room for;
 * `release.json` is the slot's own, as a file and as a folder.
 */
export const installPathSchema = z
  .string()
  .max(limits.maxInstallPathBytes)
  .refine(
    (path) => path.split('/').every((part) => segment.test(part) && part !== '.' && part !== '..'),
    'expected a relative path of ASCII letters, digits and . _ + @ -, without "." or ".." segments',
  )
  .refine(
    (path) => path.split('/').every((part) => part.length <= limits.maxInstallPathSegmentBytes),
    `expected no segment of more than ${limits.maxInstallPathSegmentBytes} bytes`,
  )
  .refine((path) => path.split('/')[0]?.toLowerCase() !== 'release.json', 'release.json names the manifest itself');
