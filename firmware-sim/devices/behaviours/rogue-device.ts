/**
 * A device that misbehaves: one bad deed a turn, a lawful statement after each, until the run ends.
 *
 * What the hub's absence interrupts is begun again and proves nothing; a hub that ends the connection again and again,
 * where it should not, has disturbed the device, and that is reported.
 */
import { BackOff } from "../../../platform/back-off.ts";
import type { Identity } from "../identity.ts";
import type { MisbehaviourName } from "./behaviour.ts";
import { Desk, Interruption } from "./desk.ts";
import type { DeskParts } from "./desk.ts";
import { MISBEHAVIOURS } from "./misbehaviours.ts";

/** Interruptions in a row after which the hub is to blame. */
const INTERRUPTIONS_MAX = 5;
/** Without a rate there is a rest between two deeds, so that others get their turn. */
const REST_MS = 20;

/** See the head of the file. */
export class RogueDevice {
  readonly identity: Identity;
  readonly behaviour: MisbehaviourName;
  readonly #parts: Omit<DeskParts, "signal">;
  /** Whether turns are given, or it goes on by itself. */
  readonly #isPaced: boolean;
  readonly #stop = new AbortController();
  readonly #cut = new AbortController();
  #turns = 0;
  #interruptions = 0;
  #next: (() => void) | undefined;

  constructor(parts: Omit<DeskParts, "signal">, isPaced: boolean) {
    this.#parts = parts;
    this.#isPaced = isPaced;
    this.identity = parts.identity;
    this.behaviour = parts.behaviour;
  }

  /** Whether it has signed two statements with one number, and the hub has answered both. */
  get hasEquivocated(): boolean {
    return this.behaviour === "equivocator" && this.#turns > 0;
  }

  /** Lets it do its next deed; false while it is at one. */
  turn(): boolean {
    if (this.#next === undefined) return false;
    this.#next();
    return true;
  }

  /** Has it begin no other deed: `run` resolves when the one that is under way is over. */
  stop(): void {
    this.#stop.abort();
  }

  /** Ends what is under way too. What that interrupts proves nothing. */
  cut(): void {
    this.#stop.abort();
    this.#cut.abort();
  }

  /** Misbehaves until it is stopped. Never rejects. */
  async run(): Promise<void> {
    const { clock, random, limits } = this.#parts.world;
    const { signal } = this.#stop;
    const cut = this.#cut.signal;
    const desk = new Desk({ ...this.#parts, signal: cut });
    const waits = new BackOff(random, limits.reconnect);
    const close = (): void => desk.close();
    cut.addEventListener("abort", close, { once: true });
    while (!signal.aborted && !cut.aborted) {
      await this.#wait(signal);
      if (signal.aborted) break;
      try {
        await MISBEHAVIOURS[this.behaviour](desk, this.#turns);
        this.#turns += 1;
        this.#interruptions = 0;
        waits.reset();
      } catch (error) {
        if (cut.aborted) break;
        if (!(error instanceof Interruption)) throw error;
        this.#noteInterruption(desk, error);
        await clock.sleep(waits.nextMs(), signal).catch(() => undefined);
      }
    }
    cut.removeEventListener("abort", close);
    desk.close();
  }

  #noteInterruption(desk: Desk, { wasOpen, message }: Interruption): void {
    if (!wasOpen) return;
    this.#interruptions += 1;
    if (this.#interruptions < INTERRUPTIONS_MAX) return;
    this.#interruptions = 0;
    // Another deed next time: this one leads nowhere.
    this.#turns += 1;
    desk.expect("goes-on", false, `${INTERRUPTIONS_MAX} times in a row: ${message}`);
  }

  async #wait(signal: AbortSignal): Promise<void> {
    if (!this.#isPaced) {
      const { clock } = this.#parts.world;
      await clock.sleep(REST_MS, signal).catch(() => undefined);
      return;
    }
    await new Promise<void>((resolve) => {
      const go = (): void => {
        signal.removeEventListener("abort", go);
        this.#next = undefined;
        resolve();
      };
      signal.addEventListener("abort", go, { once: true });
      this.#next = go;
    });
  }
}
