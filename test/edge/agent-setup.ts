/** A whole agent over a scripted hub, with a sensor, a clock and a disk in memory, for tests of the agent. */

import { Agent } from "../../edge/agent.ts";
import type { AgentParts } from "../../edge/agent-parts.ts";
import { DRIVERS } from "../../edge/sensors/drivers/drivers.ts";
import type { Connect, ConnectionEvents } from "../../edge/sensors/lines/line.ts";
import { encodeUtf8 } from "../../ledger/bytes.ts";
import { Refusal } from "../../ledger/errors.ts";
import { decodePack } from "../../ledger/senml.ts";
import type { Pack } from "../../ledger/senml.ts";
import type { Signer } from "../../ledger/signature.ts";
import { ManualClock } from "../../platform/clock.ts";
import { silentLogger } from "../../platform/log.ts";
import { MemoryFiles } from "../../platform/memory-files.ts";
import { opensslVerify } from "../../platform/native-verify.ts";
import { seededRandom } from "../../platform/random.ts";
import { nativeSigner } from "../support/native-signer.ts";
import { ORIGIN, ScriptedHub } from "./delivery/scripted-hub.ts";

export const DEVICE = "air-1";
export const TRUE_MS: number = Date.parse("2026-12-01T12:00:00Z");
export const signer: Signer = nativeSigner(new Uint8Array(32).fill(9));

/** A line of which the test holds the other end. */
export class MemoryLine {
  events: ConnectionEvents | undefined;
  readonly connect: Connect = (events) => {
    this.events = events;
    return Promise.resolve({ write: () => true, close: () => Promise.resolve() });
  };

  /** Says an SDS011 frame. */
  sds011(pm25: number, pm10: number): void {
    const data = [pm25 & 0xff, pm25 >> 8, pm10 & 0xff, pm10 >> 8, 0xa1, 0x60];
    const sum = data.reduce((total, byte) => total + byte, 0) & 0xff;
    this.events?.bytes(Uint8Array.from([0xaa, 0xc0, ...data, sum, 0xab]));
  }

  /** Says a line of NMEA 0183, its checksum added. */
  nmea(sentence: string): void {
    const sum = encodeUtf8(sentence).reduce((all, byte) => all ^ byte, 0);
    const hex = sum.toString(16).toUpperCase().padStart(2, "0");
    this.events?.bytes(encodeUtf8(`$${sentence}*${hex}\r\n`));
  }
}

/** An agent that runs. */
export interface RunningAgent {
  readonly agent: Agent;
  /** Stops it in good order. */
  stop(): Promise<void>;
}

/** Everything around the agents of one test. */
export class AgentSetup {
  readonly clock: ManualClock = new ManualClock(TRUE_MS);
  readonly line: MemoryLine = new MemoryLine();
  readonly files: MemoryFiles = new MemoryFiles();
  hub!: ScriptedHub;
  private readonly stops: (() => Promise<void>)[] = [];

  static async begin(): Promise<AgentSetup> {
    const setup = new AgentSetup();
    setup.hub = await ScriptedHub.open(setup.clock);
    await setup.files.makeFolder("/data");
    return setup;
  }

  async end(): Promise<void> {
    for (const stop of this.stops.splice(0)) await stop();
    await this.hub.close();
  }

  /** Lets time pass until something is so. */
  async until(what: string, holds: () => boolean): Promise<void> {
    for (let turns = 0; turns < 4_000; turns++) {
      if (holds()) return;
      await this.clock.advance(50);
    }
    throw new Error(`it never came about: ${what}`);
  }

  async start(changes: Partial<AgentParts> = {}, driverName = "sds011"): Promise<RunningAgent> {
    const notBeforeMs = changes.notBeforeMs ?? Date.parse("2026-11-01");
    // What it says at once is to be believed.
    const options = driverName === "sds011" ? { warmUpSeconds: 0 } : {};
    const driver = DRIVERS.get(driverName)!.create(options, { notBeforeMs });
    const { connect } = this.line;
    const agent = await Agent.open({
      device: DEVICE,
      origin: ORIGIN,
      signer,
      policy: this.hub.policy,
      verify: opensslVerify,
      isRestricted: false,
      position: { lat: 51.5, lon: -3 },
      pack: { seconds: 10, readingsMax: 64 },
      outboxBytesMax: 1_000_000,
      waitingReadingsMax: 1_000,
      notBeforeMs,
      waitForSyncMs: 120_000,
      askTimeSync: () => Promise.resolve(undefined),
      sensors: [{ stream: "air", driverName, address: "memory", driver, connect }],
      connectHub: (options) => this.hub.connect(options),
      dataFolder: "/data",
      files: this.files,
      clock: this.clock,
      random: seededRandom(3),
      logger: silentLogger,
      ...changes,
    });
    const stopping = new AbortController();
    let isOver = false;
    const running = agent.run(stopping.signal).then(() => {
      isOver = true;
    });
    const stop = async (): Promise<void> => {
      stopping.abort();
      await this.until("the agent stops", () => isOver);
      await running;
    };
    this.stops.push(stop);
    return { agent, stop };
  }

  /** Packs in the log. */
  packs(): Pack[] {
    return this.hub.statements().flatMap(({ statement }) => {
      if (statement.kind !== "readings") return [];
      const pack = decodePack(statement.payload, DEVICE, statement.iat);
      if (pack instanceof Refusal) throw new Error(pack.text);
      return [pack];
    });
  }

  /** All values of a quantity in the log, in its order. */
  values(quantity: string): unknown[] {
    return this.packs().flatMap(({ readings }) =>
      readings.filter((one) => one.quantity === quantity).map(({ value }) => value),
    );
  }
}
