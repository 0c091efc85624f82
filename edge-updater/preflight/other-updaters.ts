/**
 * Objects while somebody else updates the box. Processes tell: the job of system-upgrade-controller runs
 * `/bin/upgrade.sh` (scripts/upgrade.sh of k3s-upgrade), an installer works in `/tmp/k3s-install.*` (install.sh of K3s) or
 * names get.k3s.io or get.k0s.sh, and k0sctl runs `k0s install`, `reset` or `restore`. K0s' autopilot works inside K0s; its
 * plan tells (pkg/autopilot/controller/plans/core of K0s).
 */
import type { BoxFacts } from './facts.ts';
import type { Objection } from './objection.ts';

const openPlans = ['Schedulable', 'SchedulableWait'];
const scriptsOfK3s = /^(k3s-killall|k3s(-agent)?-uninstall)\.sh$/;
const writingVerbs = ['install', 'reset', 'restore', 'update'];

export function objectToOtherUpdaters({ processes, autopilot }: BoxFacts): Objection | undefined {
  const found = processes.map(nameOf).find((name) => name !== undefined);
  const plan =
    autopilot !== undefined && openPlans.includes(autopilot) ? `the autopilot of K0s (${autopilot})` : undefined;
  const who = found ?? plan;
  if (who === undefined) return undefined;
  return {
    code: 'other-updater',
    message: `${who} is at work on this box`,
    hint: 'Let one tool alone update this box; the update goes on by itself when the other one has ended.',
  };
}

function nameOf(words: readonly string[]): string | undefined {
  const [program = '', ...args] = words;
  const names = words.slice(0, 3).map(baseOf);
  if (names.includes('upgrade.sh')) return 'the job of system-upgrade-controller';
  if (words.some((word) => /\/k3s-install\.|\bget\.k3s\.io\b/.test(word))) return 'the installer of K3s';
  if (words.some((word) => /\bget\.k0s\.sh\b/.test(word))) return 'the installer of K0s';
  const script = names.find((name) => scriptsOfK3s.test(name));
  if (script !== undefined) return script;
  const verb = baseOf(program) === 'k0s' ? args.find((argument) => !argument.startsWith('-')) : undefined;
  return verb !== undefined && writingVerbs.includes(verb) ? `k0s ${verb}` : undefined;
}

function baseOf(word: string): string {
  return word.slice(word.lastIndexOf('/') + 1);
}
