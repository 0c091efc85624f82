/** Finds the mount that a path lies on, as /proc/self/mountinfo lists them (proc_pid_mountinfo(5)). */

interface Mount {
  readonly point: string;
  /** Of this mount, such as `noexec`, then those of the file system, such as `ro`. */
  readonly options: readonly string[];
}

/** Lines that are none are passed over. */
export function parseMounts(text: string): Mount[] {
  return text.split('\n').flatMap((line) => {
    const fields = line.split(' ');
    // A variable number of optional fields ends with a lone hyphen.
    const end = fields.indexOf('-', 6);
    const [point, options, superOptions] = [fields[4], fields[5], fields[end + 3]];
    if (end < 0 || point === undefined || options === undefined || superOptions === undefined) return [];
    return [{ point: unescaped(point), options: [...options.split(','), ...superOptions.split(',')] }];
  });
}

/** @param path absolute, without links. Undefined where no mount has it */
export function mountOf(mounts: readonly Mount[], path: string): Mount | undefined {
  const holding = mounts.filter(({ point }) => point === '/' || path === point || path.startsWith(`${point}/`));
  // The deepest holds it, and of several at one point the one that was mounted last.
  return holding.reduce<Mount | undefined>(
    (found, mount) => (found && found.point.length > mount.point.length ? found : mount),
    undefined,
  );
}

/** Space, tab, newline and backslash stand as three octal digits. */
function unescaped(field: string): string {
  return field.replaceAll(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}
