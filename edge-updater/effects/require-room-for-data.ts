/** Looks whether an adopted box can be copied, before it goes down: its data is whole and there is room. */
import { SlipwayError } from '../../contract/errors.ts';
import type { BoxData } from '../adoption/box-data.ts';
import { roomForData } from '../update/room-for-data.ts';

/**
 * @param payloadBytes that are unpacked beside the data
 * @throws SlipwayError `disk-full`, `datastore-damaged`, codes of the disk
 */
export async function requireRoomForData(data: BoxData | undefined, payloadBytes: number): Promise<void> {
  if (!data) return;
  const measure = await data.measure();
  const needed = roomForData(measure, payloadBytes);
  if (measure.freeBytes >= needed) return;
  const message = `a copy of the datastore, its next start and what is unpacked need ${needed} bytes, ${measure.freeBytes} are free`;
  throw new SlipwayError('disk-full', message, { hint: 'Free space where the data directory lies.' });
}
