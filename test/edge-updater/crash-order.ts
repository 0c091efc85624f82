/**
 * Orders that an updater keeps, looked at after every change of a scenario on what a power cut would leave there. A fault that shows
 * between two changes alone is met here, where a sample of cuts passes it by.
 */
import path from 'node:path';
import type { Digest } from '../../contract/digest.ts';
import type { LoggedChange } from '../fakes/disk-log.ts';
import type { VolatileDisk } from '../fakes/volatile-disk.ts';
import type { CrashMachine, ServiceThen } from './crash-machine.ts';

/** SQLite makes the index of a write-ahead log anew wherever nobody has it open, whatever lies there. */
const matters = (name: string) => !name.endsWith('-shm');

/** One change, after it was made. */
interface Made {
  readonly disk: VolatileDisk;
  readonly logged: LoggedChange<ServiceThen>;
  /** The release that was started by it. */
  readonly started: Digest | undefined;
}

export class CrashOrder {
  readonly #state: string;
  readonly #data: string;
  #links: Readonly<Record<'current' | 'previous', Digest | undefined>>;
  #written: ReadonlyMap<Digest, number>;

  /** @param disk before the first change */
  constructor({ prepared, before }: CrashMachine, disk: VolatileDisk) {
    this.#state = prepared.edge.stateDirectory;
    this.#data = prepared.box.dataDir;
    this.#links = this.#linksOf(disk);
    this.#written = before.service.written;
  }

  /** What is not as it has to be after this change. */
  broken(disk: VolatileDisk, logged: LoggedChange<ServiceThen>): string[] {
    const made = { disk, logged, started: this.#startedBy(logged) };
    const found = [
      this.#renamed(made),
      this.#exchanged(made),
      this.#ended(made),
      this.#ran(made),
      this.#switched(made),
    ];
    // What the box does to its own files is not the updater's.
    return logged.mark.writing === undefined ? found.filter((text) => text !== undefined) : [];
  }

  /** What is not as it has to be when the device is at rest. */
  brokenAtRest(disk: VolatileDisk, running: Digest | undefined, payload: string): string[] {
    const unpacked = path.join(this.#data, 'data', payload);
    // What a box that is not adopted unpacks is nothing that the updater keeps.
    const isUnpacked = disk.isThere(unpacked) && disk.isThere(path.join(this.#data, 'slipway/owner.json'));
    return [
      disk.lasting(path.join(this.#state, 'hold')) === undefined ? undefined : 'the box is held after a power cut',
      running === undefined || this.#link(disk, 'current') === running
        ? undefined
        : '`current` does not last as what runs',
      !isUnpacked || disk.isWhole(unpacked) ? undefined : 'what runs was unpacked and does not last',
    ].filter((text) => text !== undefined);
  }

  /** Bytes before names: else the name may last without them. */
  #renamed({ disk, logged: { change } }: Made): string | undefined {
    if (change.kind !== 'move' || disk.isWhole(change.file, matters)) return undefined;
    // What is set aside is nobody's to start from; it was in use until now.
    if (change.file.includes('/slipway/aside/') || !disk.isThere(change.file)) return undefined;
    return `${change.file} has its name before its bytes last`;
  }

  /** Data changes its place only while nothing starts on it, and while it is known what is to be ended. */
  #exchanged({ disk, logged: { change } }: Made): string | undefined {
    if (change.kind !== 'move') return undefined;
    const live = [change.from, change.file].filter((file) => file.startsWith(path.join(this.#data, 'server')));
    if (live.length === 0) return undefined;
    if (disk.lasting(path.join(this.#state, 'hold')) === undefined) return `${live} moves without a lasting hold`;
    const isKnown = disk.lasting(path.join(this.#data, 'slipway/exchange.json')) !== undefined;
    return isKnown ? undefined : `${live} moves without a lasting exchange.json`;
  }

  /**
   * An exchange that a power cut brings back can be ended: what it names is there, and of what it takes from nothing was deleted.
   * Between folders there is no order.
   */
  #ended({ disk, logged: { change } }: Made): string | undefined {
    const own = path.join(this.#data, 'slipway');
    const open = disk.lasting(path.join(own, 'exchange.json'));
    if (open === undefined) return undefined;
    const { snapshot } = JSON.parse(open) as { snapshot: string };
    const sources = [path.join(own, 'aside/'), path.join(own, 'snapshots', snapshot, '/')];
    if (change.kind === 'drop' && sources.some((source) => change.file.startsWith(source))) {
      return `${change.file} goes while the exchange may come back that takes from it`;
    }
    const record = path.join(own, 'snapshots', snapshot, 'snapshot.json');
    const isThere = disk.isThere(record) && disk.lasting(record) !== undefined;
    return isThere ? undefined : `an exchange may come back whose ${record} is gone`;
  }

  /** A program runs over data that lasts as its own, from a link that lasts. */
  #ran({ disk, started }: Made): string | undefined {
    if (started === undefined) return undefined;
    const owner = path.join(this.#data, 'slipway/owner.json');
    const { release } = JSON.parse(disk.lasting(owner) ?? '{}') as { release?: string };
    // Without a box nobody owns its data.
    if (release !== started && disk.isThere(owner)) return `${started} runs over data that lasts as that of ${release}`;
    return this.#link(disk, 'current') === started ? undefined : `${started} runs, and \`current\` does not last so`;
  }

  /** The way back is there before the switch. */
  #switched({ disk }: Made): string | undefined {
    const before = this.#links;
    this.#links = this.#linksOf(disk);
    const { current, previous } = this.#links;
    const isSwitched = current !== before.current && current !== before.previous;
    if (!isSwitched || previous === before.current) return undefined;
    return '`current` lasts as switched, and `previous` does not lead back';
  }

  #linksOf(disk: VolatileDisk) {
    return { current: this.#link(disk, 'current'), previous: this.#link(disk, 'previous') };
  }

  #startedBy({ mark }: LoggedChange<ServiceThen>): Digest | undefined {
    const before = this.#written;
    this.#written = mark.written;
    return [...mark.written].find(([release, count]) => count > (before.get(release) ?? 0))?.[0];
  }

  #link(disk: VolatileDisk, name: string): Digest | undefined {
    const target = disk.lasting(path.join(this.#state, name));
    return target === undefined ? undefined : path.basename(target);
  }
}
