/**
 * What the hub did about misbehaviour: each expectation with how often it was kept and broken.
 */
import { EXPECTATIONS } from "./behaviour.ts";
import type { MisbehaviourName } from "./behaviour.ts";

/** One expectation and what came of it. */
export interface Trial {
  readonly behaviour: MisbehaviourName;
  readonly expectation: string;
  readonly text: string;
  kept: number;
  broken: number;
  /** What happened instead, the first time. */
  instead: string | undefined;
}

/** The trials of a run. */
export class Trials {
  readonly #trials = new Map<string, Trial>();

  /** Makes room for the expectations of these behaviours; each is reported, tried or not. */
  constructor(behaviours: Iterable<MisbehaviourName>) {
    for (const behaviour of behaviours) {
      for (const [expectation, text] of Object.entries(EXPECTATIONS[behaviour])) {
        const fresh = { kept: 0, broken: 0, instead: undefined };
        this.#trials.set(`${behaviour} ${expectation}`, { behaviour, expectation, text, ...fresh });
      }
    }
  }

  /** Notes what came of one. `device` and `instead` are for the report, where it was broken. */
  note(
    behaviour: MisbehaviourName,
    expectation: string,
    { isKept, device, instead }: { isKept: boolean; device: string; instead: string },
  ): void {
    const trial = this.#trials.get(`${behaviour} ${expectation}`);
    if (trial === undefined) throw new Error(`${behaviour} has no expectation ${expectation}`);
    if (isKept) trial.kept += 1;
    else {
      trial.broken += 1;
      trial.instead ??= `${device}: ${instead}`;
    }
  }

  /** All of them, in the order of the table. */
  all(): readonly Readonly<Trial>[] {
    return [...this.#trials.values()];
  }

  /** How often an expectation was broken. */
  get broken(): number {
    return this.all().reduce((sum, trial) => sum + trial.broken, 0);
  }
}
