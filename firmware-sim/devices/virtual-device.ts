/**
 * An honest virtual device: a key, a chain, and one connection after the other, for load.
 *
 * It signs when it is told to, keeps what the hub has not called stored, sends it in order, and after a cut goes on from
 * what the hub says, as docs/formats.md, section 10, wants it of real ones.
 */
import { BackOff } from "../../platform/back-off.ts";
import type { BackOffLimits } from "../../platform/back-off.ts";
import type { Clock } from "../../platform/clock.ts";
import type { Random } from "../../platform/random.ts";
import type { Statement } from "../../ledger/statement.ts";
import { DeviceChain } from "./chain.ts";
import type { Pending } from "./chain.ts";
import type { Gate } from "./gate.ts";
import type { Identity } from "./identity.ts";
import type { PackSource } from "./pack-source.ts";
import { Session, secondsOf } from "./session.ts";
import type { SessionEnd, SessionLimits } from "./session.ts";
import { countIn } from "./tally.ts";
import type { Tally } from "./tally.ts";
import type { Dial } from "./transport.ts";

/** Bounds of a device. */
export interface DeviceLimits extends SessionLimits {
  /** Statements that wait for the hub's ack. */
  readonly pendingMax: number;
  readonly reconnect: BackOffLimits;
}

/** The limits that are used unless a run wants others. */
export const DEVICE_LIMITS: DeviceLimits = {
  windowStatements: 4,
  pendingMax: 256,
  openingMs: 30_000,
  silenceMsMax: 90_000,
  reconnect: { firstMs: 500, mostMs: 30_000 },
};

/** What the devices of a run share. */
export interface DeviceWorld {
  readonly origin: string;
  readonly dial: Dial;
  readonly gate: Gate;
  readonly clock: Clock;
  /** For waits and leaps: never for keys. */
  readonly random: Random;
  readonly tally: Tally;
  readonly limits: DeviceLimits;
}

/** What a device is made of. */
export interface DeviceParts {
  readonly world: DeviceWorld;
  readonly identity: Identity;
  readonly source: Pick<PackSource, "next">;
  /** Whether it signs by itself whenever its window has room. */
  readonly isGreedy?: (() => boolean) | undefined;
  readonly onSigned?: ((statement: Statement) => void) | undefined;
  readonly onStored?: ((stored: readonly Pending[]) => void) | undefined;
}

/** How far a run's first gap leaps: beyond all that an earlier run may have had under way, and not twice as far. */
const LEAP_MIN = 100_000;
const LEAP_SPREAD = 1_000_000_000;
const GOODBYE_MS = 2000;

/** See the head of the file. */
export class VirtualDevice {
  readonly identity: Identity;
  readonly chain: DeviceChain;
  readonly #parts: DeviceParts;
  #stop = new AbortController();
  #session: Session | undefined;
  #hasConnected = false;
  #isShutOut = false;
  #isOutOfReach = false;

  constructor(parts: DeviceParts) {
    const { limits, random } = parts.world;
    this.#parts = parts;
    this.identity = parts.identity;
    const leap = LEAP_MIN + Math.floor(random.unit() * LEAP_SPREAD);
    this.chain = new DeviceChain(parts.identity, { pendingMax: limits.pendingMax, leap });
  }

  /** Whether the hub has sent its ack on the connection that is there. */
  get isConnected(): boolean {
    return this.#session?.isReady === true;
  }

  /** Whether the hub has refused its latest login: what became of its statements nobody can ask. */
  get isShutOut(): boolean {
    return this.#isShutOut;
  }

  /** Whether its latest connection ended before the hub had said how far it is, for whatever reason. */
  get isOutOfReach(): boolean {
    return this.#isOutOfReach;
  }

  /** Whether everything that was signed is stored. */
  get isSettled(): boolean {
    return this.chain.pending.length === 0;
  }

  /** Signs a statement and sends it as soon as the window allows; false where there is no room for it. */
  sign(): boolean {
    if (!this.chain.hasRoom) return false;
    this.#signNext();
    this.#session?.pump();
    return true;
  }

  /** Ends the connection, as a cut line would; the device comes back. */
  cut(): void {
    this.#session?.cut("cut on purpose");
  }

  /** Has it say goodbye and come back no more: `run` then resolves. */
  stop(): void {
    this.#stop.abort();
  }

  /** Connects and comes back after every cut, until it is stopped; may be called again after that. Never rejects. */
  async run(): Promise<void> {
    this.#stop = new AbortController();
    const { world } = this.#parts;
    const { clock, random, gate, tally, limits } = world;
    // Its own signal: ten thousand devices would search one list of listeners at each wait.
    const own = this.#stop.signal;
    const waits = new BackOff(random, limits.reconnect);
    while (!own.aborted && !this.chain.isHalted) {
      const through = await gate.enter(own);
      if (own.aborted) break;
      const end = await this.#connect(through);
      through();
      if (own.aborted) break;
      if (end.wasReady) waits.reset();
      this.#isOutOfReach = !end.wasReady;
      this.#isShutOut = end.refusedBy !== undefined;
      countIn(tally.ended, end.reason);
      if (end.refusedBy !== undefined) countIn(tally.loginsRefused, end.refusedBy);
      if (!this.chain.isHalted) await clock.sleep(waits.nextMs(), own).catch(() => undefined);
    }
    if (this.chain.isHalted) tally.halted += 1;
  }

  /** One connection, from its beginning to its end. `through` is called when the hub has spoken. */
  #connect(through: () => void): Promise<SessionEnd> {
    const { world, onStored } = this.#parts;
    const { clock, tally } = world;
    const own = this.#stop.signal;
    return new Promise((resolve) => {
      let cancel = (): void => undefined;
      const leave = (): void => {
        cancel = clock.after(GOODBYE_MS, () => session.cut("left"));
        session.leave();
      };
      let isThrough = false;
      const onRoom = (): void => {
        if (!isThrough && session.isReady) {
          isThrough = true;
          this.#isOutOfReach = false;
          through();
          if (this.#hasConnected) tally.reconnections += 1;
          this.#hasConnected = true;
        }
        this.fill();
      };
      const onEnd = (end: SessionEnd): void => {
        cancel();
        own.removeEventListener("abort", leave);
        this.#session = undefined;
        resolve(end);
      };
      const session = new Session({ ...world, chain: this.chain, onRoom, onEnd, onStored });
      this.#session = session;
      own.addEventListener("abort", leave, { once: true });
    });
  }

  /** Signs as much as its window takes, if it is one that needs no turns. */
  fill(): void {
    const session = this.#session;
    const isGreedy = this.#parts.isGreedy ?? ((): boolean => false);
    while (isGreedy() && session?.hasWindow === true && this.#isIdle) {
      this.#signNext();
      session.pump();
    }
  }

  /** Whether all that is signed has been sent, and there is room for more. */
  get #isIdle(): boolean {
    return this.chain.hasRoom && this.chain.due() === undefined;
  }

  #signNext(): void {
    const { world, source, onSigned } = this.#parts;
    const payload = source.next(world.clock.nowMs());
    const statement = this.chain.sign(payload, secondsOf(world.clock));
    world.tally.signed += 1;
    onSigned?.(statement);
  }
}
