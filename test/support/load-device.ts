/**
 * One virtual device (firmware-sim/devices/) that keeps a hub busy in a test, and keeps all that it has signed for the test
 * to find in the log.
 *
 * What it was promised, by a PUBACK as well as by an ack, it compares with what it hears later: `violations`.
 */
import { claimOf, makeIdentity } from "../../firmware-sim/devices/identity.ts";
import type { Identity } from "../../firmware-sim/devices/identity.ts";
import { Gate } from "../../firmware-sim/devices/gate.ts";
import { loginOf } from "../../firmware-sim/devices/session.ts";
import { Tally } from "../../firmware-sim/devices/tally.ts";
import { dialTo } from "../../firmware-sim/devices/transport.ts";
import type { Dial } from "../../firmware-sim/devices/transport.ts";
import { DEVICE_LIMITS, VirtualDevice } from "../../firmware-sim/devices/virtual-device.ts";
import { encodePack } from "../../ledger/senml.ts";
import type { Hash } from "../../ledger/sha256.ts";
import type { Statement } from "../../ledger/statement.ts";
import { topicOf } from "../../ledger/topic.ts";
import { systemClock } from "../../platform/clock.ts";
import { systemRandom } from "../../platform/random.ts";

const SEED = "test";
const RECONNECT_MS = 50;
/** A device in a test keeps all that it has signed anyway. */
const PENDING_MAX = 100_000;

/** How hard a device works. */
export interface LoadPace {
  /** Statements under way at the same time. */
  readonly window: number;
  /** Between statements; 0 for as many as the window takes. */
  readonly pauseMs: number;
}

/** One device. `run` once the hub has enrolled it. */
export class LoadDevice {
  readonly name: string;
  readonly origin: string;
  readonly kid: string;
  /** Everything that was ever signed, by `seq`. */
  readonly statements: Statement[] = [];
  readonly #identity: Identity;
  readonly #pace: LoadPace;
  readonly #tally = new Tally();
  readonly #device: VirtualDevice;
  #dial: Dial | undefined;
  #isSigning: () => boolean = () => false;

  constructor(name: string, origin: string, pace: LoadPace = { window: 4, pauseMs: 5 }) {
    this.name = name;
    this.origin = origin;
    this.#pace = pace;
    this.#identity = makeIdentity(SEED, name);
    this.kid = this.#identity.kid;
    const reconnect = { firstMs: RECONNECT_MS, mostMs: RECONNECT_MS };
    const windowStatements = pace.window;
    this.#device = new VirtualDevice({
      world: {
        origin,
        dial: () => this.#dial!(),
        gate: new Gate(systemClock, { perSecondMax: 1000, openingMax: 1 }),
        clock: systemClock,
        random: systemRandom,
        tally: this.#tally,
        limits: { ...DEVICE_LIMITS, windowStatements, pendingMax: PENDING_MAX, reconnect },
      },
      identity: this.#identity,
      source: { next: (nowMs) => this.#pack(nowMs) },
      isGreedy: () => pace.pauseMs === 0 && this.#isSigning(),
      onSigned: (statement) => this.statements.push(statement),
    });
  }

  /** What the operator enrols it by. */
  get request(): string {
    return claimOf(this.#identity, this.origin, 60);
  }

  /** The greatest `seq` that an ack has called stored or sealed, -1 before. */
  get stored(): number {
    return this.#device.chain.stored;
  }

  get sealed(): number {
    return this.#device.chain.sealed;
  }

  /** Statements that had their PUBACK. */
  get confirmed(): number {
    return this.#tally.confirmed;
  }

  /** Connections that came as far as an ack. */
  get sessions(): number {
    return this.#tally.connections;
  }

  /** What the hub should never have said, in words. Nothing that it signs is to be refused. */
  get violations(): string[] {
    const nacks = Array.from(this.#tally.nacks, ([code, count]) => `${count} nacks: ${code}`);
    return [...this.#tally.faults, ...nacks];
  }

  /** The password of a connection that is begun now. */
  password(): string {
    return loginOf(this.#identity, this.origin, systemClock).password;
  }

  topic(leaf: "statement" | "ack" | "nack"): string {
    return topicOf(this.name, leaf);
  }

  /** Signs the first statement of the chain, for somebody else to send. */
  sign(enrolled: Hash): Statement {
    const { chain } = this.#device;
    const iat = Math.floor(systemClock.nowMs() / 1000);
    const ack = { kid: this.kid, stored: -1, hash: enrolled, sealed: -1, bodies: -1 };
    if (!chain.hasRoom) chain.hearAck(ack, iat);
    return chain.sign(this.#pack(systemClock.nowMs()), iat);
  }

  /** Sends until the signal, reconnecting after every cut; signs new statements as long as `isSigning` says so. */
  async run(
    port: number,
    signal: AbortSignal,
    isSigning: () => boolean = () => true,
  ): Promise<void> {
    this.#dial = dialTo({ isTls: false, host: "127.0.0.1", port });
    this.#isSigning = () => !signal.aborted && isSigning();
    const running = this.#device.run();
    const stop = (): void => this.#device.stop();
    signal.addEventListener("abort", stop, { once: true });
    if (signal.aborted) stop();
    await Promise.all([running, this.#signByTime(signal)]);
    signal.removeEventListener("abort", stop);
  }

  /** A statement in each pause, while there is a connection and the window has room. */
  async #signByTime(signal: AbortSignal): Promise<void> {
    const { window, pauseMs } = this.#pace;
    while (!signal.aborted) {
      const { chain, isConnected } = this.#device;
      const underWay = chain.pending.filter(({ isConfirmed }) => !isConfirmed).length;
      if (pauseMs === 0) this.#device.fill();
      else if (isConnected && underWay < window && this.#isSigning()) this.#device.sign();
      await systemClock.sleep(Math.max(1, pauseMs), signal).catch(() => undefined);
    }
  }

  /** One reading whose value is its number; times apart by it, so that no two values share a point of a time series. */
  #pack(nowMs: number): Uint8Array {
    const seq = this.statements.length;
    const iat = Math.floor(nowMs / 1000);
    const reading = { quantity: "pm25", unit: "ug/m3", value: seq / 10, time: iat - 100_000 + seq };
    return encodePack(this.name, this.#identity.place, [reading]);
  }
}
