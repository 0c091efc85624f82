/**
 * Where a component lies inside a slot. A path that could leave the slot, or that two file systems read differently,
 * is refused (arbitrary file write, unicode look-alikes).
 */
import * as z from 'zod';
import { limits } from '../limits.ts';

const segment = /^[A-Za-z0-9._+@-]+$/;

/** Relative, forward slashes, ASCII, no empty, `.` or `..` segment; `release.json` is the slot's own. */
export const installPathSchema = z
  .string()
  .max(limits.maxInstallPathBytes)
  .refine(
    (path) => path.split('/').every((part) => segment.test(part) && part !== '.' && part !== '..'),
    'expected a relative path of ASCII letters, digits and . _ + @ -, without "." or ".." segments',
  )
  .refine((path) => path !== 'release.json', 'release.json names the manifest itself');
