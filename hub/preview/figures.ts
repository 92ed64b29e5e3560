/** What a hub counts of live pictures: plain numbers that only grow. Shown by preview-metrics.ts. */

import type { Closing, UpgradeRefusal } from "./closing.ts";

/** Who is at the other end. */
export type Door = "edge" | "viewer";

/** Why a picture did not go to a viewer: it reads too slowly, or all viewers together have what they may have. */
export type DropReason = "slow" | "budget";

/** See the head of the file. */
export class PreviewFigures {
  /** Bytes of pictures from edges, and to viewers. */
  bytesIn = 0;
  bytesOut = 0;
  /** Bytes of pictures that nobody had asked for. */
  strayBytes = 0;
  views = 0;
  /** Time that people have looked, of views that are over. */
  viewMs = 0;
  readonly dropped: Record<DropReason, number> = { slow: 0, budget: 0 };
  readonly #refused = new Map<
    string,
    { door: Door; reason: Closing | UpgradeRefusal; n: number }
  >();

  /** Counts a connection that the hub refused or ended. */
  refuse(door: Door, reason: Closing | UpgradeRefusal): void {
    const key = `${door} ${reason}`;
    const known = this.#refused.get(key);
    if (known === undefined) this.#refused.set(key, { door, reason, n: 1 });
    else known.n += 1;
  }

  get refused(): Iterable<Readonly<{ door: Door; reason: Closing | UpgradeRefusal; n: number }>> {
    return this.#refused.values();
  }
}
