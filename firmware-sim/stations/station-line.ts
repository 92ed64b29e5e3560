/**
 * A station's line: what goes out passes its faults on the way to the outlet, which is pulled out and plugged in as
 * they say.
 */
import type { Clock } from "../../platform/clock.ts";
import type { Destination } from "../boards/board.ts";
import { followWindows } from "../faults/fault-window.ts";
import type { StationFaults } from "../faults/station-faults.ts";
import type { BytesReceived, Outlet } from "../outlet/outlet.ts";

/** What a line is made from. */
export interface StationLineParts {
  readonly faults: StationFaults;
  readonly clock: Clock;
  /** Opens the outlet; bytes from the other side go to the function. */
  readonly openOutlet: (received: BytesReceived) => Promise<Outlet>;
}

/** Something that goes on until it is done or the signal is aborted, and rejects with what went wrong. */
export type Activity = (signal: AbortSignal) => Promise<void>;

/** Bytes that are under way on a line with a delay; more are lost. */
const UNDER_WAY_BYTES_MAX = 1024 * 1024;

/** An open line. */
export class StationLine {
  readonly #faults: StationFaults;
  readonly #clock: Clock;
  readonly #outlet: Outlet;
  readonly #bornMs: number;
  readonly #underWay = new Set<() => void>();
  #underWayBytes = 0;
  #arrivesMs = 0;
  #bytesSent = 0;
  #bytesLost = 0;

  private constructor(parts: StationLineParts, outlet: Outlet) {
    this.#faults = parts.faults;
    this.#clock = parts.clock;
    this.#outlet = outlet;
    this.#bornMs = parts.clock.monotonicMs();
  }

  /** Opens the outlet. Rejects with its error. */
  static async open(parts: StationLineParts, received: BytesReceived): Promise<StationLine> {
    return new StationLine(parts, await parts.openOutlet(received));
  }

  /** Where to connect. */
  get address(): string {
    return this.#outlet.address;
  }

  /** Bytes that went into the outlet, or were lost in front of it. */
  get bytesSent(): number {
    return this.#bytesSent;
  }

  /** Those of them that nobody read. */
  get bytesLost(): number {
    return this.#bytesLost + this.#outlet.bytesLost;
  }

  /** How long it has been open; the time of its faults. */
  elapsedMs(): number {
    return this.#clock.monotonicMs() - this.#bornMs;
  }

  /** Sends a chunk, or what faults make of it; a message says where `to`. */
  send(chunk: Uint8Array, to?: Destination): void {
    const elapsedMs = this.elapsedMs();
    const chunks = this.#faults.bytes(chunk, elapsedMs);
    // Nothing overtakes what was delayed before it.
    this.#arrivesMs = Math.max(this.#arrivesMs, elapsedMs + this.#faults.delayMs(elapsedMs));
    for (const bytes of chunks) {
      this.#bytesSent += bytes.length;
      if (this.#arrivesMs <= elapsedMs) this.#outlet.write(bytes, to);
      else this.#delay(bytes, to, this.#arrivesMs - elapsedMs);
    }
  }

  /** Waits until somebody reads. Rejects with the signal's reason. */
  ready(signal: AbortSignal): Promise<void> {
    return this.#outlet.ready(signal);
  }

  /**
   * Does the `work` to its end or until the signal, and what goes on `beside` it, with the line's faults; then closes.
   *
   * Rejects with the outlet's error when the line is lost before that, or with what work and the rest throw.
   */
  async run(signal: AbortSignal, work: Activity, ...beside: readonly Activity[]): Promise<void> {
    const over = new AbortController();
    const either = AbortSignal.any([signal, over.signal]);
    let failure: Error | undefined;
    const stop = (cause: unknown): void => {
      if (!either.aborted && cause !== undefined) failure ??= errorOf(cause);
      over.abort();
    };
    void this.#outlet.ended.then(stop);
    const others = [...beside, this.#followFaults.bind(this)].map((part) =>
      part(either).catch(stop),
    );
    await work(either).catch(stop);
    over.abort();
    await Promise.all(others);
    await this.close();
    if (failure !== undefined) throw failure;
  }

  /** Lets go of the line; what is still under way is lost. */
  async close(): Promise<void> {
    for (const cancel of this.#underWay) cancel();
    this.#bytesLost += this.#underWayBytes;
    this.#underWayBytes = 0;
    await this.#outlet.close();
  }

  /** Pulls the outlet out and plugs it in as the faults say, until they say nothing more. */
  #followFaults(signal: AbortSignal): Promise<void> {
    const around = { clock: this.#clock, bornMs: this.#bornMs, signal };
    let isAway = false;
    return followWindows(this.#faults.absences, around, async (elapsedMs) => {
      const shallBeAway = this.#faults.isUnplugged(elapsedMs);
      if (shallBeAway === isAway) return;
      isAway = shallBeAway;
      await (isAway ? this.#outlet.unplug() : this.#outlet.plug(signal));
    });
  }

  #delay(bytes: Uint8Array, to: Destination | undefined, ms: number): void {
    if (this.#underWayBytes + bytes.length > UNDER_WAY_BYTES_MAX) {
      this.#bytesLost += bytes.length;
      return;
    }
    this.#underWayBytes += bytes.length;
    const cancel = this.#clock.after(ms, () => {
      this.#underWay.delete(cancel);
      this.#underWayBytes -= bytes.length;
      this.#outlet.write(bytes, to);
    });
    this.#underWay.add(cancel);
  }
}

function errorOf(cause: unknown): Error {
  return cause instanceof Error ? cause : new Error("a station failed", { cause });
}
