/**
 * One viewer at one camera: which pictures go to it, and which are left out.
 *
 * Pictures go out whole or not at all. A picture of MPEG-1 builds on the one before, so whoever missed one begins again
 * at the next that stands by itself. Whoever does not keep up for long is cut off. Nothing is kept for later: what
 * waits, waits in the connection's own queue, and only so much of it.
 */

import type { Clock } from "../../platform/clock.ts";
import type { Budget } from "./budget.ts";
import type { Closing } from "./closing.ts";
import type { DropReason, PreviewFigures } from "./figures.ts";
import type { PreviewLimits } from "./limits.ts";
import type { StreamPart } from "./transport-stream.ts";

/** How a camera is to its viewers: as the edge says, or `away` while the device is not connected. */
export type ShownState = string;

/** A viewer's connection, as the relay uses it. Nothing of it may throw. */
export interface ViewerLink {
  /** Bytes that were handed over and are not on their way yet. */
  readonly queuedBytes: number;
  send(bytes: Uint8Array): void;
  /** Says how the camera is. */
  tell(state: ShownState): void;
  /** Ends the connection; the view is over for the relay already. */
  close(reason: Closing): void;
}

/** What a view is made of. */
export interface ViewParts {
  readonly link: ViewerLink;
  readonly clock: Clock;
  readonly limits: PreviewLimits;
  readonly figures: PreviewFigures;
  /** Shared by all viewers. */
  readonly budget: Budget;
}

/** See the head of the file. */
export class View {
  readonly link: ViewerLink;
  readonly #parts: ViewParts;
  #isTaking = false;
  /** Since when pictures are left out, monotonic. */
  #lagsSinceMs: number | undefined;
  /** Of this view alone. */
  bytes = 0;
  pictures = 0;
  picturesDropped = 0;

  constructor(parts: ViewParts) {
    this.link = parts.link;
    this.#parts = parts;
  }

  /** Forgets where it was: what follows is another stream. */
  restart(): void {
    this.#isTaking = false;
  }

  /** Takes a part of the stream. Gives why the viewer is to be cut off, if it is. */
  take(part: StreamPart, tables: readonly Uint8Array[]): Closing | undefined {
    if (part.kind === "picture") return this.#begin(part, tables);
    if (this.#isTaking) this.#send(part.bytes);
    return undefined;
  }

  #begin(part: StreamPart, tables: readonly Uint8Array[]): Closing | undefined {
    const obstacle = this.#obstacle();
    if (obstacle !== undefined) return this.#leaveOut(obstacle);
    if (!this.#isTaking && !part.isKey) {
      // Who has just come waits for the first key picture without having missed anything.
      return this.#lagsSinceMs === undefined ? undefined : this.#leaveOut("slow");
    }
    if (!this.#isTaking) for (const packet of tables) this.#send(packet);
    this.#isTaking = true;
    this.#lagsSinceMs = undefined;
    this.pictures += 1;
    this.#send(part.bytes);
    return undefined;
  }

  /** What keeps a picture from being sent now. Who lags must have caught up before it goes on. */
  #obstacle(): DropReason | undefined {
    const { limits, budget, link } = this.#parts;
    const most = this.#lagsSinceMs === undefined ? limits.queueBytesMax : limits.queueBytesLow;
    if (link.queuedBytes > most) return "slow";
    return budget.isSpent ? "budget" : undefined;
  }

  #leaveOut(reason: DropReason): Closing | undefined {
    const { clock, limits, figures, link } = this.#parts;
    this.#isTaking = false;
    this.picturesDropped += 1;
    figures.dropped[reason] += 1;
    const nowMs = clock.monotonicMs();
    this.#lagsSinceMs ??= nowMs;
    // The budget is nobody's own fault, and a queue that has drained only waits for a key picture.
    const isStuck = link.queuedBytes > limits.queueBytesLow;
    if (!isStuck) this.#lagsSinceMs = nowMs;
    return nowMs - this.#lagsSinceMs > limits.lagMsMax ? "too-slow" : undefined;
  }

  #send(bytes: Uint8Array): void {
    const { figures, budget, link } = this.#parts;
    this.bytes += bytes.length;
    figures.bytesOut += bytes.length;
    budget.spend(bytes.length);
    link.send(bytes);
  }
}
