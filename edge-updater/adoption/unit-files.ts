/** Writes the files of systemd that adopting a box adds: a hold before its unit, a look at boot, and what the updater may. */
import type { Adoption } from './adoption.ts';

export const bootUnit = 'slipway-edge-boot.service';

/** The drop-in that lets the updater hold a unit; below /etc/systemd/system. */
export function holdDropInOf(unit: string): string {
  return `${unit}.d/50-slipway.conf`;
}

export interface UnitFile {
  /** Below /etc/systemd/system. */
  readonly name: string;
  readonly text: string;
}

/** @param updater the unit of the updater itself; undefined where it runs by other means */
export function unitFilesOf(
  adoption: Adoption,
  holdFile: string,
  updater: { readonly unit: string; readonly program: string; readonly configFile: string },
): UnitFile[] {
  const { unit, dataDir, configuration = [] } = adoption;
  const folders = [...new Set(configuration.map((file) => `-${file.slice(0, file.lastIndexOf('/'))}`))];
  return [
    {
      name: holdDropInOf(unit),
      text: `# Written by slipway-edge adopt; slipway-edge unadopt takes it away.
[Unit]
After=${bootUnit}
# While an update has the box down, neither a restart nor a reboot starts it on data that is half exchanged.
ConditionPathExists=!${holdFile}
`,
    },
    {
      name: bootUnit,
      text: `# Written by slipway-edge adopt; slipway-edge unadopt takes it away.
[Unit]
Description=Slipway, before ${unit} starts
DefaultDependencies=no
RequiresMountsFor=${dataDir} ${holdFile}
After=local-fs.target
Before=${unit} ${updater.unit}
Conflicts=shutdown.target

[Service]
Type=oneshot
ExecStart=${updater.program} recover --boot --config ${updater.configFile}
# An updater that is broken does not keep the box down for longer.
TimeoutStartSec=120
# Reads and renames the box's own data, as its owner.
CapabilityBoundingSet=CAP_CHOWN CAP_FOWNER CAP_DAC_OVERRIDE CAP_DAC_READ_SEARCH CAP_SYS_PTRACE
NoNewPrivileges=yes
ProtectHome=yes
PrivateTmp=yes
PrivateNetwork=yes

[Install]
WantedBy=multi-user.target
`,
    },
    {
      name: `${updater.unit}.d/50-slipway-box.conf`,
      text: `# Written by slipway-edge adopt; slipway-edge unadopt takes it away.
[Service]
# The datastore is copied and put back with its owners and times, and the running program is looked at.
ReadWritePaths=${[dataDir, ...folders].join(' ')}
CapabilityBoundingSet=CAP_CHOWN CAP_FOWNER CAP_DAC_OVERRIDE CAP_DAC_READ_SEARCH CAP_SYS_PTRACE
`,
    },
  ];
}
