/**
 * One camera's picture while the hub wants it: started, started anew after it has ended by itself, and stopped.
 *
 * A transcoder that dies at once must not be started in a loop, so the waits grow until one has lasted. Nor may a hub
 * that changes its mind all the time: two starts are seconds apart, whoever wants them.
 */

import { BackOff } from "../../platform/back-off.ts";
import type { Clock } from "../../platform/clock.ts";
import type { Logger } from "../../platform/log.ts";
import type { Random } from "../../platform/random.ts";
import type { PreviewRun as Picture, PreviewSource } from "./preview-source.ts";
import { TransportPackets } from "./transport-packets.ts";

/** What a run works with. */
export interface CameraRunParts {
  readonly source: PreviewSource;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Bound of one piece for `take`. */
  readonly pieceBytesMax: number;
  /** Takes whole transport packets, and must not throw. Not called after `close` has been. */
  readonly take: (packets: Uint8Array) => void;
}

const RESTART = { firstMs: 1_000, mostMs: 30_000 };
/** A picture that came for so long is a success. */
const LASTING_MS = 30_000;
/** From one start to the next, at least. */
const APART_MS = 2_000;

/** See the head of the file. */
export class CameraRun {
  readonly #parts: CameraRunParts;
  readonly #restarts: BackOff;
  #isWanted = false;
  #isClosed = false;
  #isStopping = false;
  #picture: Picture | undefined;
  #beganMs = Number.NEGATIVE_INFINITY;
  #cancelStart: (() => void) | undefined;
  /** Settles when the picture that runs, if one does, has ended. */
  #ended: Promise<void> = Promise.resolve();

  constructor(parts: CameraRunParts) {
    this.#parts = parts;
    this.#restarts = new BackOff(parts.random, RESTART);
  }

  /** Whether the hub wants the picture. */
  get isWanted(): boolean {
    return this.#isWanted;
  }

  /** Wants the picture; repeating it does nothing. */
  start(): void {
    if (this.#isWanted || this.#isClosed) return;
    this.#isWanted = true;
    this.#restarts.reset();
    // One that is being stopped is waited for: it goes on from there.
    if (this.#picture === undefined) this.#beginAfter(0);
  }

  /** Wants it no longer; repeating it does nothing. */
  stop(): void {
    this.#isWanted = false;
    this.#cancelStart?.();
    this.#cancelStart = undefined;
    if (this.#picture === undefined || this.#isStopping) return;
    this.#isStopping = true;
    void this.#picture.stop();
  }

  /** Ends for good; resolves when the picture is gone. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.stop();
    await this.#ended;
  }

  /** Begins after a while, and not too soon after the last time. */
  #beginAfter(ms: number): void {
    const { clock } = this.#parts;
    const waitMs = Math.max(ms, this.#beganMs + APART_MS - clock.monotonicMs());
    if (waitMs <= 0) return this.#begin();
    this.#cancelStart = clock.after(waitMs, () => {
      this.#cancelStart = undefined;
      this.#begin();
    });
  }

  #begin(): void {
    const { source, clock, pieceBytesMax, take } = this.#parts;
    const packets = new TransportPackets(pieceBytesMax);
    this.#beganMs = clock.monotonicMs();
    const picture = source.start((piece) => {
      if (!this.#isWanted || this.#isStopping) return;
      for (const message of packets.push(piece)) take(message);
    });
    this.#picture = picture;
    this.#ended = picture.ended.then((error) => {
      const wasStopped = this.#isStopping;
      this.#picture = undefined;
      this.#isStopping = false;
      if (this.#isWanted) this.#beginAfter(wasStopped ? 0 : this.#restartMs(error));
    });
  }

  /** How long to wait after a picture has ended by itself. */
  #restartMs(error: Error | undefined): number {
    const { source, clock, logger } = this.#parts;
    if (clock.monotonicMs() - this.#beganMs >= LASTING_MS) this.#restarts.reset();
    const waitMs = this.#restarts.nextMs();
    const { camera } = source;
    logger.info({ camera, reason: error?.message, waitMs }, "a live picture ended by itself");
    return waitMs;
  }
}
