/** `build` turns a declaration and its components into a folder that can be published. */
import type { Command } from 'commander';
import type { ReleaseManifest } from '../../contract/release/manifest.ts';
import { buildRelease } from '../release/build-release.ts';
import { componentTable } from './component-table.ts';
import type { PackagerContext } from './context.ts';
import { examples } from './examples.ts';

interface BuildOptions {
  readonly out: string;
}

export function registerBuild(program: Command, context: PackagerContext): void {
  program
    .command('build')
    .description('Pack a release: the same inputs give the same bytes.')
    .argument('<release.yaml>', 'the declaration; its paths are relative to itself')
    .requiredOption('--out <dir>', 'folder of the build; an earlier build in it is replaced')
    .addHelpText(
      'after',
      [
        examples('build release.yaml --out build/1.33.9', 'build release.yaml --out build --json'),
        '',
        'Of a folder of manifests every file whose name ends in .yaml, .yml or .json in any case is packed, in all folders',
        'below; other files are named and left out. Links are followed inside the folder and refused where they lead out.',
        'Manifests are UTF-8; what a Kubernetes tool would read differently is refused with file and line.',
      ].join('\n'),
    )
    .action(async (file: string, options: BuildOptions) => {
      const { output } = context;
      const manifest: ReleaseManifest = await buildRelease(
        file,
        options.out,
        context.renderer,
        context.progress('packing'),
        (line) => output.say(line),
      );
      const { product, version, platform, counter, distribution } = manifest;
      output.answer(
        {
          ...{ product, version, platform, counter, distribution, folder: options.out },
          components: manifest.components,
        },
        [`${product} ${version} for ${platform}, counter ${counter}`, componentTable(manifest)].join('\n'),
      );
    });
}
