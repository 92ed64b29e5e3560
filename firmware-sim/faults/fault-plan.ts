/**
 * The faults that can be asked for, by kind.
 */
import type { FaultWindow } from "./fault-window.ts";

/** What goes wrong, without when. Shares are probabilities of 0 to 1. */
export type FaultSort =
  | {
      readonly kind: "bit-flips";
      /** Share of the bytes of which one bit is turned. */ readonly share: number;
    }
  | { readonly kind: "split"; /** Share of the chunks cut in two. */ readonly share: number }
  | {
      readonly kind: "merge";
      /** Share of the chunks kept back for the next. */ readonly share: number;
    }
  | { readonly kind: "garbage"; readonly share: number; readonly bytesMax: number }
  | { readonly kind: "stall" }
  | {
      readonly kind: "stuck";
      /** The quantity that stays as it is; all of them without. */ readonly quantity?: string;
    }
  | { readonly kind: "unplug" }
  | { /** Down for the window, or for as long as the board takes. */ readonly kind: "reboot" };

/** A fault and when it is there. */
export type FaultPlan = FaultWindow & FaultSort;

export type FaultKind = FaultSort["kind"];

/** The kinds of faults, in the order of the documentation. */
export const FAULT_KINDS: readonly FaultKind[] = [
  "bit-flips",
  "split",
  "merge",
  "garbage",
  "stall",
  "stuck",
  "unplug",
  "reboot",
];
