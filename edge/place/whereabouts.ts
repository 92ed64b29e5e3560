/**
 * Where the device is: at the place of its settings, or else where its satellite receiver last said.
 *
 * A receiver beside a place in the settings watches over it. What the settings say is still what packs say, since they were
 * enrolled with it; but a box that was carried off must not go on in silence as if it stood there, so each pack then says
 * how far away the receiver is (`moved`, docs/quantities.md). Pure.
 */

import { medianPlace, metresBetween } from "./place.ts";
import type { Place } from "./place.ts";

/** So many of the newest fixes are looked at together: a single one may be reflected by a wall. */
const FIXES_LOOKED_AT = 9;

/** What whereabouts are made of. */
export interface WhereaboutsParts {
  /** Where the settings say that the device stands; `undefined` if it moves. */
  readonly fixed: Place | undefined;
  /** A receiver that is farther away than this, metres, says that the device was moved; 0 for never. */
  readonly movedMetres: number;
}

/** See the head of the file. */
export class Whereabouts {
  private readonly parts: WhereaboutsParts;
  private fixes: readonly Place[] = [];

  constructor(parts: WhereaboutsParts) {
    this.parts = parts;
  }

  /** What packs say; `undefined` while nobody knows. */
  get place(): Place | undefined {
    return this.parts.fixed ?? this.fixes.at(-1);
  }

  /** Takes what a receiver said. */
  hearFix({ lat, lon }: Place): void {
    this.fixes = [...this.fixes, { lat, lon }].slice(-FIXES_LOOKED_AT);
  }

  /**
   * How far the receiver is from the place of the settings, whole metres, where that is too far; `undefined` where it is
   * not, or fewer fixes than are looked at together have come. A receiver that falls silent is taken at its last word.
   */
  get movedMetres(): number | undefined {
    const { fixed, movedMetres } = this.parts;
    if (fixed === undefined || movedMetres === 0 || this.fixes.length < FIXES_LOOKED_AT)
      return undefined;
    const metres = metresBetween(fixed, medianPlace(this.fixes));
    return metres > movedMetres ? Math.round(metres) : undefined;
  }
}
