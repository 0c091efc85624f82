/** Finds the schemas of an OpenAPI document that something refers to, each by one name. */

interface WithComponents {
  components?: { schemas?: Record<string, unknown> };
}

const prefix = '#/components/schemas/';
/** A schema has a form that is sent and one that is answered; the first comes with this after its name. */
const sentSuffix = 'Input';

/** Leaves out what nothing refers to; what is sent has its plain name, or `Sent…` where it is answered otherwise. */
export function nameUsedSchemas(document: object & WithComponents): void {
  const { components } = document;
  if (components?.schemas === undefined) return;
  const { schemas, ...others } = components;
  const used = new Set<string>();
  collect({ ...document, components: others }, schemas, used);
  const nameOf = (id: string) => {
    const plain = id.replace(new RegExp(`${sentSuffix}$`), '');
    return id !== plain && used.has(plain) ? `Sent${plain}` : plain;
  };
  components.schemas = Object.fromEntries([...used].sort().map((id) => [nameOf(id), renamed(schemas[id], nameOf)]));
  for (const [key, value] of Object.entries(document)) {
    if (key !== 'components') Object.assign(document, { [key]: renamed(value, nameOf) });
  }
}

/** Adds the names of all schemas that a value refers to, directly or by others. */
function collect(value: unknown, schemas: Readonly<Record<string, unknown>>, used: Set<string>): void {
  if (typeof value !== 'object' || value === null) return;
  for (const [key, part] of Object.entries(value)) {
    const id = key === '$ref' && typeof part === 'string' ? part.replace(prefix, '') : undefined;
    if (id === undefined) collect(part, schemas, used);
    else if (!used.has(id)) {
      used.add(id);
      collect(schemas[id], schemas, used);
    }
  }
}

function renamed(value: unknown, nameOf: (id: string) => string): unknown {
  const text = JSON.stringify(value, (key, part: unknown) =>
    key === '$ref' && typeof part === 'string' ? prefix + nameOf(part.replace(prefix, '')) : part,
  );
  return text === undefined ? undefined : JSON.parse(text);
}
