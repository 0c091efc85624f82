/** Reads the reason that a person may give with what they ask for; it goes into the audit log. */
import * as z from 'zod';

/** One line: it is printed in lists. */
export const reasonSchema = z
  .string()
  .max(500)
  .regex(/^\P{Cc}*$/u, 'expected one line');

/** The body may be left out. */
export const becauseSchema = z.strictObject({ reason: reasonSchema.optional() }).nullish();
