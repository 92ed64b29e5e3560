/** The devices of a run, made of its plan: names and keys first, since they have to be enrolled, then the devices. */
import type { City } from "../models/city.ts";
import { Capture } from "./behaviours/capture.ts";
import { RogueDevice } from "./behaviours/rogue-device.ts";
import type { Trials } from "./behaviours/trials.ts";
import type { FleetPlan, GroupPlan } from "./fleet-plan.ts";
import { makeIdentity, makeStolenName, nameOf } from "./identity.ts";
import type { Identity } from "./identity.ts";
import { PackSource } from "./pack-source.ts";
import { VirtualDevice } from "./virtual-device.ts";
import type { DeviceWorld } from "./virtual-device.ts";

/** Devices of one sort, by name and key. */
export interface Group {
  readonly plan: GroupPlan;
  readonly identities: readonly Identity[];
}

/** Makes names and keys of all devices of a run. */
export function groupsOf(plan: FleetPlan): Group[] {
  return plan.groups.map((group) => ({
    plan: group,
    identities: Array.from({ length: group.count }, (_, i) =>
      makeIdentity(plan.seed, nameOf(group.prefix, i + 1)),
    ),
  }));
}

/** What the devices share. */
export interface CrewParts {
  readonly seed: number | string;
  readonly city: City;
  readonly world: DeviceWorld;
  readonly trials: Trials;
  /** Whether devices that are given no turns sign by themselves. */
  readonly isGreedy: () => boolean;
  /** Whether misbehaving devices wait for turns. */
  readonly isPaced: boolean;
  /** How long they wait for each answer of the hub. */
  readonly answerMs: number;
}

/** The devices of a run. */
export interface Crew {
  readonly honest: readonly VirtualDevice[];
  readonly rogues: readonly RogueDevice[];
}

/** Makes the devices. Those that misbehave steal the names of honest ones, or have but their own to steal. */
export function makeCrew(groups: readonly Group[], parts: CrewParts): Crew {
  const { world, isGreedy } = parts;
  const capture = new Capture();
  const isOverheard = groups.some(({ plan }) => plan.behaviour === "replayer");
  const honest: VirtualDevice[] = [];
  for (const { plan, identities } of groups) {
    if (plan.behaviour !== "honest") continue;
    for (const identity of identities) {
      const source = new PackSource(identity, parts.city, plan.readings);
      const onStored: ConstructorParameters<typeof VirtualDevice>[0]["onStored"] = isOverheard
        ? (stored) => capture.note({ device: identity.name, bytes: stored.at(-1)!.statement.bytes })
        : undefined;
      honest.push(new VirtualDevice({ world, identity, source, isGreedy, onStored }));
    }
  }
  return { honest, rogues: makeRogues(groups, parts, honest, capture) };
}

function makeRogues(
  groups: readonly Group[],
  parts: CrewParts,
  honest: readonly VirtualDevice[],
  capture: Capture,
): RogueDevice[] {
  const { seed, city, world, trials, isPaced, answerMs } = parts;
  const rogues: RogueDevice[] = [];
  for (const { plan, identities } of groups) {
    const { behaviour } = plan;
    if (behaviour === "honest") continue;
    for (const identity of identities) {
      const victim = honest[rogues.length % Math.max(1, honest.length)]?.identity ?? identity;
      const otherKey = makeStolenName(seed, victim.name).signer;
      const source = new PackSource(identity, city, plan.readings);
      const shared = { world, behaviour, trials, capture, answerMs };
      rogues.push(new RogueDevice({ ...shared, identity, source, victim, otherKey }, isPaced));
    }
  }
  return rogues;
}
