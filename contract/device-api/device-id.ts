/** Defines the id of a device, which is the same in every program, message and path. */
import * as z from 'zod';

/** Letters, digits and inner . _ -, at most 63: safe in a path, a log line and a file name. */
export const deviceIdSchema = z
  .string()
  .regex(/^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/, 'expected letters, digits and inner . _ -, 63 at most');
export type DeviceId = z.infer<typeof deviceIdSchema>;
