/** The words of a kube-apiserver that refuses: a Status with who may not do what, or which object is not there. */

export type Refusal = ReturnType<typeof status>;

/** One object, or with a verb on all of a kind none. */
export interface Named {
  readonly resource: string;
  readonly name: string;
  readonly group?: string | undefined;
  readonly namespace?: string | undefined;
}

type Wish = { readonly path: string } | (Partial<Named> & { readonly verb: string; readonly resource: string });

export const unauthorized = status(401, 'Unauthorized', 'Unauthorized');

export function notFound({ resource, name, group }: Named): Refusal {
  return status(404, 'NotFound', `${qualified(resource, group)} "${name}" not found`, { name, group, kind: resource });
}

export function forbidden(user: string, wish: Wish): Refusal {
  if ('path' in wish) return status(403, 'Forbidden', `forbidden: User "${user}" cannot get path "${wish.path}"`, {});
  const { verb, resource, name, group, namespace } = wish;
  const where = namespace === undefined ? 'at the cluster scope' : `in the namespace "${namespace}"`;
  const what = [qualified(resource, group), ...(name === undefined ? [] : [`"${name}"`])].join(' ');
  const why = `User "${user}" cannot ${verb} resource "${resource}" in API group "${group ?? ''}" ${where}`;
  return status(403, 'Forbidden', `${what} is forbidden: ${why}`, { name, group, kind: resource });
}

function qualified(resource: string, group: string | undefined): string {
  return group === undefined ? resource : `${resource}.${group}`;
}

function status(code: number, reason: string, message: string, details?: object) {
  return { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message, reason, details, code };
}
