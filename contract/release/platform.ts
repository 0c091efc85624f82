/** Names platforms as the Go toolchain does, since K3s and K0s are built for these. */
import * as z from 'zod';

export const platforms = ['linux/amd64', 'linux/arm64', 'linux/arm'] as const;
export const platformSchema = z.enum(platforms);
export type Platform = z.infer<typeof platformSchema>;

/** The form used in paths and TUF target names: `linux-arm64`. */
export function platformSlug(platform: Platform): string {
  return platform.replace('/', '-');
}

const byNodeArch: Record<string, Platform> = { x64: 'linux/amd64', arm64: 'linux/arm64', arm: 'linux/arm' };

/** The platform of a running Node (`process.arch`); undefined where Slipway has none. */
export function platformOfNodeArch(arch: string): Platform | undefined {
  return byNodeArch[arch];
}

/** ELF `e_machine` of each platform (System V ABI). */
export const elfMachine: Record<Platform, number> = { 'linux/amd64': 62, 'linux/arm64': 183, 'linux/arm': 40 };
