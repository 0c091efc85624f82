/** The K3s or K0s of a device in one line, for `device show` and `why`. */
import type { ToldBox } from '../../../contract/device-api/box.ts';

export function boxText({ distribution, role, unit, version, nodeName, dataDir, datastore }: ToldBox): string {
  const { kind, members } = datastore;
  const count = members === undefined ? '' : ` of ${members} ${members === 1 ? 'member' : 'members'}`;
  return [
    `${distribution} ${version ?? 'of no known version'} ${role} (${unit})`,
    nodeName === undefined ? undefined : `node ${nodeName}`,
    kind === 'none' ? `no datastore, ${dataDir}` : `${kind}${count} in ${dataDir}`,
  ]
    .filter((part) => part !== undefined)
    .join(', ');
}
