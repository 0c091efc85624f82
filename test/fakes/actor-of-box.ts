/** An actor of the tests over the data of an adopted box: the real server and the real adapters, on a socket in its folder. */
import { rmSync } from 'node:fs';
import path from 'node:path';
import type { Actions } from '../../edge-updater/actor/actions.ts';
import { dataByActor } from '../../edge-updater/adapters/actor/acted-box.ts';
import { ActorClient } from '../../edge-updater/adapters/actor/actor-client.ts';
import { ActorServer } from '../../edge-updater/adapters/actor/actor-server.ts';
import type { BoxData } from '../../edge-updater/adoption/box-data.ts';
import { parseConfiguration } from '../../edge-updater/configuration.ts';
import { actionsOn } from '../../edge-updater/wiring/open-actor.ts';
import { adoptionOf } from './adopted-box.ts';

const down = { isActive: false, crashes: 0, detail: 'k3s.service is inactive' };

/** @param condition of the unit; down unless said */
export function actionsOfTest(stateDir: string, condition = async () => down): Actions {
  const written = {
    ...{ server: 'https://localhost', product: 'test', trustedRoot: '/root.json', deviceId: 'box-1', stateDir },
    ...{ platform: 'linux/amd64', service: { manager: 'systemd', unit: 'k3s.service' } },
    health: { box: 'none', command: ['true'] },
  };
  const machine = { arch: 'x64', machineId: undefined };
  const configuration = parseConfiguration(JSON.stringify(written), 'edge.yaml', machine);
  return actionsOn(adoptionOf(path.join(stateDir, 'box'), path.join(stateDir, 'etc/config.yaml')), configuration, {
    condition,
  });
}

export class ActorOfBox implements AsyncDisposable {
  readonly socketFile: string;
  /** How often nobody listened. */
  restarts = 0;
  readonly #actions: Actions;
  #stop = new AbortController();
  #ended: Promise<void> | undefined;

  /** @param folder for the socket */
  constructor(folder: string, served: Actions) {
    this.socketFile = path.join(folder, 'actor.sock');
    this.#actions = served;
  }

  get client(): ActorClient {
    return new ActorClient(this.socketFile, async () => {
      this.restarts++;
      await this.listen();
    });
  }

  /** As the updater has it. */
  data(stateDir: string): BoxData {
    const adoption = adoptionOf(path.join(stateDir, 'box'), path.join(stateDir, 'etc/config.yaml'));
    return dataByActor(this.client, stateDir, adoption);
  }

  async listen(idleSeconds = 3600): Promise<ActorServer> {
    rmSync(this.socketFile, { force: true });
    this.#stop = new AbortController();
    const server = new ActorServer(this.#actions, idleSeconds);
    await server.listen({ path: this.socketFile });
    this.#ended = server.ended(this.#stop.signal);
    return server;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#ended;
  }
}
