/** Looks whether an adopted box can be copied, before it goes down: its data is whole and there is room. */
import { SlipwayError } from '../../contract/errors.ts';
import type { BoxData } from '../adoption/box-data.ts';
import { roomForData } from '../update/room-for-data.ts';

/** @throws SlipwayError `disk-full`, `datastore-damaged`, codes of the disk */
export async function requireRoomForData(data: BoxData | undefined): Promise<void> {
  if (!data) return;
  const measure = await data.measure();
  const needed = roomForData(measure);
  if (measure.freeBytes >= needed) return;
  const message = `a copy of the datastore and its next start need ${needed} bytes, ${measure.freeBytes} are free`;
  throw new SlipwayError('disk-full', message, { hint: 'Free space where the data directory lies.' });
}
