/** `slipway-edge status` shows what the device runs and does. It reads beside a running daemon and changes nothing. */
import type { Command } from 'commander';
import type { Safeguards } from '../../contract/device-api/safeguards.ts';
import { type Field, fieldLines } from '../../system/command-line/fields.ts';
import type { Box, BoxReading } from '../box/box.ts';
import type { Configuration } from '../configuration.ts';
import { attemptOf, type DeviceState, type Held } from '../update/state.ts';
import { isWaiting } from '../update/waiting.ts';
import { type CommandContext, type CommonOptions, defaultConfigFile } from './command-context.ts';
import { examples } from './examples.ts';

/** Everything on the disk that `status` tells of. */
export interface DeviceReading {
  readonly configuration: Configuration;
  /** `lost` where there is a journal that cannot be read. */
  readonly journal: DeviceState | 'absent' | 'lost';
  readonly holder: { readonly pid: number; readonly command: string } | undefined;
  readonly servicePid: number | undefined;
  readonly box: BoxReading;
  readonly safeguards: Safeguards;
  /** Whether the box is adopted, and why its unit does not start the current slot. */
  readonly adoption: { readonly isAdopted: boolean; readonly whyNotOurs: string | undefined };
  readonly downloading: {
    readonly attempt: string;
    readonly bytesOnWire: number;
    readonly resumedFrom: number;
    readonly durableBytes: number;
  };
  readonly nextPollAt: string | undefined;
  /** When the update that waits may switch, as the running daemon knows it; RFC 3339. */
  readonly window: { readonly opensAt: string; readonly closesAt: string } | undefined;
  readonly lastCheck:
    | { readonly at: string; readonly reason: string; readonly message?: string | undefined }
    | undefined;
}

export function addStatus(program: Command, context: Pick<CommandContext, 'read' | 'output'>): void {
  program
    .command('status')
    .description('show the releases, the update under way and the last one')
    .option('--config <file>', 'configuration', defaultConfigFile)
    .addHelpText('after', examples('status', 'status --json | jq .lastAttempt'))
    .addHelpText(
      'after',
      '\nA release under `held` met a trouble of this device or of the path; it is tried again by itself. One under\n`rejected` ran here and did not work; it is tried again after: slipway-edge check-now --retry-rejected',
    )
    .action(async (options: CommonOptions) => {
      const status = statusOf(await context.read(options.config));
      context.output.answer(status, statusText(status));
    });
}

function statusOf(reading: DeviceReading) {
  const { configuration, journal, holder, downloading, lastCheck, box } = reading;
  const state = typeof journal === 'string' ? undefined : journal;
  const attempt = state && attemptOf(state.update);
  const isLive = attempt !== undefined && attempt.id === downloading.attempt;
  return {
    deviceId: configuration.deviceId,
    product: configuration.product,
    platform: configuration.platform,
    server: configuration.server,
    daemon: { running: holder !== undefined, ...(holder ? { pid: holder.pid, command: holder.command } : {}) },
    journal: typeof journal === 'string' ? journal : 'ok',
    phase: state?.update.phase ?? 'idle',
    current: state?.current,
    previous: state?.previous,
    counterFloor: state?.counterFloor ?? 0,
    update: attempt && {
      attempt: attempt.id,
      source: attempt.source,
      version: attempt.release.version,
      manifestSha256: attempt.release.manifestSha256,
      startedAt: attempt.startedAt,
      transfer: {
        ...attempt.transfer,
        ...(isLive ? { bytesOnWire: downloading.bytesOnWire, resumedFrom: downloading.resumedFrom } : {}),
      },
      durableBytes: isLive ? downloading.durableBytes : 0,
      notes: attempt.notes,
    },
    /** Present while a finished update waits; without times where the server has to be asked for its window. */
    waiting:
      state && isWaiting(state.update)
        ? { version: state.update.attempt.release.version, ...reading.window }
        : undefined,
    lastAttempt: state?.lastAttempt,
    rejected: state?.rejected ?? [],
    /** Present after a rollback whose data lies aside: `rollback --undo` brings it back. */
    setAside: state?.setAside,
    /** Present while the device can neither go forward nor back by itself. */
    stranded: state?.stranded,
    held: (state?.held ?? []).map((held) => heldView(held, reading.nextPollAt)),
    pendingReports: state?.outbox.length ?? 0,
    service: { manager: configuration.service.manager, pid: reading.servicePid },
    /** Absent where there is no K3s or K0s, and where it is not known what it is: then `boxTrouble` says why. */
    box: box.kind === 'box' ? box.box : undefined,
    boxTrouble: box.kind === 'refused' ? { code: box.code, message: box.message } : undefined,
    /** Whether updates keep the data of the box and go back with it. */
    adopted: box.kind === 'box' || reading.adoption.isAdopted ? reading.adoption.isAdopted : undefined,
    notOurs: reading.adoption.whyNotOurs,
    /** What the kernel shows of this box: facts, not proofs. */
    safeguards: reading.safeguards,
    lastCheck,
    nextPollAt: reading.nextPollAt,
  };
}

/** A release without a time of its own is tried again at the next poll that offers it. */
function heldView({ version, manifestSha256, code, message, since, notBefore }: Held, nextPollAt: string | undefined) {
  return { version, manifestSha256, code, message, since, nextTryAt: notBefore ?? nextPollAt };
}

type Status = ReturnType<typeof statusOf>;

function statusText(status: Status): string {
  const { update, lastAttempt, daemon } = status;
  const name = (release: Status['current']) => (release ? `${release.version} (counter ${release.counter})` : 'none');
  const fields: Field[] = [
    ['device', `${status.deviceId}, ${status.product} on ${status.platform}`],
    ['updater', daemon.running ? `${daemon.command} (pid ${daemon.pid})` : 'not running'],
    ['journal', status.journal === 'ok' ? undefined : status.journal],
    ['phase', status.phase],
    ['current', name(status.current)],
    ['previous', name(status.previous)],
    ['set aside', status.setAside && `${name(status.setAside.release)} with its data since ${status.setAside.at}`],
    ['service', status.service.pid === undefined ? undefined : `pid ${status.service.pid}`],
    ...boxRows(status),
    ['safeguards', safeguardsText(status.safeguards)],
    ['update', update && `${update.version}, ${transferText(update.transfer)}, ${update.durableBytes} durable`],
    ['waiting', status.waiting && waitingText(status.waiting)],
    ['last attempt', lastAttempt && `${lastAttempt.version} ${lastAttempt.outcome} at ${lastAttempt.endedAt}`],
    ['', lastAttempt && transferText(lastAttempt.transfer)],
    ['', [lastAttempt?.code, lastAttempt?.message].filter(Boolean).join(': ') || undefined],
    [
      'stranded',
      status.stranded && `since ${status.stranded.since}, tried again not before ${status.stranded.notBefore}`,
    ],
    ['', status.stranded?.message],
    ...status.held.flatMap((held) => heldRows(held)),
    ['rejected', status.rejected.map((entry) => entry.version).join(', ') || undefined],
    ['reports waiting', status.pendingReports === 0 ? undefined : String(status.pendingReports)],
    ['last check', status.lastCheck && `${status.lastCheck.at}, ${status.lastCheck.reason}`],
    ['next poll', status.nextPollAt],
  ];
  return fieldLines(fields).join('\n');
}

function boxRows({ box, boxTrouble, adopted, notOurs }: Status): Field[] {
  if (boxTrouble) return [['box', `${boxTrouble.code}: ${boxTrouble.message}`]];
  if (!box) return [];
  return [
    ['box', boxText(box)],
    [
      '',
      `${box.program} of ${box.unit}, ${box.datastore.kind === 'none' ? 'no datastore' : datastoreText(box)} in ${box.dataDir}`,
    ],
    ['', notOurs ?? (adopted ? 'adopted: updates go back with its data' : 'not adopted: updates leave its data alone')],
  ];
}

function safeguardsText({ secureBoot, tpm, diskEncryption, lockdown }: Safeguards): string {
  return `Secure Boot ${secureBoot}, TPM ${tpm}, disk encryption ${diskEncryption}, kernel lockdown ${lockdown}`;
}

function boxText({ distribution, role, version, nodeName }: Box): string {
  const runs = version === undefined ? `${distribution}, no version known to run` : `${distribution} ${version}`;
  return `${runs}, ${role}${nodeName === undefined ? '' : `, node ${nodeName}`}`;
}

function datastoreText({ datastore: { kind, members } }: Box): string {
  return members === undefined ? kind : `${kind} (${members} ${members === 1 ? 'member' : 'members'})`;
}

function heldRows({ version, code, message, nextTryAt }: Status['held'][number]): [string, string][] {
  const again = nextTryAt === undefined ? 'at its next offer' : `not before ${nextTryAt}`;
  return [
    ['held', `${version}, tried again ${again}`],
    ['', `${code}: ${message}`],
  ];
}

function waitingText({ version, opensAt, closesAt }: NonNullable<Status['waiting']>): string {
  if (opensAt === undefined) return `${version} is ready and switches in a window that the server has yet to name`;
  return `${version} is ready and switches between ${opensAt} and ${closesAt}`;
}

function transferText(transfer: { bytesOnWire: number; fullBytes: number; resumedFrom: number }): string {
  return `${transfer.bytesOnWire} of ${transfer.fullBytes} bytes, resumed from ${transfer.resumedFrom}`;
}
