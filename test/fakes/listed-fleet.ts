/** A fleet of any size to list, whose devices are made when they are read; it counts how many were. */
import type { Labels } from '../../contract/device-api/check.ts';
import type { DevicePage } from '../../distributor/fleet/device-page.ts';
import type { DeviceProfile } from '../../distributor/fleet/ports.ts';

export function listedFleet(size: number, labelsOf: (index: number) => Labels) {
  const profile = (index: number): DeviceProfile => ({
    ...{ id: `gate-${String(index).padStart(7, '0')}`, product: 'k3s-edge', platform: 'linux/arm64' },
    ...{
      labels: labelsOf(index),
      givenLabels: {},
      status: 'accepted',
      publicKey: undefined,
      watch: undefined,
      enrolledAt: 0,
      site: undefined,
      cluster: undefined,
    },
    ...{ role: 'server', lastSeenAt: 1, updaterVersion: '1.0.0', counterFloor: 1, phase: 'idle', rejected: [] },
    current: { version: '1.0.0', counter: 1, manifestSha256: '1'.repeat(64) },
    ...{ acknowledgedThrough: 0, troubles: [], box: undefined, lastReport: undefined, lastOffer: undefined },
  });
  return {
    read: 0,
    async loadCampaigns() {
      return [];
    },
    async listDevices({ after, limit }: DevicePage): Promise<DeviceProfile[]> {
      const first = after === undefined ? 0 : Number(after.slice('gate-'.length)) + 1;
      const count = Math.max(0, Math.min(limit, size - first));
      this.read += count;
      return Array.from({ length: count }, (_, i) => profile(first + i));
    },
  };
}
