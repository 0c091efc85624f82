/** Defines how a component is named. */
import * as z from 'zod';

export const componentNameSchema = z
  .string()
  .regex(/^[a-z0-9]([a-z0-9._-]{0,61}[a-z0-9])?$/, 'expected lower-case letters, digits and inner . _ -');
