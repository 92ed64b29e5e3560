/**
 * When blocks are sealed: every `blockSeconds`, whether anything came in or not (docs/formats.md, section 6), and
 * earlier when the open block has grown to its bound, since it is held in memory.
 *
 * How a block is sealed without losing it to a crash is the log's affair.
 */

import type { Clock } from "../platform/clock.ts";
import type { HubLog } from "./log.ts";

/** What the sealer needs. */
export interface SealerPorts {
  readonly log: Pick<HubLog, "state" | "seal" | "openBytes" | "onAccepted">;
  readonly clock: Clock;
  /** Asked once, before the first seal after a start: rejects where a mirror has seen more of this log than the disk. */
  readonly beforeFirst?: (() => Promise<void>) | undefined;
  /** A block could not be sealed: the hub must stop. */
  readonly onFatal: (error: unknown) => void;
  /** Of the open block; 16 MiB unless given. */
  readonly openBytesMax?: number | undefined;
}

const OPEN_BYTES_MAX = 16_777_216;

/** Seals one log at its pace until it is stopped. */
export class Sealer {
  readonly #ports: SealerPorts;
  #cancel: (() => void) | undefined;
  #endFollowing: (() => void) | undefined;
  #sealing: Promise<void> | undefined;
  #isFirst = true;
  #isStopped = false;

  constructor(ports: SealerPorts) {
    this.#ports = ports;
  }

  /** Starts sealing. A block whose time has passed meanwhile is sealed at once. */
  start(): void {
    const { log, openBytesMax = OPEN_BYTES_MAX } = this.#ports;
    this.#endFollowing = log.onAccepted(() => {
      if (log.openBytes > openBytesMax) this.#sealNow();
    });
    this.#schedule();
  }

  /** Ends the sealing, after the seal that is under way. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#cancel?.();
    this.#endFollowing?.();
    await this.#sealing;
  }

  #schedule(): void {
    if (this.#isStopped) return;
    const { clock, log } = this.#ports;
    const blockMs = log.state.blockSeconds * 1000;
    const dueMs = (log.state.head?.timeMs ?? 0) + blockMs;
    // A head from the future, by a clock that was wrong, must not stop the sealing for longer than one block.
    const waitMs = Math.min(Math.max(dueMs - clock.nowMs(), 0), blockMs);
    this.#cancel = clock.after(waitMs, () => this.#sealNow());
  }

  #sealNow(): void {
    if (this.#sealing !== undefined || this.#isStopped) return;
    this.#cancel?.();
    this.#sealing = this.#seal().finally(() => {
      this.#sealing = undefined;
    });
  }

  /** Never rejects. */
  async #seal(): Promise<void> {
    try {
      if (this.#isFirst) await this.#ports.beforeFirst?.();
      this.#isFirst = false;
      if (this.#isStopped) return;
      await this.#ports.log.seal();
    } catch (error) {
      this.#ports.onFatal(error);
      return;
    }
    this.#schedule();
  }
}
