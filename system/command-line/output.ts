/**
 * Sends the words of a command to their places: its answer to stdout, for people or as JSON under `--json`, the rest to
 * stderr.
 */
import type { CommandFailure } from './failure.ts';

export interface Streams {
  readonly stdout: (text: string) => void;
  readonly stderr: (text: string) => void;
}

export interface Output {
  readonly isJson: boolean;
  /** One value: as a line of JSON under `--json`, else as the text. */
  answer(value: unknown, text: string): void;
  /** Told before the first byte of an answer that is written in pieces: what fails from then on is no answer. */
  beginAnswer(): void;
  /** A line for people. */
  say(text: string): void;
  fail(failure: CommandFailure): void;
}

export function openOutput({ stdout, stderr }: Streams, isJson: boolean): Output {
  let hasAnswered = false;
  const beginAnswer = () => {
    hasAnswered = true;
  };
  return {
    isJson,
    beginAnswer,
    answer(value, text) {
      beginAnswer();
      stdout(`${isJson ? JSON.stringify(value) : text}\n`);
    },
    say: (text) => stderr(`${text}\n`),
    fail({ text, answer, value }) {
      if (!isJson) stdout(answer);
      // One value on stdout: an answer that is not what was hoped for is an answer.
      else if (!hasAnswered) stdout(`${JSON.stringify(value)}\n`);
      stderr(text);
    },
  };
}
