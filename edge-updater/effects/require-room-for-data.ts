/** Looks whether an adopted box can be copied, before it goes down: its data is whole and there is room. */
import { SlipwayError } from '../../contract/errors.ts';
import type { BoxData } from '../adoption/box-data.ts';
import { roomForData, roomForUndo } from '../update/room-for-data.ts';

/**
 * @param payloadBytes that are unpacked beside the data
 * @param way an undo exchanges what is there already
 * @throws SlipwayError `disk-full`, `datastore-damaged`, codes of the disk
 */
export async function requireRoomForData(
  data: BoxData | undefined,
  payloadBytes: number,
  way: 'copy' | 'undo',
): Promise<void> {
  if (!data) return;
  const measure = await data.measure();
  const needed =
    way === 'undo'
      ? roomForUndo({ aside: measure.aside, now: measure }, payloadBytes)
      : roomForData(measure, payloadBytes);
  // A copy begins by deleting what lies aside.
  const freeBytes = measure.freeBytes + (way === 'undo' ? 0 : measure.aside.bytes);
  if (freeBytes >= needed) return;
  const what = way === 'undo' ? 'the next start of the datastore' : 'a copy of the datastore, its next start';
  const message = `${what} and what is unpacked need ${needed} bytes, ${freeBytes} are free`;
  throw new SlipwayError('disk-full', message, { hint: 'Free space where the data directory lies.' });
}
