/** Sending over a real broker with a scripted hub behind it: cuts, refusals, lies, and clones. */

import { MqttClient } from "mqtt";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Chain } from "../../../edge/signing/chain.ts";
import { ClockSource } from "../../../edge/time/clock-source.ts";
import { newCounters } from "../../../edge/counters.ts";
import { Delivery } from "../../../edge/delivery/delivery.ts";
import type { ConnectHub } from "../../../edge/delivery/hub-connection.ts";
import { HaltMarks } from "../../../edge/delivery/halt.ts";
import { Outbox } from "../../../edge/outbox/outbox.ts";
import { Publisher } from "../../../edge/delivery/publisher.ts";
import { Quarantine } from "../../../edge/outbox/quarantine.ts";
import { Repair } from "../../../edge/delivery/repair.ts";
import { ReceiptTrust } from "../../../edge/delivery/receipt-trust.ts";
import type { RetentionLevel } from "../../../edge/delivery/receipt-trust.ts";
import { decodeHex, encodeHex } from "../../../ledger/bytes.ts";
import { kidHex } from "../../../ledger/key.ts";
import { decodeGap } from "../../../ledger/kinds/gap.ts";
import { encodePack } from "../../../ledger/senml.ts";
import type { Reading } from "../../../ledger/senml.ts";
import { ManualClock } from "../../../platform/clock.ts";
import { silentLogger } from "../../../platform/log.ts";
import { MemoryFiles } from "../../../platform/memory-files.ts";
import { opensslVerify } from "../../../platform/native-verify.ts";
import { seededRandom } from "../../../platform/random.ts";
import { PACKET, Wire } from "../simulation/wire.ts";
import type { Packet, WireFault } from "../simulation/wire.ts";
import { ORIGIN, ScriptedHub } from "./scripted-hub.ts";
import { nativeSigner } from "../../support/native-signer.ts";

const DEVICE = "air-1";
const signer = nativeSigner(new Uint8Array(32).fill(9));
const kid = kidHex(signer.publicKey);

let clock: ManualClock;
let hub: ScriptedHub;
const devices: Device[] = [];

beforeEach(async () => {
  clock = new ManualClock(Date.parse("2026-12-01T12:00:00Z"));
  hub = await ScriptedHub.open(clock);
  hub.enrol(DEVICE, signer);
});

afterEach(async () => {
  for (const device of devices.splice(0)) await device.stop();
  await hub.close();
});

/** Lets time pass until something is so. */
async function until(what: string, holds: () => boolean): Promise<void> {
  for (let turns = 0; turns < 4_000; turns++) {
    if (holds()) return;
    await clock.advance(50);
  }
  throw new Error(`it never came about: ${what}`);
}

/** Lets time pass in small steps, so that what is under way in the event loop arrives at about its time. */
async function pass(ms: number, stepMs = 50): Promise<void> {
  for (let left = ms; left > 0; left -= stepMs) await clock.advance(Math.min(left, stepMs));
}

/** The sending half of an agent. */
class Device {
  readonly counters = newCounters();
  readonly outbox: Outbox;
  readonly chain: Chain;
  readonly repair: Repair;
  readonly delivery: Delivery;
  readonly publisher: Publisher;
  readonly files: MemoryFiles;
  /** What it is to own up to again. */
  readonly owed: string[] = [];
  private readonly stopping = new AbortController();
  private readonly running: Promise<void>;

  private constructor(
    files: MemoryFiles,
    outbox: Outbox,
    level: RetentionLevel,
    connect: ConnectHub,
    acknowledgedBefore: number,
  ) {
    this.files = files;
    this.outbox = outbox;
    const time = new ClockSource({ clock, notBeforeMs: 0, waitForSyncMs: 0 });
    const { counters } = this;
    this.chain = new Chain({ issuer: DEVICE, signer, outbox });
    const quarantine = new Quarantine({ files, folder: "/data/quarantine", logger: silentLogger });
    const shared = {
      device: DEVICE,
      outbox,
      chain: this.chain,
      time,
      counters,
      logger: silentLogger,
    };
    this.repair = new Repair({
      ...shared,
      stream: "air",
      quarantine,
      owe: (stream, count) => this.owed.push(`${stream} ${count}`),
    });
    this.delivery = new Delivery({
      ...shared,
      repair: this.repair,
      kid,
      level,
      isRestricted: false,
      trust: new ReceiptTrust({ origin: ORIGIN, policy: hub.policy, verify: opensslVerify }),
      marks: new HaltMarks(files, "/data"),
      acknowledgedBefore,
    });
    this.publisher = new Publisher({
      ...shared,
      origin: ORIGIN,
      signer,
      connect,
      clock,
      random: seededRandom(devices.length),
      delivery: this.delivery,
    });
    this.running = this.delivery.start().then(() => this.publisher.run(this.stopping.signal));
  }

  static async start(
    files = new MemoryFiles(),
    level: RetentionLevel = "cosigned",
    connect: ConnectHub = (options) => hub.connect(options),
    acknowledgedBefore = -1,
  ): Promise<Device> {
    await files.makeFolder("/data");
    const outbox = await Outbox.open({
      files,
      folder: "/data/outbox",
      kid: decodeHex(kid)!,
      segmentBytes: 2_000,
    });
    const device = new Device(files, outbox, level, connect, acknowledgedBefore);
    devices.push(device);
    return device;
  }

  /** Starts a device and waits until it knows its place. */
  static async enrolled(
    files?: MemoryFiles,
    level?: RetentionLevel,
    connect?: ConnectHub,
  ): Promise<Device> {
    const device = await Device.start(files, level, connect);
    await until("the enrolment is known", () => device.outbox.tail !== undefined);
    return device;
  }

  /** Signs packs with one reading each, whose value is their running number. */
  async sign(...values: number[]): Promise<void> {
    for (const value of values) this.signPack(value);
    await this.outbox.flush();
    this.publisher.wake();
  }

  /** Signs a pack that owns up to dropped readings, where there are any. */
  signPack(value: number, dropped = 0): void {
    const time = Math.floor(clock.nowMs() / 1000);
    const readings: Reading[] = [{ quantity: "pm25", unit: "ug/m3", value, time }];
    if (dropped > 0) readings.push({ quantity: "dropped", value: dropped, time });
    const payload = encodePack(DEVICE, { lat: 1, lon: 2 }, readings);
    this.chain.sign({ kind: "readings", stream: "air", iat: time, payload });
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    let isOver = false;
    void this.running.then(() => (isOver = true));
    await until("it stops", () => isOver);
    await this.outbox.flush();
  }
}

/** Another hub in place of the one there is, with the device enrolled. */
async function freshHub(): Promise<ScriptedHub> {
  await hub.close();
  const fresh = await ScriptedHub.open(clock);
  fresh.enrol(DEVICE, signer);
  return fresh;
}

/** What the log says of the device: values of packs, `gap a-b reason` for gaps. */
function story(): (number | string)[] {
  return hub.statements().map(({ statement }) => {
    if (statement.kind === "gap") {
      const gap = decodeGap(statement.payload) as { from: number; to: number; reason: string };
      return `gap ${gap.from}-${gap.to} ${gap.reason}`;
    }
    return valueIn(statement.payload);
  });
}

function valueIn(payload: Uint8Array): number {
  // The last record is {0: "pm25", 1: "ug/m3", 2: value}; a small value is one byte, or two.
  const at = encodeHex(payload).indexOf("6575672f6d3302".slice(2)) / 2;
  const head = payload[at + 6]!;
  return head < 24 ? head : payload[at + 7]!;
}

const range = (from: number, to: number): number[] =>
  Array.from({ length: to - from + 1 }, (_, i) => from + i);

describe("in good times", () => {
  test("a new device learns its place from the first ack, sends in order, and lets go when cosigned", async () => {
    const device = await Device.enrolled();
    expect(hub.status).toBe("online");
    for (let value = 1; value <= 40; value += 4) await device.sign(...range(value, value + 3));
    await until("all is stored", () => device.delivery.storedSeq === 39);
    expect(story()).toEqual(range(1, 40));
    expect(hub.received.map(({ seq }) => seq)).toEqual(range(0, 39));
    const before = device.outbox.bytes;
    await hub.seal();
    await until("all is let go", () => device.outbox.oldest === 40);
    expect(device.outbox.bytes).toBeLessThan(before / 2);
    expect(device.counters.receiptsAccepted).toBe(1);
  });

  test("a stop in good order says offline", async () => {
    const device = await Device.enrolled();
    await device.stop();
    expect(hub.status).toBe("offline");
  });

  test("the live view goes out unsigned, and only while there is a connection", async () => {
    const device = await Device.enrolled();
    device.publisher.publishState("{}");
    await until("the state is there", () => hub.states.length === 1);
    hub.cut();
    await until("it is cut", () => !device.publisher.isConnected);
    device.publisher.publishState("{1}");
    await until("it is back", () => device.publisher.isConnected);
    expect(hub.states).toEqual(["{}"]);
  });
});

describe("cuts", () => {
  test("at every chunk of a connection: everything arrives once, in order", async () => {
    for (let chunks = 1; chunks < 60; chunks++) {
      hub = await freshHub();
      const device = await Device.enrolled();
      await device.sign(1, 2, 3);
      hub.cut();
      hub.cutAfterChunks = chunks;
      await until("one more connection", () => hub.connections >= 2);
      await device.sign(...range(4, 12));
      await clock.advance(2_000);
      hub.cutAfterChunks = Infinity;
      hub.cut();
      await until("all is stored", () => device.delivery.storedSeq === 11);
      expect(story()).toEqual(range(1, 12));
      expect(device.counters.gapsSigned).toBe(0);
      await device.stop();
    }
  }, 60_000);

  test.each([
    ["a statement is lost", "device", PACKET.publish, "cut"],
    ["a statement is lost, and nobody says so", "device", PACKET.publish, "hang"],
    ["it arrives, and its PUBACK is lost", "broker", PACKET.puback, "cut"],
    ["it arrives, its PUBACK is lost, and nobody says so", "broker", PACKET.puback, "hang"],
    ["the login is lost", "device", PACKET.connect, "hang"],
    ["the login is taken, and its answer lost", "broker", PACKET.connack, "cut"],
    ["the subscription is lost", "device", PACKET.subscribe, "cut"],
    ["the subscription is taken, and its answer lost", "broker", PACKET.suback, "hang"],
    ["the ack is lost", "broker", PACKET.publish, "cut"],
    ["the ack is lost, and nobody says so", "broker", PACKET.publish, "hang"],
  ] as const)(
    "%s: at whichever packet of its kind, all arrives once, in order",
    async (...fault) => {
      const [, from, type, what] = fault;
      for (let nth = 0; nth < 6; nth++) {
        let left = Infinity;
        const plan = (packet: Packet): WireFault | undefined => {
          if (packet.from !== from || packet.type !== type) return undefined;
          return left-- === 0 ? what : undefined;
        };
        hub = await freshHub();
        const device = await Device.enrolled(undefined, undefined, (options) => {
          const wire = new Wire(plan);
          hub.accept(wire.far);
          return new MqttClient(() => wire.near, options);
        });
        left = nth;
        hub.cut();
        await device.sign(...range(1, 6));
        await until("all is stored", () => device.delivery.storedSeq === 5);
        expect(story()).toEqual(range(1, 6));
        expect(device.counters.gapsSigned).toBe(0);
        // What arrived before the answer was lost is known again, and not taken for a clone's.
        expect(device.delivery.halted).toBeUndefined();
        await device.stop();
      }
    },
  );

  test("no more is under way than the window, and than the hub is behind", async () => {
    let isHeld = false;
    const plan = ({ from, type }: Packet): WireFault | undefined =>
      isHeld && from === "broker" && type === PACKET.puback ? "hang" : undefined;
    const device = await Device.enrolled(undefined, undefined, (options) => {
      const wire = new Wire(plan);
      hub.accept(wire.far);
      return new MqttClient(() => wire.near, options);
    });
    isHeld = true;
    await device.sign(...range(1, 40));
    await pass(5_000);
    expect(device.counters.statementsPublished).toBe(16);
    isHeld = false;
    hub.cut();
    await until("stored", () => device.delivery.storedSeq === 39);
    // A broker that takes all, and a hub that says nothing.
    hub.isSilent = true;
    const before = device.counters.statementsPublished;
    for (let round = 0; round < 10; round++) await device.sign(...range(1, 40));
    await pass(20_000);
    expect(device.counters.statementsPublished - before).toBeLessThanOrEqual(257);
    expect(device.counters.statementsPublished - before).toBeGreaterThan(250);
  });

  test("one that is thrown out as soon as it is in tries ever more seldom", async () => {
    const device = await Device.enrolled();
    const before = hub.connections;
    for (let turn = 0; turn < 600; turn++) {
      if (device.publisher.isConnected) hub.cut();
      await pass(500, 50);
    }
    // In five minutes, with waits of 1, 2, 4 … 60 s, each shortened to no less than half.
    expect(hub.connections - before).toBeLessThan(18);
    expect(hub.connections - before).toBeGreaterThan(4);
    await until("it is in again", () => device.publisher.isConnected);
  });

  test("logins that are refused are tried again, ever more slowly, with a fresh token", async () => {
    hub.loginsToRefuse = 6;
    const startedMs = clock.monotonicMs();
    const device = await Device.enrolled();
    expect(hub.logins).toBe(7);
    expect(device.counters.connectionsFailed).toBe(6);
    // 1 + 2 + 4 + 8 + 16 + 32 s, each shortened to no less than half.
    expect(clock.monotonicMs() - startedMs).toBeGreaterThan(31_000);
  });

  test("a hub that says nothing is left, and tried again", async () => {
    hub.isSilent = true;
    const device = await Device.start();
    await until("several logins", () => hub.logins >= 3);
    expect(device.counters.statementsPublished).toBe(0);
    hub.isSilent = false;
    await until("it speaks", () => device.outbox.tail !== undefined);
  });

  test("after a restart of the device sending goes on where the hub stands", async () => {
    const device = await Device.enrolled();
    await device.sign(1, 2, 3);
    await until("stored", () => device.delivery.storedSeq === 2);
    await device.stop();
    device.files.crash();
    const again = await Device.start(device.files);
    await again.sign(4, 5);
    await until("stored", () => again.delivery.storedSeq === 4);
    expect(story()).toEqual(range(1, 5));
    expect(hub.received).toHaveLength(5);
  });
});

describe("receipts", () => {
  test.each([
    [
      "of another tree",
      (text: string) => text.replace(/\n[A-Za-z0-9+/]{43}=\n/, `\n${"A".repeat(43)}=\n`),
    ],
    ["without the mirror's line", (text: string) => text.replace(/— mirror[^\n]*\n/, "")],
    ["with a false mirror's line", (text: string) => text.replace(/(— mirror\S+ \S{20})./, "$1x")],
    ["without the hub's line", (text: string) => text.replace(/— kerbstone[^\n]*\n/, "")],
    ["of another place", (text: string) => text.replace(/index \d+/, "index 1")],
    ["that is none", () => "trust me"],
  ])("one %s is not believed, and nothing is let go", async (_, forge) => {
    const device = await Device.enrolled();
    await device.sign(1, 2, 3);
    await until("stored", () => device.delivery.storedSeq === 2);
    hub.forge = forge;
    await hub.seal();
    await until("the receipt is looked at", () => device.counters.receiptsRefused > 0);
    expect(device.outbox.oldest).toBe(0);
    hub.forge = (text) => text;
    await hub.ack();
    await until("let go", () => device.outbox.oldest === 3);
  });

  test("sealed is not enough where cosigned is asked for", async () => {
    const device = await Device.enrolled();
    await device.sign(1);
    await until("stored", () => device.delivery.storedSeq === 0);
    await hub.seal(false);
    await clock.advance(5_000);
    expect(device.outbox.oldest).toBe(0);
  });

  test("sealed is enough where no more is asked for, and its receipt is checked all the same", async () => {
    const device = await Device.enrolled(undefined, "sealed");
    await device.sign(1, 2);
    await until("stored", () => device.delivery.storedSeq === 1);
    hub.forge = () => "trust me";
    await hub.seal(false);
    await until("refused", () => device.counters.receiptsRefused > 0);
    hub.forge = (text) => text;
    await hub.ack();
    await until("let go", () => device.outbox.oldest === 2);
  });

  test("an ack that claims more than is proved lets go of what is proved only", async () => {
    const device = await Device.enrolled(undefined, "sealed");
    await device.sign(1, 2);
    await until("stored", () => device.delivery.storedSeq === 1);
    await hub.seal(false);
    await until("let go", () => device.outbox.oldest === 2);
    await device.sign(3, 4);
    await until("stored", () => device.delivery.storedSeq === 3);
    const { hash } = hub.statements().at(-1)!.statement;
    await hub.publish("ack", {
      kid,
      stored: 3,
      hash: encodeHex(hash),
      sealed: 3,
      bodies: -1,
      sealedReceipt: "",
    });
    await until("refused", () => device.counters.receiptsRefused > 0);
    expect(device.outbox.oldest).toBe(2);
  });
});

describe("answers that mean nothing", () => {
  test("acks for another key, broken ones and repeated ones change nothing", async () => {
    const device = await Device.enrolled();
    await device.sign(1, 2, 3);
    await until("stored", () => device.delivery.storedSeq === 2);
    await hub.publish("ack", {
      kid: "0".repeat(16),
      stored: 99,
      hash: "0".repeat(64),
      sealed: 99,
      bodies: 99,
    });
    await hub.publish("ack", { kid, stored: "many" });
    await hub.publish("ack", [1, 2]);
    for (let i = 0; i < 5; i++) await hub.ack();
    await until("all are heard", () => device.counters.acksIgnored >= 3);
    expect(device.delivery.halted).toBeUndefined();
    expect(device.delivery.storedSeq).toBe(2);
    expect(hub.received).toHaveLength(3);
  });

  test("a nack for another statement than the one that is under way under its number changes nothing", async () => {
    const device = await Device.enrolled();
    hub.drop = () => true;
    await device.sign(1, 2);
    await until("it is sent", () => device.counters.statementsPublished === 2);
    const nack = { kid, hash: "0".repeat(64), code: "malformed", text: "", expected: 0 };
    for (const seq of [0, 1, null]) await hub.publish("nack", { ...nack, seq });
    await until("all are heard", () => device.counters.nacksIgnored === 3);
    expect(device.counters.gapsSigned).toBe(0);
    hub.drop = () => false;
    hub.cut();
    await until("stored", () => device.delivery.storedSeq === 1);
    expect(story()).toEqual([1, 2]);
  });

  test("nacks for what was never sent, or was accepted, change nothing", async () => {
    const device = await Device.enrolled();
    await device.sign(1, 2, 3);
    await until("stored", () => device.delivery.storedSeq === 2);
    const nack = { kid, hash: "0".repeat(64), code: "malformed", text: "", expected: 3 };
    await hub.publish("nack", { ...nack, seq: 1 });
    await hub.publish("nack", { ...nack, seq: 77 });
    await hub.publish("nack", { ...nack, seq: null });
    await hub.publish("nack", { ...nack, seq: 1, code: "because" });
    const { hash } = hub.statements()[1]!.statement;
    await hub.publish("nack", { ...nack, seq: 1, hash: encodeHex(hash) });
    await until("all are heard", () => device.counters.nacksIgnored >= 5);
    await device.sign(4);
    await until("stored", () => device.delivery.storedSeq === 3);
    expect(story()).toEqual([1, 2, 3, 4]);
  });
});

describe("refusals", () => {
  test("a bad statement is put away, leaves a gap, and what follows is signed anew", async () => {
    const device = await Device.enrolled();
    hub.refuse = ({ kind, payload }) =>
      kind === "readings" && valueIn(payload) === 3 ? "malformed" : undefined;
    await device.sign(...range(1, 8));
    await until("all is stored", () => story().at(-1) === 8);
    expect(story()).toEqual([1, 2, "gap 2-7 refused", 4, 5, 6, 7, 8]);
    expect(await device.files.list("/data/quarantine")).toEqual([
      expect.stringMatching(/^0000000000000002-malformed-[0-9a-f]{8}\.bin$/),
    ]);
    await device.sign(9);
    await until("it goes on", () => story().at(-1) === 9);
    await hub.seal();
    await until("all is let go", () => device.outbox.oldest === device.outbox.tail!.seq);
  });

  test("several bad ones, also next to each other", async () => {
    const device = await Device.enrolled();
    hub.refuse = ({ kind, payload }) =>
      kind === "readings" && [2, 3, 6].includes(valueIn(payload)) ? "wrong-name" : undefined;
    await device.sign(...range(1, 8));
    await until("all is stored", () => story().at(-1) === 8);
    expect(story().filter((item) => typeof item === "number")).toEqual([1, 4, 5, 7, 8]);
    expect(await device.files.list("/data/quarantine")).toHaveLength(3);
  });

  describe("one that is refused before the hub has all that comes before it", () => {
    let device: Device;

    /** Has the hub refuse 4 while it still lacks 2, and then 2. */
    async function refuseBoth(between: () => Promise<void>): Promise<void> {
      hub.drop = ({ kind, payload }) => kind === "readings" && valueIn(payload) === 2;
      hub.refuse = ({ seq, payload, kind }) =>
        kind === "readings" && [2, 4].includes(valueIn(payload)) && seq < 5
          ? "malformed"
          : undefined;
      await device.sign(1, 2);
      await until("1 is stored", () => device.delivery.storedSeq === 0);
      await device.sign(3);
      device.signPack(4, 7);
      await device.sign(5);
      await until("4 is refused twice", () => device.counters.nacksByCode["malformed"]! >= 2);
      expect(story()).toEqual([1]);
      await between();
      hub.drop = () => false;
      await until("all is stored", () => story().at(-1) === 5);
    }

    test("is not signed anew when its turn has come, though nobody could put it away", async () => {
      device = await Device.enrolled();
      device.files.setFaults(({ path }) => (path.includes("quarantine") ? "undone" : undefined));
      await refuseBoth(async () => undefined);
      expect(story()).toEqual([1, "gap 1-4 refused", 3, 5]);
      // Nobody could note that it was counted, so it is not: rather too low than too high.
      expect(device.owed).toEqual([]);
    });

    test("is put away once, and so is what it owned up to", async () => {
      device = await Device.enrolled();
      await refuseBoth(async () => undefined);
      expect(device.owed).toEqual(["air 7"]);
      expect(await device.files.list("/data/quarantine")).toHaveLength(2);
    });

    test("is not signed anew after a restart either", async () => {
      device = await Device.enrolled();
      await refuseBoth(async () => {
        await device.stop();
        await Device.start(device.files);
      });
      expect(story()).toEqual([1, "gap 1-4 refused", 3, 5]);
      expect(await device.files.list("/data/quarantine")).toHaveLength(2);
    });
  });

  test("a refused gap does not make it sign gaps without end", async () => {
    const device = await Device.enrolled();
    hub.refuse = ({ kind, payload }) =>
      kind === "gap" || valueIn(payload) === 2 ? "malformed" : undefined;
    await device.sign(1, 2, 3);
    await until("it has tried", () => device.counters.gapsSigned >= 6);
    const tried = device.counters.gapsSigned;
    await pass(10_000);
    expect(device.counters.gapsSigned - tried).toBeLessThan(6);
    hub.refuse = () => undefined;
    await until("the gap is taken", () => story().at(-1) === 3);
    expect(story().filter((item) => typeof item === "number")).toEqual([1, 3]);
  });

  test("a stream that the hub does not take costs one gap, not one each", async () => {
    const device = await Device.enrolled();
    hub.refuse = ({ kind }) => (kind === "readings" ? "wrong-stream" : undefined);
    await device.sign(...range(1, 20));
    await until("the gap is stored", () => story().length === 1);
    expect(device.counters.gapsSigned).toBe(1);
    expect(device.repair.isRefusedStream("air")).toBe(true);
    expect(await device.files.list("/data/quarantine")).toHaveLength(20);
  });

  test("a quota is waited out", async () => {
    const device = await Device.enrolled();
    let refusals = 3;
    hub.refuse = () => (refusals-- > 0 ? "quota" : undefined);
    await device.sign(1, 2, 3);
    await until("all is stored", () => story().length === 3);
    expect(story()).toEqual([1, 2, 3]);
    expect(device.counters.gapsSigned).toBe(0);
  });

  test("a clock that was ahead: the hub is not pestered, and once it is right the rest is signed anew", async () => {
    const device = await Device.enrolled();
    const hubMs = clock.nowMs();
    hub.refuse = ({ iat }) => (iat * 1000 > hubMs + 1_200_000 ? "future" : undefined);
    clock.jump(86_400_000);
    await device.sign(1, 2);
    const sentBefore = hub.received.length;
    await clock.advance(600_000);
    expect(hub.received.length - sentBefore).toBeLessThan(100);
    expect(device.counters.gapsSigned).toBe(0);
    clock.jump(-86_400_000);
    await device.sign(3);
    await until("it goes on", () => story().at(-1) === 3);
    // Readings that claim a time to come are put away, for a person to look at.
    expect(story()).toEqual(["gap 0-2 refused", 3]);
    expect(await device.files.list("/data/quarantine")).toHaveLength(2);
  });

  test("a revoked key ends signing", async () => {
    const device = await Device.enrolled();
    hub.refuse = () => "revoked-key";
    await device.sign(1);
    await until("it stops", () => device.delivery.halted?.reason === "key-refused");
    expect(device.counters.gapsSigned).toBe(0);
  });

  test("after a crash between a gap and the signing anew, nothing of it is lost", async () => {
    const device = await Device.enrolled();
    hub.isSilent = true;
    await device.stop();
    await device.sign(...range(1, 6));
    const prev = (await device.outbox.hashAt(1))!;
    const iat = Math.floor(clock.nowMs() / 1000);
    device.chain.signGap({ from: 2, prev, reason: "refused", stream: "air", iat, refused: 2 });
    await device.outbox.flush();
    device.files.crash();
    hub.isSilent = false;
    await Device.start(device.files);
    await until("all is stored", () => story().at(-1) === 6);
    expect(story()).toEqual([1, 2, "gap 2-5 refused", 4, 5, 6]);
  });
});

describe("broken chains", () => {
  test("what got lost on the way is sent again from where the hub stands", async () => {
    const device = await Device.enrolled();
    // Every third statement vanishes the first time, as if it had never come.
    const dropped = new Set<number>();
    hub.drop = ({ seq }) => {
      if (seq % 3 !== 2 || dropped.has(seq)) return false;
      dropped.add(seq);
      return true;
    };
    await device.sign(...range(1, 10));
    await until("all is stored", () => device.delivery.storedSeq === 9);
    expect(story()).toEqual(range(1, 10));
    expect(device.counters.gapsSigned).toBe(0);
  });
});

describe("one key on two cards at a time", () => {
  /** Both are connected under one name: the broker throws one out for the other. */
  async function twins(): Promise<[Device, Device]> {
    const first = await Device.enrolled();
    await first.sign(1, 2);
    await until("stored", () => first.delivery.storedSeq === 1);
    await first.stop();
    const copy = await copyOf(first.files);
    return [await Device.start(first.files), await Device.start(copy)];
  }

  test("one of them stops, says so and stays away; the other goes on, and loses nothing", async () => {
    const pair = await twins();
    for (let value = 10; value < 130; value += 2) {
      for (const [at, device] of pair.entries())
        if (device.delivery.halted === undefined) await device.sign(value + at);
      await pass(5_000);
    }
    const stopped = pair.filter(({ delivery }) => delivery.halted !== undefined);
    expect(stopped).toHaveLength(1);
    expect(stopped[0]!.delivery.halted!.reason).toBe("foreign-statements");
    const goesOn = pair.find(({ delivery }) => delivery.halted === undefined)!;
    await until("all is stored", () => goesOn.delivery.storedSeq === goesOn.outbox.durable);
    const values = story().slice(2) as number[];
    // Of the one that goes on every value is there, of the other none.
    expect(new Set(values.map((value) => value % 2)).size).toBe(1);
    expect(values).toHaveLength(60);
    expect(hub.received.every(({ outcome }) => outcome !== "broken-chain")).toBe(true);
    // A while after the beginning nobody is thrown out any more, but once an hour at most.
    const { logins } = hub;
    await pass(1_800_000, 500);
    expect(hub.logins - logins).toBeLessThan(4);
  }, 60_000);

  test("the one that has stopped sends nothing, whatever it is told to expect", async () => {
    const pair = await twins();
    for (const [at, device] of pair.entries()) await device.sign(20 + at);
    await until("one stops", () => pair.some(({ delivery }) => delivery.halted !== undefined));
    const stopped = pair.find(({ delivery }) => delivery.halted !== undefined)!;
    const { statementsPublished } = stopped.counters;
    const hash = encodeHex((await stopped.outbox.hashAt(2))!);
    for (const expected of [0, 1, 2, 3]) {
      const nack = { kid, seq: 2, hash, code: "broken-chain", text: "", expected };
      await hub.publish("nack", nack);
      await hub.ack();
      await pass(5_000);
    }
    expect(stopped.counters.statementsPublished).toBe(statementsPublished);
    expect(stopped.delivery.next()).toBeUndefined();
  });
});

describe("answers that lead nowhere", () => {
  test("a hub that asks for ever other numbers is served ever more slowly", async () => {
    const device = await Device.enrolled();
    hub.isSilent = true;
    let turn = 0;
    hub.drop = (statement) => {
      // Nothing is ever taken; each answer asks for another number below.
      turn += 1;
      const expected = statement.seq === 0 ? 0 : turn % statement.seq;
      const nack = { kid, seq: statement.seq, hash: encodeHex(statement.hash), text: "" };
      void hub.publish("nack", { ...nack, code: "broken-chain", expected });
      return true;
    };
    await device.sign(...range(1, 8));
    await clock.advance(60_000);
    const sent = device.counters.statementsPublished;
    await clock.advance(600_000);
    // Ten minutes: a burst of eight each time, and a pause of up to a minute between.
    expect(device.counters.statementsPublished - sent).toBeLessThan(300);
  });

  test("a hub that asks for what was let go is asked anew where it stands", async () => {
    const device = await Device.enrolled(undefined, "stored");
    for (let value = 1; value <= 40; value += 4) await device.sign(...range(value, value + 3));
    await until("let go", () => device.outbox.oldest === 40);
    expect((device.outbox.knownFrom ?? 0) > 5).toBe(true);
    // Behind a broker that stays the hub comes back without its memory, and has not said so.
    const nackOnce = new Set<number>();
    hub.drop = (statement) => {
      if (nackOnce.has(statement.seq)) return false;
      nackOnce.add(statement.seq);
      const nack = { kid, seq: statement.seq, hash: encodeHex(statement.hash), text: "" };
      void hub.publish("nack", { ...nack, code: "broken-chain", expected: 3 });
      return true;
    };
    const { logins } = hub;
    await device.sign(41);
    await until("it asks again", () => hub.logins > logins);
    await until("all is stored", () => device.delivery.storedSeq === 40);
    expect(device.counters.gapsSigned).toBe(0);
  });
});

describe("cards", () => {
  test("an enrolment that is another one than this card began with is told as what it is", async () => {
    const device = await Device.enrolled();
    hub.isSilent = true;
    await device.sign(1, 2, 3);
    await device.stop();
    // The log begins anew, and the same key is enrolled again, a day later.
    clock.jump(86_400_000);
    hub = await freshHub();
    const again = await Device.start(device.files);
    await until("it stops", () => again.delivery.halted !== undefined);
    expect(again.delivery.halted!.text).toMatch(/another enrolment/);
    await again.stop();
    await new HaltMarks(device.files, "/data").allowRecovery();
    await Device.start(device.files);
    // Nothing is lost by it.
    await until("all is stored", () => story().at(-1) === 3);
    expect(story()).toEqual([expect.stringMatching(/^gap 0-\d+ counter-lost$/), 1, 2, 3]);
  });

  test("a cloned card: the one that comes second stops signing, also after a restart", async () => {
    const device = await Device.enrolled();
    await device.sign(1, 2);
    await until("stored", () => device.delivery.storedSeq === 1);
    await device.stop();
    const copy = await copyOf(device.files);
    const original = await Device.start(device.files);
    await original.sign(3, 4);
    await until("stored", () => original.delivery.storedSeq === 3);
    await original.stop();
    const clone = await Device.start(copy);
    await until("it stops", () => clone.delivery.halted?.reason === "foreign-statements");
    expect(clone.delivery.next()).toBeUndefined();
    await clone.stop();
    const restarted = await Device.start(copy);
    await until("it remembers", () => restarted.delivery.halted !== undefined);
    expect(story()).toEqual([1, 2, 3, 4]);
  });

  test.each(["undone", "done"] as const)(
    "a stop that cannot be written down (%s) is a stop all the same, and is written down later",
    async (fault) => {
      const device = await Device.enrolled();
      await device.sign(1, 2);
      await until("stored", () => device.delivery.storedSeq === 1);
      await device.stop();
      const copy = await copyOf(device.files);
      const original = await Device.start(device.files);
      await original.sign(3);
      await until("stored", () => original.delivery.storedSeq === 2);
      await original.stop();
      copy.setFaults(({ path }) => (path.endsWith("halted.json") ? fault : undefined));
      const clone = await Device.start(copy);
      await until("it stops", () => clone.delivery.halted !== undefined);
      expect(clone.delivery.isUnsettled).toBe(true);
      expect(clone.delivery.next()).toBeUndefined();
      copy.setFaults();
      await clone.delivery.settle();
      expect(clone.delivery.isUnsettled).toBe(false);
      copy.crash();
      expect((await new HaltMarks(copy, "/data").halted())?.reason).toBe("foreign-statements");
    },
  );

  test("a clone that has signed as many of its own is found out by the hash", async () => {
    const device = await Device.enrolled();
    await device.sign(1, 2);
    await until("stored", () => device.delivery.storedSeq === 1);
    await device.stop();
    const copy = await copyOf(device.files);
    const original = await Device.start(device.files);
    await original.sign(3, 4);
    await until("stored", () => original.delivery.storedSeq === 3);
    await original.stop();
    hub.isSilent = true;
    const clone = await Device.start(copy);
    await clone.sign(31, 41, 51);
    hub.isSilent = false;
    await until("it stops", () => clone.delivery.halted?.reason === "foreign-statements");
    expect(story()).toEqual([1, 2, 3, 4]);
  });

  test("a restored card goes on when a person says so: a leap, a gap, and nothing signed twice", async () => {
    const device = await Device.enrolled();
    await device.sign(1, 2);
    await until("stored", () => device.delivery.storedSeq === 1);
    await device.stop();
    const copy = await copyOf(device.files);
    const original = await Device.start(device.files);
    await original.sign(3, 4);
    await until("stored", () => original.delivery.storedSeq === 3);
    await original.stop();
    const restored = await Device.start(copy);
    await until("it stops", () => restored.delivery.halted !== undefined);
    await restored.stop();
    await new HaltMarks(copy, "/data").allowRecovery();
    const recovered = await Device.start(copy);
    await until("the gap is stored", () => story().length === 5);
    expect(story().at(-1)).toMatch(/^gap 4-\d{9} counter-lost$/);
    await recovered.sign(5);
    await until("it goes on", () => story().at(-1) === 5);
    expect(await new HaltMarks(copy, "/data").isRecovering()).toBe(false);
  });

  test("a disk that lost what it had promised: what the hub holds of it stays, no number is used twice, and it goes on", async () => {
    const device = await Device.enrolled();
    await device.sign(1, 2, 3);
    await until("stored", () => device.delivery.storedSeq === 2);
    await device.stop();
    const [name] = await device.files.list("/data/outbox");
    const bytes = (await device.files.read(`/data/outbox/${name}`))!;
    await device.files.write(`/data/outbox/${name}`, bytes.subarray(0, bytes.length - 20));
    const again = await Device.start(device.files);
    await until("the torn end is closed off", () => again.repair.isFinished);
    await again.sign(4);
    await until("it goes on", () => story().at(-1) === 4);
    expect(story()).toEqual([1, 2, 3, expect.stringMatching(/^gap 3-/), 4]);
    expect(hub.received.filter(({ seq }) => seq === 2)).toHaveLength(1);
  });

  test("a clone that has signed as much as the other goes on, too, however often the hub repeats itself", async () => {
    const device = await Device.enrolled();
    await device.sign(1, 2);
    await until("stored", () => device.delivery.storedSeq === 1);
    await device.stop();
    const copy = await copyOf(device.files);
    const original = await Device.start(device.files);
    await original.sign(3, 4);
    await until("stored", () => original.delivery.storedSeq === 3);
    await original.stop();
    hub.loginsToRefuse = Infinity;
    const clone = await Device.start(copy);
    await clone.sign(31, 41, 51);
    hub.loginsToRefuse = 0;
    await until("it stops", () => clone.delivery.halted?.reason === "foreign-statements");
    await clone.stop();
    await new HaltMarks(copy, "/data").allowRecovery();
    let repeats = 5;
    const recovered = await Device.start(copy, undefined, undefined, 1);
    hub.drop = ({ kind }) => {
      // Before the leap is stored the same is said again and again.
      if (kind !== "gap" || repeats === 0) return false;
      for (; repeats > 0; repeats--) void hub.ack();
      return true;
    };
    await until("the rest is stored", () => story().at(-1) === 51);
    expect(story()).toEqual([
      1,
      2,
      3,
      4,
      expect.stringMatching(/^gap 4-\d+ counter-lost$/),
      31,
      41,
      51,
    ]);
    expect(recovered.delivery.halted).toBeUndefined();
  });

  test("a key without its outbox does not begin at 0 again", async () => {
    const device = await Device.enrolled();
    await device.sign(1, 2);
    await until("stored", () => device.delivery.storedSeq === 1);
    await device.stop();
    const empty = new MemoryFiles();
    const lost = await Device.start(empty);
    await until("it stops", () => lost.delivery.halted?.reason === "counter-lost");
    await lost.stop();
    await new HaltMarks(empty, "/data").allowRecovery();
    const recovered = await Device.enrolled(empty);
    await until("the gap is stored", () => story().length === 3);
    await recovered.sign(3);
    await until("it goes on", () => story().at(-1) === 3);
  });
});

describe("a hub that forgets", () => {
  test("what is still kept is sent again", async () => {
    const device = await Device.enrolled();
    await device.sign(1, 2);
    await until("stored", () => device.delivery.storedSeq === 1);
    const before = { state: hub.state, entries: hub.entries };
    await hub.close();
    hub = await ScriptedHub.open(clock);
    // The same log, as it stood before the device had said anything.
    const enrolled = await replay(before.entries.slice(0, 3));
    hub.state = enrolled;
    hub.entries = before.entries.slice(0, 3);
    hub.device = DEVICE;
    await until("all is stored again", () => story().length === 2);
    expect(story()).toEqual([1, 2]);
    expect(device.delivery.halted).toBeUndefined();
  });

  test("what was let go cannot be: it says so, waits, and keeps the rest", async () => {
    const device = await Device.enrolled();
    for (let value = 1; value <= 30; value += 3) await device.sign(...range(value, value + 2));
    await until("stored", () => device.delivery.storedSeq === 29);
    await hub.seal();
    await until("let go", () => device.outbox.oldest === 30);
    const before = hub.entries;
    await hub.close();
    hub = await ScriptedHub.open(clock);
    hub.state = await replay(before.slice(0, 3));
    hub.entries = before.slice(0, 3);
    hub.device = DEVICE;
    await until("it notices", () => device.delivery.isHubBehind);
    await device.sign(31);
    await clock.advance(100_000);
    expect(story()).toEqual([]);
    expect(device.delivery.halted).toBeUndefined();
    // The hub's disk comes back from a mirror.
    hub.state = await replay(before);
    hub.entries = before;
    await hub.ack();
    await until("it goes on", () => story().at(-1) === 31);
    expect(device.counters.gapsSigned).toBe(0);
  });
});

describe("disks", () => {
  test("a statement that rotted before it was sent is left out, and the rest is signed anew", async () => {
    const device = await Device.enrolled();
    await device.stop();
    await device.sign(...range(1, 5));
    const path = "/data/outbox/0000000000000000.outbox";
    const bytes = (await device.files.read(path))!;
    bytes[Math.floor(bytes.length / 2)]! ^= 1;
    const files = new MemoryFiles();
    await files.makeFolder("/data/outbox");
    await files.write(path, bytes);
    const again = await Device.start(files);
    await until("the rest is stored", () => story().at(-1) === 5);
    expect(story()).toEqual([1, 2, "gap 2-4 lost", 4, 5]);
    expect(again.counters.statementsLost).toBe(1);
  });
});

async function copyOf(files: MemoryFiles): Promise<MemoryFiles> {
  const copy = new MemoryFiles();
  await copy.makeFolder("/data/outbox");
  for (const name of await files.list("/data/outbox")) {
    await copy.write(`/data/outbox/${name}`, (await files.read(`/data/outbox/${name}`))!);
  }
  return copy;
}

async function replay(entries: readonly Uint8Array[]): Promise<ScriptedHub["state"]> {
  const { LogState } = await import("../../../ledger/log-state.ts");
  const { admit } = await import("../../../ledger/admission.ts");
  const state = new LogState();
  for (const entry of entries)
    admit(state, entry, { verify: opensslVerify, entry: () => undefined });
  return state;
}
