/**
 * The faults that can be asked for, by kind.
 */
import type { FaultWindow } from "./fault-window.ts";

/** What befalls the values that a board measures. */
export type ValueFaultSort =
  | {
      readonly kind: "stuck";
      /** The quantity that stays as it is; all of them without. */ readonly quantity?: string;
    }
  | {
      readonly kind: "drift";
      readonly quantity: string;
      /** Added for each hour since the window opened. */
      readonly perHour: number;
    }
  | {
      readonly kind: "drift";
      readonly quantity: string;
      /** Multiplies the value for each hour since the window opened; more than 0. */
      readonly factorPerHour: number;
    };

/** What befalls the bytes of a line. Shares are probabilities of 0 to 1. */
export type ByteFaultSort =
  | {
      readonly kind: "bit-flips";
      /** Share of the bytes of which one bit is turned. */ readonly share: number;
    }
  | { readonly kind: "split"; /** Share of the chunks cut in two. */ readonly share: number }
  | {
      readonly kind: "merge";
      /** Share of the chunks kept back for the next. */ readonly share: number;
    }
  | { readonly kind: "duplicate"; /** Share of the chunks sent twice. */ readonly share: number }
  | { readonly kind: "garbage"; readonly share: number; readonly bytesMax: number };

/** What befalls a line as a whole. */
export type LineFaultSort =
  | { /** Nothing comes through. */ readonly kind: "stall" }
  | {
      /** Everything comes so much later, in its order. */ readonly kind: "delay";
      readonly ms: number;
    }
  | { /** Closed, and not to be opened. */ readonly kind: "unplug" };

/** What befalls a board as a whole. */
export type BoardFaultSort =
  | {
      /** Without power for the window, or for as long as it takes to boot. */ readonly kind: "reboot";
    }
  | {
      /** Too little power for the window, which is cut into as many parts as it resets, and ends in a boot. */
      readonly kind: "brown-out";
      /** Share of the bytes that come out wrong. */
      readonly share: number;
      /** 1 or more. */
      readonly resets: number;
    }
  | {
      /** The board's own clock is wrong by so much. */ readonly kind: "clock-jump";
      readonly ms: number;
    };

/** A fault and when it is there. */
export type FaultPlan = FaultWindow &
  (ValueFaultSort | ByteFaultSort | LineFaultSort | BoardFaultSort);

export type FaultKind = FaultPlan["kind"];

/** The kinds of faults, in the order of the documentation. */
export const FAULT_KINDS: readonly FaultKind[] = [
  "bit-flips",
  "split",
  "merge",
  "duplicate",
  "garbage",
  "stall",
  "delay",
  "unplug",
  "stuck",
  "drift",
  "clock-jump",
  "reboot",
  "brown-out",
];

/** A plan of this kind. */
export type PlanOf<Kind extends FaultKind> = Extract<FaultPlan, { readonly kind: Kind }>;

/** Picks the plans of one kind, in their order. */
export function plansOf<Kind extends FaultKind>(
  plans: readonly FaultPlan[],
  kind: Kind,
): PlanOf<Kind>[] {
  return plans.filter((plan): plan is PlanOf<Kind> => plan.kind === kind);
}
