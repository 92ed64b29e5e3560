/**
 * Faults of what a board measures: values that stick, run away, or shake with the supply.
 */
import type { Random } from "../../platform/random.ts";
import type { Values } from "../models/model.ts";
import type { FaultPlan, PlanOf } from "./fault-plan.ts";
import { inWindow, openedMs } from "./fault-window.ts";

/** Something that changes values on their way into a board. */
export interface ValueFault {
  /** Gives the values that the board sees, `elapsedMs` after the station began. Called with growing times. */
  values(values: Values, elapsedMs: number): Values;
}

const HOUR_MS = 3_600_000;
/** How far a value is off at most under too little power, as a share of it. */
const SHAKE = 0.5;
/** What a board computes or counts is not measured against its supply. */
const NOT_ANALOG: readonly string[] = ["lat", "lon", "quality", "energy", "energy-out", "gas"];

/** Makes a fault of values; `undefined` for a plan of another sort. */
export function valueFaultOf(plan: FaultPlan, random: Random): ValueFault | undefined {
  switch (plan.kind) {
    case "stuck":
      return new StuckValues(plan);
    case "drift":
      return { values: (values, elapsedMs) => drifted(plan, values, elapsedMs) };
    case "brown-out":
      return {
        values: (values, elapsedMs) =>
          inWindow(plan, elapsedMs) ? shaken(values, random) : values,
      };
    default:
      return undefined;
  }
}

class StuckValues implements ValueFault {
  readonly #plan: PlanOf<"stuck">;
  #stuck: Values | undefined;

  constructor(plan: PlanOf<"stuck">) {
    this.#plan = plan;
  }

  values(values: Values, elapsedMs: number): Values {
    const { quantity } = this.#plan;
    if (!inWindow(this.#plan, elapsedMs)) {
      this.#stuck = undefined;
      return values;
    }
    this.#stuck ??= values;
    if (quantity === undefined) return this.#stuck;
    const value = this.#stuck[quantity];
    return value === undefined ? values : { ...values, [quantity]: value };
  }
}

function drifted(plan: PlanOf<"drift">, values: Values, elapsedMs: number): Values {
  const { quantity } = plan;
  const value = values[quantity];
  const sinceMs = openedMs(plan, elapsedMs);
  if (value === undefined || sinceMs === undefined) return values;
  const hours = (elapsedMs - sinceMs) / HOUR_MS;
  const drift =
    "perHour" in plan ? value + plan.perHour * hours : value * plan.factorPerHour ** hours;
  // Whoever lets a value run for years would else leave the numbers.
  return { ...values, [quantity]: Math.max(-1e15, Math.min(1e15, drift)) };
}

function shaken(values: Values, random: Random): Values {
  return Object.fromEntries(
    Object.entries(values).map(([quantity, value]) => [
      quantity,
      NOT_ANALOG.includes(quantity) ? value : value * (1 + SHAKE * (2 * random.unit() - 1)),
    ]),
  );
}
