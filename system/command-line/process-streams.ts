/** Writes the output of this process. A reader may leave early, as `head` does: nothing more is said then. */
import type { Streams } from './output.ts';

/** @param onEarlyReader what to do when nobody reads on; by default the work goes on without a word */
export function processStreams(onEarlyReader: () => void = () => undefined): Streams {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error;
      onEarlyReader();
    });
  }
  return { stdout: writeTo(process.stdout), stderr: writeTo(process.stderr) };
}

function writeTo(stream: NodeJS.WritableStream): (text: string) => void {
  return (text) => {
    if (text !== '') stream.write(text);
  };
}
