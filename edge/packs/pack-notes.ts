/**
 * What an agent says of a pack, beside its readings: who vouched for the time and who contradicted, whether the clock was
 * moved, what is missing, and for whom it signs. docs/quantities.md, "Notes", says the same to people. Pure.
 */

import { NOTES } from "../../ledger/quantity.ts";
import type { NoteName } from "../../ledger/quantity.ts";
import type { Reading } from "../../ledger/senml.ts";
import type { TimeSource } from "../time/clock-source.ts";

/** The notes of one pack. */
export interface PackNotes {
  /** Who vouched for the time when the pack was signed. */
  readonly clock: Exclude<TimeSource, "none">;
  /** By how much the clock has been put forward, or back where negative, since the stream's pack before. */
  readonly clockStepMs: number;
  /** By how much another clock, which ought to be right as well, was ahead then; absent where none contradicted. */
  readonly clockApartMs?: number | undefined;
  /** How far the receiver is from the place of the settings; absent where that is not too far. */
  readonly movedMetres?: number | undefined;
  /** Readings of the stream that were dropped since its pack before. */
  readonly dropped: number;
  /** The board that measured, where it is not a sensor of the agent's own. */
  readonly via?: string | undefined;
}

/** Records that notes may fill. */
export const NOTES_MAX: number = NOTES.size;

/** Less than this is how clocks are kept in step, and no news. */
const CLOCK_STEP_MS_MIN = 1_000;

/** Gives the notes as records with the time of the pack's last instant, POSIX seconds. What there is nothing to say of is left out. */
export function noteReadings(notes: PackNotes, time: number): Reading[] {
  const { clock, clockStepMs, clockApartMs, movedMetres, dropped, via } = notes;
  const step = Math.abs(clockStepMs) >= CLOCK_STEP_MS_MIN ? clockStepMs / 1000 : undefined;
  const values: readonly (readonly [NoteName, Reading["value"] | undefined])[] = [
    ["clock", clock],
    ["clock-step", step],
    ["clock-apart", clockApartMs === undefined ? undefined : clockApartMs / 1000],
    ["moved", movedMetres],
    ["dropped", dropped > 0 ? dropped : undefined],
    ["via", via],
  ];
  return values.flatMap(([quantity, value]) =>
    value === undefined ? [] : [{ quantity, ...unitOf(quantity), value, time }],
  );
}

function unitOf(note: NoteName): Pick<Reading, "unit"> {
  const unit = NOTES.get(note)!.unit;
  return unit === "" ? {} : { unit };
}
