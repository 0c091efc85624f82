import { describe, expect, it } from 'vitest';
import { MemoryWatch } from '../../../edge-updater/adapters/delta/memory-watch.ts';

const tebibyte = 2 ** 40;

describe('the memory of a process that applies a delta', () => {
  it('counts the commands that it runs, towards the bound as towards the peak', () => {
    let commandBytes = 0;
    const memory = new MemoryWatch(tebibyte, () => commandBytes);
    memory.look();
    expect(memory.peakBytes()).toBeLessThan(tebibyte);
    commandBytes = tebibyte;
    const lookOften = () => {
      for (let chunk = 0; chunk < 100; chunk++) memory.look();
    };
    expect(lookOften).toThrow(expect.objectContaining({ code: 'memory-exceeded' }));
    expect(memory.peakBytes()).toBeGreaterThan(tebibyte);
  });

  it('is at least its own peak', () => {
    const memory = new MemoryWatch(tebibyte, () => 0);
    expect(memory.peakBytes()).toBeGreaterThanOrEqual(process.memoryUsage.rss() / 2);
  });
});
