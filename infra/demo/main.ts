/**
 * Shows the main job once, for real, for `npm run demo`: publish, roll out, lose the link and the process, resume,
 * switch, commit; then a bad release, rolled back by the device and stopped for the fleet. The exit code is 0 only if
 * each of these was observed.
 */
import { parseArgs } from 'node:util';
import { demoServer } from './fixtures.ts';
import { DemoNarrator } from './narrator.ts';
import { buildPrograms } from './programs.ts';
import { runScenario, type ServerUnderUpdate } from './scenario.ts';

const help = `Usage: npm run demo -- [options]

Runs the main job on two real releases of a Go server, or on your own files.

Options:
  --old FILE          your server, the release that runs first
  --new FILE          your server, the next release
  --serve-args ARGS   its arguments; {port} and {current} are filled in
  --health URL        what answers 200 when it is healthy; {port} is filled in
  --json              the result as JSON on standard output
  --help              this text

Examples:
  npm run demo
  npm run demo -- --json
  npm run demo -- --old ./k3s-1 --new ./k3s-2 --serve-args "server --https-listen-port {port}" --health http://127.0.0.1:{port}/ping
`;

const { values } = parseArgs({
  options: {
    old: { type: 'string' },
    new: { type: 'string' },
    'serve-args': { type: 'string' },
    health: { type: 'string' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

if (values.help) {
  process.stdout.write(help);
} else {
  const narrator = new DemoNarrator(process.stderr);
  const result = await runScenario(await serverUnderUpdate(narrator), narrator);
  narrator.summarise(result);
  if (values.json) process.stdout.write(`${JSON.stringify(result, null, 2)}\n`);
  process.exitCode = result.ok ? 0 : 1;
}

async function serverUnderUpdate(narrator: DemoNarrator): Promise<ServerUnderUpdate> {
  narrator.step('Building the three programs');
  await buildPrograms();
  const { old: oldFile, new: newFile, health } = values;
  if (oldFile === undefined && newFile === undefined) {
    narrator.step('Fetching two releases of a real Go server');
    return {
      name: 'esbuild --serve',
      files: [await demoServer('0.28.1'), await demoServer('0.28.2')],
      serveArgs: ['--serve=127.0.0.1:{port}', '--servedir={current}/www', '--watch=forever'],
      health: 'http://127.0.0.1:{port}/version.txt',
      page: 'www/version.txt',
      healthTimeoutSeconds: 5,
    };
  }
  if (oldFile === undefined || newFile === undefined || health === undefined) {
    process.stderr.write('error usage: --old, --new and --health go together\nhint: npm run demo -- --help\n');
    process.exit(2);
  }
  const serveArgs = (values['serve-args'] ?? '').split(/\s+/).filter((argument) => argument !== '');
  return { name: 'your server', files: [oldFile, newFile], serveArgs, health, healthTimeoutSeconds: 60 };
}
