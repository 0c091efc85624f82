/** Chooses the unit that is the box, among those that run K3s or K0s here. Pure. */
import { SlipwayError } from '../../contract/errors.ts';
import type { DistributionName } from '../../contract/release/distribution.ts';
import type { StatedBox } from './box.ts';
import { settle } from './settle.ts';
import type { Unit } from './unit.ts';

/** As the installers of K3s and K0s name them. */
const usualUnits = ['k3s.service', 'k3s-agent.service', 'k0scontroller.service', 'k0sworker.service'] as const;

export interface ChosenUnit {
  readonly unit: Unit & { readonly program: string };
  readonly distribution: DistributionName;
}

export interface UnitQuestion {
  /** The unit that the updater restarts; undefined where its service is none. */
  readonly serviceUnit: string | undefined;
  readonly stated: StatedBox;
}

/** Every unit that has to be looked at. */
export function unitsToAsk({ serviceUnit, stated }: UnitQuestion): string[] {
  const more = [serviceUnit, stated.unit].filter((name) => name !== undefined);
  return [...new Set<string>([...usualUnits, ...more])];
}

/**
 * @returns undefined where none runs K3s or K0s
 * @throws SlipwayError `box-ambiguous`, `box-contradicted`
 */
export function chooseUnit(units: readonly Unit[], question: UnitQuestion): ChosenUnit | undefined {
  const { serviceUnit, stated } = question;
  const known = units.flatMap((unit) => recognised(unit, stated));
  const live = known.filter(({ unit }) => unit.isActive || unit.isEnabled);
  const named = known.find(({ unit }) => unit.name === serviceUnit);
  const inQuestion = live.length > 0 ? new Set(named ? [named, ...live] : live) : new Set(named ? [named] : known);
  const said = [...inQuestion].map(({ unit }) => ({ value: unit.name, by: whyOf(unit, serviceUnit) }));
  const name = settle('unit', said, stated.unit);
  const chosen = known.find(({ unit }) => unit.name === name);
  if (chosen === undefined && isStated(stated)) {
    throw new SlipwayError('box-contradicted', `box of edge.yaml is stated, but ${missing(stated, question)}`, {
      hint: 'Name the unit with box.unit in edge.yaml, or leave box out.',
    });
  }
  return chosen;
}

function recognised(unit: Unit, stated: StatedBox): ChosenUnit[] {
  const { program } = unit;
  if (!unit.isLoaded || program === undefined) return [];
  const isMeant = unit.name === stated.unit;
  const distribution = distributionOf(unit, program) ?? (isMeant ? stated.distribution : undefined);
  return distribution === undefined ? [] : [{ unit: { ...unit, program }, distribution }];
}

/** By the name of the program; a unit of a usual name may start it through something else. */
function distributionOf({ name }: Unit, program: string): DistributionName | undefined {
  const [, byProgram] = /\/(k3s|k0s)[^/]*$/.exec(program) ?? [];
  const [, byName] = /^(k3s|k0s)/.exec(usualUnits.some((usual) => usual === name) ? name : '') ?? [];
  return (byProgram ?? byName) as DistributionName | undefined;
}

function whyOf(unit: Unit, serviceUnit: string | undefined): string {
  if (unit.name === serviceUnit) return 'service.unit of edge.yaml';
  return unit.isActive
    ? 'a running service'
    : unit.isEnabled
      ? 'a service that starts at boot'
      : 'an installed service';
}

function isStated(stated: StatedBox): boolean {
  return Object.values(stated).some((value) => value !== undefined);
}

function missing({ unit, distribution }: StatedBox, question: UnitQuestion): string {
  if (unit !== undefined) return `systemd has no ${unit} that starts ${distribution ?? 'K3s or K0s'}`;
  return `none of ${unitsToAsk(question).join(', ')} starts K3s or K0s`;
}
