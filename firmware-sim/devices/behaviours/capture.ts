/** Statements that were overheard: the newest that devices of the run have had stored, for replayers to send again. */

/** A statement of somebody. */
export interface Captured {
  readonly device: string;
  readonly bytes: Uint8Array;
}

const KEPT = 64;

/** A ring of the newest ones. */
export class Capture {
  readonly #ring: Captured[] = [];
  #next = 0;

  /** Overhears one. */
  note(captured: Captured): void {
    this.#ring[this.#next] = captured;
    this.#next = (this.#next + 1) % KEPT;
  }

  /** Gives one of another device; `undefined` where nobody else was heard. */
  ofOther(device: string): Captured | undefined {
    const start = this.#next + KEPT - 1;
    for (let back = 0; back < KEPT; back++) {
      const captured = this.#ring[(start - back) % KEPT];
      if (captured !== undefined && captured.device !== device) return captured;
    }
    return undefined;
  }
}
