/** A machine in memory for finding the box: units as systemctl describes them, files, processes and K0s' answers. */
import type { BoxMachine } from '../../edge-updater/box/box-machine.ts';
import type { K0sStatus } from '../../edge-updater/box/k0s-status.ts';
import { parseUnits } from '../../edge-updater/box/unit.ts';

export interface UnitSetting {
  /** Of ExecStart, the program first. */
  readonly start: string;
  /** Runs with this main process; 0: it does not run. */
  readonly pid?: number;
  readonly state?: string;
  readonly isEnabled?: boolean;
  readonly environment?: string;
  readonly environmentFiles?: readonly string[];
}

export class MemoryMachine implements BoxMachine {
  readonly settings = new Map<string, UnitSetting>();
  readonly files = new Map<string, string>();
  readonly links = new Map<string, string>();
  readonly executables = new Map<number, string>();
  readonly versions = new Map<number, string>();
  readonly statuses = new Map<string, K0sStatus>();
  /** Members by the folder of an etcd. */
  readonly members = new Map<string, number>();
  /** Node by the file of its certificate. */
  readonly nodes = new Map<string, string>();

  async units(names: readonly string[]) {
    return parseUnits(names.map((name) => this.#shown(name)).join('\n\n'));
  }

  resolved(file: string): string {
    return this.links.get(file) ?? file.replace(/\/+$/, '');
  }

  executableOf(pid: number): string | undefined {
    return this.executables.get(pid);
  }

  async versionTextOf(pid: number): Promise<string | undefined> {
    return this.versions.get(pid);
  }

  text(file: string): string | undefined {
    return this.files.get(file);
  }

  names(folder: string): string[] {
    const inside = [...this.files.keys()].filter((file) => file.startsWith(`${folder}/`));
    return [...new Set(inside.map((file) => file.slice(folder.length + 1).split('/')[0] ?? ''))];
  }

  etcdMembers(folder: string): number | undefined {
    return this.members.get(folder);
  }

  async k0sStatus(socket: string): Promise<K0sStatus | undefined> {
    return this.statuses.get(socket);
  }

  certifiedNode(file: string): string | undefined {
    return this.nodes.get(file);
  }

  #shown(name: string): string {
    const setting = this.settings.get(name);
    if (!setting) return `Id=${name}\nLoadState=not-found\nActiveState=inactive\nMainPID=0`;
    const { start, pid = 0, state = pid === 0 ? 'inactive' : 'active', isEnabled = true, environment = '' } = setting;
    const [program] = start.split(' ');
    return [
      `MainPID=${pid}`,
      `ExecStart={ path=${program} ; argv[]=${start} ; ignore_errors=no ; start_time=[n/a] ; pid=${pid} ; status=0/0 }`,
      `Environment=${environment}`,
      ...(setting.environmentFiles ?? []).map((file) => `EnvironmentFiles=${file} (ignore_errors=yes)`),
      ...[`Id=${name}`, 'LoadState=loaded', `ActiveState=${state}`, `FragmentPath=/etc/systemd/system/${name}`],
      ...['DropInPaths=', `UnitFileState=${isEnabled ? 'enabled' : 'disabled'}`],
    ].join('\n');
  }
}
