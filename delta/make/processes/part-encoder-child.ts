/** Runs in a process that encodes parts: gets tasks over its channel to the packager, and answers each with a code. */
import { encodePart } from '../encode-part.ts';
import type { PartTask } from '../ports.ts';

process.on('message', (task: PartTask) => {
  encodePart(task).then(
    (code) => process.send?.({ code }),
    (error: unknown) => process.send?.({ failure: error instanceof Error ? error.message : String(error) }),
  );
});
process.on('disconnect', () => process.exit());
