/**
 * A board's supply: when it is there, when it sags, and how often the board has started again. Pure arithmetic.
 */
import { type FaultPlan, type PlanOf, plansOf } from "./fault-plan.ts";
import { closings, type FaultWindow, inWindow } from "./fault-window.ts";

/** How a board's supply is at a moment. */
export interface PowerState {
  /** Neither speaks nor hears where it is not. */
  readonly isOn: boolean;
  /** Starts so far, after the first. */
  readonly restarts: number;
}

/** The supply of one board. */
export class BoardPower {
  /** When it is off. */
  readonly outages: readonly FaultWindow[];

  /** `bootMs` is how long the board takes to start. */
  constructor(plans: readonly FaultPlan[], bootMs: number) {
    this.outages = [
      ...plansOf(plans, "reboot").map((plan) => ({ forMs: bootMs, ...plan })),
      ...plansOf(plans, "brown-out").flatMap((plan) => bootsOf(plan, bootMs)),
    ];
  }

  /** Says how it is, `elapsedMs` after the station began. */
  at(elapsedMs: number): PowerState {
    return {
      isOn: !this.outages.some((outage) => inWindow(outage, elapsedMs)),
      restarts: this.outages.reduce((sum, outage) => sum + closings(outage, elapsedMs), 0),
    };
  }
}

/** A board that resets under too little power boots under too little power, unless it was the last time. */
function bootsOf(plan: PlanOf<"brown-out">, bootMs: number): FaultWindow[] {
  const { afterMs, forMs, everyMs, resets } = plan;
  if (forMs === undefined) return [];
  return Array.from({ length: resets }, (_, at) => ({
    afterMs: afterMs + (forMs * (at + 1)) / resets,
    forMs: bootMs,
    ...(everyMs === undefined ? {} : { everyMs }),
  }));
}
