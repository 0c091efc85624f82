/**
 * Writes the units of the actor: a socket that systemd holds, and a service that runs while somebody asks. It has the
 * capabilities that data of other owners needs, the one folder that it may change, and no network but loopback where the
 * API server of the box is its own.
 */
import { isAgent } from '../health/look-at-box.ts';
import type { Adoption } from './adoption.ts';

export const actorSocketUnit = 'slipway-actor.socket';
export const actorServiceUnit = 'slipway-actor.service';
export const actorSocketFile = '/run/slipway/actor.sock';

export const actorCache = '/var/cache/slipway-actor';

/** How the updater is started. */
export interface UpdaterStart {
  readonly unit: string;
  /** Paths */
  readonly program: string;
  readonly configFile: string;
}

/** Has the actor's own record of the box, which the updater may not write. */
export const actorFolder = '/etc/slipway/actor';

export function actorSocket({ actor = actorSocketFile }: Pick<Adoption, 'actor'>): string {
  return `# Written by slipway-edge adopt; slipway-edge unadopt takes it away.
[Unit]
Description=Slipway actor, where the updater asks

[Socket]
ListenStream=${actor}
SocketMode=0600
DirectoryMode=0700
RemoveOnStop=yes

[Install]
WantedBy=sockets.target
`;
}

const apiHere = `# It asks the API server and the kubelet of this box.
IPAddressDeny=any
IPAddressAllow=localhost`;
const apiElsewhere = '# It asks the API server of the cluster, which is on another box, and the kubelet of this one.';

export function actorService(
  { unit, dataDir, role, configuration = [] }: Pick<Adoption, 'unit' | 'dataDir' | 'role' | 'configuration'>,
  { unit: updater, program, configFile }: UpdaterStart,
): string {
  // Settings are replaced by renames, in the folders that have them.
  const settings = new Set(configuration.map((file) => `-${file.slice(0, file.lastIndexOf('/'))}`));
  return `# Written by slipway-edge adopt; slipway-edge unadopt takes it away.
[Unit]
Description=Slipway actor, for the data of ${unit}
RequiresMountsFor=${dataDir}
# Whoever stops or restarts the updater means both: edge.yaml is read anew.
PartOf=${updater}
# It comes back at the next question, however often it was killed.
StartLimitIntervalSec=0

[Service]
ExecStart=${program} act --config ${configFile} --record ${actorFolder}
# What was begun is ended; what is cut off there is done again.
TimeoutStopSec=90s
# Beside its own 80M what K3s takes that unpacks itself.
MemoryHigh=360M
MemoryMax=400M
Nice=10
IOSchedulingClass=best-effort
IOSchedulingPriority=7
# Its own: what the updater could write there would run as the actor.
CacheDirectory=slipway-actor
CacheDirectoryMode=0700
Environment=MALLOC_ARENA_MAX=1

# Data is copied and put back with its owners and times, and the running program is looked at.
CapabilityBoundingSet=CAP_CHOWN CAP_FOWNER CAP_DAC_OVERRIDE CAP_DAC_READ_SEARCH CAP_SYS_PTRACE
ReadWritePaths=${[dataDir, ...settings].join(' ')}
${isAgent({ role }) ? apiElsewhere : apiHere}
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6
SocketBindDeny=any
NoNewPrivileges=yes
ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes
PrivateDevices=yes
DevicePolicy=closed
PrivateMounts=yes
ProtectProc=ptraceable
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectKernelLogs=yes
ProtectControlGroups=yes
ProtectClock=yes
ProtectHostname=yes
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
RemoveIPC=yes
LockPersonality=yes
UMask=0077
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources
SystemCallFilter=@chown
SystemCallErrorNumber=EPERM
# MemoryDenyWriteExecute stays off: the JavaScript engine maps code it has just compiled.
`;
}
