/** Renders manifests by `kubectl kustomize` (or `kustomize build`) and `helm template`, programs of the machine. */
import { execFile } from 'node:child_process';
import { SlipwayError } from '../../contract/errors.ts';
import { systemCode } from '../../system/files/system-code.ts';
import type { ManifestRenderer } from '../release/ports.ts';

const maxOutputBytes = 64 * 1024 * 1024;
const timeoutMs = 120_000;

type Command = readonly [program: string, ...args: string[]];

export function commandRenderer(env: NodeJS.ProcessEnv): ManifestRenderer {
  return {
    kustomize: (folder) =>
      render(
        [
          ['kubectl', 'kustomize', folder],
          ['kustomize', 'build', folder],
        ],
        env,
      ),
    helm: ({ chart, values, releaseName, namespace }) =>
      render(
        [
          [
            'helm',
            'template',
            releaseName,
            chart,
            '--namespace',
            namespace,
            ...values.flatMap((file) => ['--values', file]),
          ],
        ],
        env,
      ),
  };
}

/** Runs the first command whose program is there. */
async function render(candidates: readonly Command[], env: NodeJS.ProcessEnv): Promise<Uint8Array> {
  for (const command of candidates) {
    const output = await run(command, env);
    if (output !== undefined) return output;
  }
  const programs = candidates.map(([program]) => program).join(' nor ');
  throw new SlipwayError('renderer-missing', `${programs} was found on the PATH`.replace(/^(?!.* nor )/, 'no '), {
    hint: 'Install it, or render the manifests before and give the folder as source.',
  });
}

function run([program, ...args]: Command, env: NodeJS.ProcessEnv): Promise<Uint8Array | undefined> {
  return new Promise((resolve, reject) => {
    const options = { env, encoding: 'buffer', maxBuffer: maxOutputBytes, timeout: timeoutMs } as const;
    execFile(program, args, options, (error, stdout, stderr) => {
      if (!error) return resolve(stdout);
      if (systemCode(error) === 'ENOENT') return resolve(undefined);
      const lines = stderr.toString('utf8').trim().split('\n').slice(-5).join('\n');
      reject(
        new SlipwayError('render-failed', `${program} ${args[0]} failed: ${lines || error.message}`, {
          hint: `Run it by hand to see more: ${program} ${args[0]} …`,
          cause: error,
        }),
      );
    });
  });
}
