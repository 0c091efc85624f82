/**
 * Recognises a software bill of materials and checks what a reader relies on: CycloneDX 1.4 to 1.6 and SPDX 2.2 and 2.3,
 * both as JSON. What is inside one is its maker's word; the whole schema is not checked.
 */
import * as z from 'zod';
import { SlipwayError } from '../../contract/errors.ts';
import { limits } from '../../contract/limits.ts';
import { attachmentMediaTypes } from '../../contract/release/attachment.ts';
import { strictJson } from '../../contract/strict-json.ts';

interface Sbom {
  readonly format: 'CycloneDX' | 'SPDX';
  /** Of the specification. */
  readonly version: string;
  readonly mediaType: string;
  /** Components of CycloneDX, with those inside others; packages of SPDX. */
  readonly components: number;
}

const nameSchema = z.string().min(1).max(4096);
const maxListed = 1_000_000;

const cycloneDxSchema = z.looseObject({
  bomFormat: z.literal('CycloneDX'),
  specVersion: z.enum(['1.4', '1.5', '1.6'], 'expected specVersion 1.4, 1.5 or 1.6'),
  components: z
    .array(z.looseObject({ type: nameSchema, name: nameSchema }))
    .max(maxListed)
    .optional(),
});

const spdxSchema = z.looseObject({
  spdxVersion: z.enum(['SPDX-2.2', 'SPDX-2.3'], 'expected spdxVersion SPDX-2.2 or SPDX-2.3'),
  SPDXID: z.literal('SPDXRef-DOCUMENT'),
  dataLicense: nameSchema,
  name: nameSchema,
  documentNamespace: nameSchema,
  creationInfo: z.looseObject({ created: nameSchema, creators: z.array(nameSchema).min(1) }),
  packages: z
    .array(z.looseObject({ SPDXID: nameSchema, name: nameSchema }))
    .max(maxListed)
    .optional(),
});

/** @throws SlipwayError `attachment-malformed` */
export function readSbom(bytes: Uint8Array, name: string): Sbom {
  if (bytes.length > limits.maxAttachmentBytes) {
    throw malformed(name, `it has ${bytes.length} bytes, ${limits.maxAttachmentBytes} allowed`);
  }
  const value = parse(bytes, name);
  if ('bomFormat' in value) {
    const { specVersion: version, components = [] } = checked(cycloneDxSchema, value, name);
    const mediaType = attachmentMediaTypes.cyclonedx(version);
    return { format: 'CycloneDX', version, mediaType, components: countNested(components) };
  }
  if ('spdxVersion' in value) {
    const { spdxVersion, packages = [] } = checked(spdxSchema, value, name);
    const version = spdxVersion.slice('SPDX-'.length);
    return { format: 'SPDX', version, mediaType: attachmentMediaTypes.spdx, components: packages.length };
  }
  throw malformed(name, 'it has neither bomFormat nor spdxVersion');
}

function parse(bytes: Uint8Array, name: string): object {
  try {
    const value: unknown = strictJson(bytes);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
  } catch (cause) {
    throw malformed(name, 'it is not JSON', cause);
  }
  throw malformed(name, 'it is no JSON object');
}

function checked<S extends z.ZodType>(schema: S, value: object, name: string): z.output<S> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw malformed(name, `${issue?.path.join('.')}: ${issue?.message}`, parsed.error);
}

/** Without recursion: components may hold components as deep as somebody likes. */
function countNested(components: readonly unknown[]): number {
  const left: (readonly unknown[])[] = [components];
  let count = 0;
  for (let list = left.pop(); list !== undefined; list = left.pop()) {
    count += list.length;
    for (const component of list) {
      const inner =
        typeof component === 'object' && component !== null && 'components' in component && component.components;
      if (Array.isArray(inner)) left.push(inner);
    }
  }
  return count;
}

function malformed(name: string, why: string, cause?: unknown): SlipwayError {
  return new SlipwayError('attachment-malformed', `expected an SBOM in ${name}, but ${why}`, {
    hint: 'Give CycloneDX 1.4 to 1.6 or SPDX 2.2 or 2.3 as JSON; syft and trivy write both.',
    cause,
  });
}
