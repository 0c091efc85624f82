/** Bounds what a service may answer where the AWS SDK takes an answer whole: refusals, and all that is no object. */
import { pipeline, Readable, Transform } from 'node:stream';
import type { S3Client } from '@aws-sdk/client-s3';

/** The list of parts of the longest upload has 1 MiB. */
const maxAnswerBytes = 2 * 1024 * 1024;

interface S3Answer {
  readonly statusCode: number;
  body: unknown;
}

/** Objects themselves are bounded by their readers. */
export function boundAnswers(client: S3Client): void {
  client.middlewareStack.add(
    (next, { commandName }) =>
      async (input) => {
        const passed = await next(input);
        const answer = passed.response as S3Answer;
        const isObject = commandName === 'GetObjectCommand' && answer.statusCode < 300;
        if (!isObject && answer.body instanceof Readable) answer.body = bounded(answer.body);
        return passed;
      },
    { step: 'deserialize', priority: 'low', name: 'boundAnswers' },
  );
}

function bounded(body: Readable): Readable {
  let length = 0;
  const meter = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      length += chunk.length;
      if (length > maxAnswerBytes) done(new Error(`an answer of more than ${maxAnswerBytes} bytes`));
      else done(null, chunk);
    },
  });
  // The reader of the meter is told of what goes wrong.
  return pipeline(body, meter, () => undefined);
}
