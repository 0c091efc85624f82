import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { SlipwayError } from '../../contract/errors.ts';
import type { CommandLine } from '../../distributor/commands/command-line.ts';
import { runDistributor } from '../../distributor/commands/program.ts';
import type { FleetState } from '../../distributor/fleet/ports.ts';
import { listedFleet } from '../fakes/listed-fleet.ts';

/** Beyond what one call can have as arguments, and what a test has time for. */
const devices = 200_000;
const patienceMs = 300_000;

interface Printed {
  status: number;
  head: string;
  tail: string;
  lines: number;
  longest: number;
}

/** Runs `device ls` over a fleet, and remembers of what it prints no more than the ends. */
async function list(fleet: Partial<FleetState>, ...words: string[]): Promise<Printed> {
  const printed: Printed = { status: 0, head: '', tail: '', lines: 0, longest: 0 };
  const state = { ...fleet, loadPlan: async () => undefined, close: async () => {} } as unknown as FleetState;
  const outside = { openFleetState: async () => state, clock: () => 1000, randomBytes, chance: Math.random };
  printed.status = await runDistributor(['device', 'ls', ...words], outside as unknown as CommandLine, {
    stdout: (text) => {
      if (printed.head.length < 1000) printed.head += text.slice(0, 1000);
      printed.tail = (printed.tail + text.slice(-1000)).slice(-1000);
      printed.lines += text.split('\n').length - 1;
      printed.longest = Math.max(printed.longest, text.length);
    },
    stderr: () => {},
  });
  return printed;
}

const listed = (fleet: ReturnType<typeof listedFleet>): Partial<FleetState> => ({
  loadCampaigns: fleet.loadCampaigns,
  listDevices: (page) => fleet.listDevices(page),
});

describe('device ls over a fleet that fits into no single call and no single text', () => {
  it('prints a line for each device, as they come', { timeout: patienceMs }, async () => {
    const fleet = listedFleet(devices, (index) => ({ region: index % 2 === 0 ? 'north' : 'south' }));
    const { status, lines, longest, head, tail } = await list(listed(fleet));
    expect([status, lines]).toEqual([0, devices + 1]);
    expect(head).toMatch(/^ID +WAVE +REPORTED .*\ngate-0000000 +- +- +1\.0\.0 +idle +- +- +now +region=north\n/);
    expect(tail).toMatch(/\ngate-0199999 .* region=south\n$/);
    expect(longest).toBeLessThan(1e6);
  });

  it('prints one JSON value in pieces, and no table', { timeout: patienceMs }, async () => {
    const { status, lines, longest, head, tail } = await list(listed(listedFleet(devices, () => ({}))), '--json');
    expect([status, lines]).toEqual([0, 1]);
    expect(head).toMatch(/^\{"devices":\[\{"id":"gate-0000000",/);
    expect(tail).toMatch(/\{"id":"gate-0199999",[^[\]]*"troubles":\[\][^[\]]*\}\]\}\n$/);
    expect(longest).toBeLessThan(1e6);
  });

  it('looks at all of them for the few that are asked for', { timeout: patienceMs }, async () => {
    const fleet = listedFleet(devices, (index) => ({ n: String(index) }));
    const { head } = await list(listed(fleet), '--label', 'n=150001', '--json');
    expect(JSON.parse(head.slice(0, head.indexOf('\n'))).devices).toMatchObject([{ id: 'gate-0150001' }]);
    expect(fleet.read).toBe(devices);
  });
});

describe('device ls whose database goes away', () => {
  const lost = new SlipwayError('database-unavailable', 'gone');

  it('before the first device answers with the code alone', async () => {
    const fleet = { loadCampaigns: async () => [], listDevices: () => Promise.reject(lost) };
    const { status, head } = await list(fleet, '--json');
    expect([status, JSON.parse(head).error.code]).toEqual([5, 'database-unavailable']);
  });

  it('in the middle leaves no JSON value that could be taken for the whole fleet', async () => {
    const fleet = listedFleet(5000, () => ({}));
    const { status, head, tail } = await list(
      {
        loadCampaigns: fleet.loadCampaigns,
        listDevices: (page) => (fleet.read >= 3000 ? Promise.reject(lost) : fleet.listDevices(page)),
      },
      '--json',
    );
    expect(status).toBe(5);
    expect(head).toMatch(/^\{"devices":\[/);
    expect(tail).not.toContain(']}\n');
  });
});
