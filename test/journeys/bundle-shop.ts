/** A repository whose releases are one program each, with bundles of them, and a systemd machine that installs from those. */
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { platformSlug } from '../../contract/release/platform.ts';
import { packager } from '../fakes/packager-command.ts';
import { systemdService } from '../services/systemd.ts';
import { SystemdMachine } from '../services/systemd-machine.ts';
import { platform } from './small-shop.ts';

const project = path.join(import.meta.dirname, '..', '..');
const unitFolder = path.join(project, 'infra', 'systemd');

/** Where a machine has what stand-ins are made of. */
export const inMachine = (release: string) => ({
  ...{ folder: `/srv/releases/${release}`, node: '/usr/local/bin/node', sources: '/opt/slipway/test/stand-ins' },
});

export class BundleShop {
  readonly product: string;
  readonly folder: string;
  readonly store: string;

  constructor(product: string) {
    this.product = product;
    this.folder = mkdtempSync(path.join(tmpdir(), `slipway-${product}-`));
    this.store = `file://${this.at('store')}`;
    for (const name of ['bundles', 'releases']) mkdirSync(this.at(name));
  }

  at(...parts: string[]): string {
    return path.join(this.folder, ...parts);
  }

  async init(): Promise<void> {
    const init = ['--product', this.product, '--demo', '--root-out', this.at('root.json')];
    await packager(['init', '--store', this.store, '--keys', this.at('keys'), ...init]);
  }

  /** Builds and publishes a release to the channel `stable`, and makes its bundle, `/srv/bundles/<name>` in a machine. */
  async publish(
    name: string,
    release: { readonly version: string; readonly counter: number; readonly component: string; readonly file: string },
  ): Promise<void> {
    const { version, counter, component, file } = release;
    const at = (part: string) => this.at(`build-${name}`, part);
    mkdirSync(at(''));
    const declaration = {
      ...{ apiVersion: 'slipway/v1', kind: 'Release', product: this.product, platform, version, counter },
      components: [{ name: component, kind: 'binary', source: file }],
    };
    writeFileSync(at('release.yaml'), JSON.stringify(declaration));
    await packager(['build', at('release.yaml'), '--out', at('build')]);
    const where = ['--store', this.store, '--channel'];
    await packager(['publish', at('build'), ...where, 'stable', '--keys', this.at('keys')]);
    const channel = `${this.product}/${platformSlug(platform)}/stable`;
    await packager(['bundle', ...where, channel, '--out', this.at('bundles', name)]);
  }

  /** Boots a machine with Node, this project, its units, the root of trust, the bundles and the folder `releases`. */
  async boot(more: Readonly<Record<string, string>> = {}): Promise<SystemdMachine> {
    const service = systemdService();
    if ('unavailable' in service) throw new Error(service.unavailable);
    const units = readdirSync(unitFolder);
    const machine = await SystemdMachine.boot(service.root, {
      '/usr/local/bin/node': process.execPath,
      '/opt/slipway': project,
      ...Object.fromEntries(units.map((unit) => [`/etc/systemd/system/${unit}`, path.join(unitFolder, unit)])),
      '/etc/slipway/root.json': this.at('root.json'),
      '/srv/releases': this.at('releases'),
      '/srv/bundles': this.at('bundles'),
      ...more,
    });
    for (const program of ['slipway-edge', 'slipway-distributor', 'slipway-packager']) {
      await machine.ask('ln', '-s', `/opt/slipway/dist/${program}.mjs`, `/usr/local/bin/${program}`);
    }
    return machine;
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
