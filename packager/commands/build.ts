/** `build` turns a declaration and its components into a folder that can be published. */
import type { Command } from 'commander';
import type { ReleaseManifest } from '../../contract/release/manifest.ts';
import { buildRelease } from '../release/build-release.ts';
import { type DocumentOptions, readReleaseDocuments } from './build-documents.ts';
import { componentTable } from './component-table.ts';
import type { PackagerContext } from './context.ts';
import { examples } from './examples.ts';
import { passphraseHelp } from './key-options.ts';
import { originLines } from './origin-text.ts';

interface BuildOptions extends DocumentOptions {
  readonly out: string;
}

export function registerBuild(program: Command, context: PackagerContext): void {
  program
    .command('build')
    .description('Pack a release: the same inputs give the same bytes.')
    .argument('<release.yaml>', 'the declaration; its paths are relative to itself')
    .requiredOption('--out <dir>', 'folder of the build; an earlier build in it is replaced')
    .option('--checksums <file...>', "upstream's lists of SHA-256, such as sha256sum-amd64.txt of K3s")
    .option('--cosign-bundle <file...>', 'Sigstore bundles that sign components, or one of those lists')
    .option('--trusted-root <file>', 'trusted_root.json of the Sigstore instance that the bundles are of')
    .option('--certificate-identity <identity>', 'who has to have signed, word for word')
    .option('--certificate-oidc-issuer <url>', 'who has to have vouched for that identity')
    .option('--cosign-key <file>', 'the public key that has to have signed, instead of an identity')
    .option('--sbom <file...>', 'CycloneDX or SPDX as JSON, kept beside the components')
    .option('--provenance-key <source...>', 'signs a statement of who built this of what; as --key of publish')
    .option('--passphrase-file <file>', passphraseHelp)
    .option('--builder-id <uri>', 'who builds, in that statement')
    .option('--invocation-id <text>', 'this run of the builder, such as the URL of a job')
    .addHelpText(
      'after',
      [
        examples(
          'build release.yaml --out build/1.33.9',
          'build release.yaml --out build --checksums sha256sum-amd64.txt --sbom k3s.cdx.json',
          'build release.yaml --out build --provenance-key ci.key.pem --builder-id https://ci.example.com/slipway',
        ),
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
        await readReleaseDocuments(options, context),
      );
      const { product, version, platform, counter, distribution, components, upstream, attachments } = manifest;
      output.answer(
        {
          ...{ product, version, platform, counter, distribution, folder: options.out },
          ...{ components, upstream, attachments },
        },
        [
          `${product} ${version} for ${platform}, counter ${counter}`,
          componentTable(manifest),
          ...originLines(manifest),
        ].join('\n'),
      );
    });
}
