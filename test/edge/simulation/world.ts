/**
 * An agent's world: a real agent over a disk in memory, two scripted boards and a satellite receiver, a real broker behind a wire that breaks, and a
 * hub that forgets. What happens is told to it deed by deed; what must hold meanwhile is looked at all the time.
 */

import { MqttClient } from "mqtt";
import { Agent } from "../../../edge/agent.ts";
import { DRIVERS } from "../../../edge/sensors/drivers/drivers.ts";
import type { Connect, ConnectionEvents } from "../../../edge/sensors/lines/line.ts";
import { encodeHex, encodeUtf8 } from "../../../ledger/bytes.ts";
import { kidHex } from "../../../ledger/key.ts";
import { ManualClock } from "../../../platform/clock.ts";
import { MemoryFiles } from "../../../platform/memory-files.ts";
import { opensslVerify } from "../../../platform/native-verify.ts";
import { seededRandom } from "../../../platform/random.ts";
import type { Random } from "../../../platform/random.ts";
import { ORIGIN, ScriptedHub } from "../delivery/scripted-hub.ts";
import { Books } from "./books.ts";
import type { Deed, Fate } from "./deeds.ts";
import { FlakyHub } from "./flaky-hub.ts";
import { sayFix } from "./receiver.ts";
import { mortalClock, mortalFiles, Mortality } from "./mortal.ts";
import type { ClockFaults } from "./mortal.ts";
import { CAMERA_STREAM, StreetCamera } from "./street-camera.ts";
import { PACKET, publication, Wire } from "./wire.ts";
import type { Packet, WireFault } from "./wire.ts";
import { nativeSigner } from "../../support/native-signer.ts";

const DEVICE = "air-1";
const START_MS = Date.parse("2026-12-01T12:00:00Z");
/** The build date of the simulated program. */
export const NOT_BEFORE_MS: number = Date.parse("2026-11-01");
const DAY_MS = 86_400_000;
/** One that says less than before is believed after ten. */
const FIXES_TO_BE_BELIEVED = 12;
/** Two sensors, each with a stream and a quantity of its own. */
export const SENSORS = [
  { stream: "road", quantity: "vehicles" },
  { stream: "path", quantity: "bikes" },
] as const;

const signer = nativeSigner(new Uint8Array(32).fill(9));

/** A board of which the world holds the other end. */
class Board {
  events: ConnectionEvents | undefined;
  isRefusing = false;

  readonly connect: Connect = (events) => {
    if (this.isRefusing) return Promise.reject(new Error("no such port"));
    this.events = events;
    return Promise.resolve({
      write: () => true,
      close: () => {
        this.lose();
        return Promise.resolve();
      },
    });
  };

  lose(cause?: Error): void {
    const { events } = this;
    this.events = undefined;
    events?.closed(cause);
  }
}

/** An agent from its start to its end. */
interface Life {
  readonly agent: Agent;
  readonly stopping: AbortController;
  isOver: boolean;
}

/** See the head of the file. */
export class World {
  readonly books: Books;
  private readonly fate: Fate;
  private readonly random: Random;
  private readonly clock = new ManualClock(START_MS);
  private readonly files: MemoryFiles;
  private readonly boards = SENSORS.map(() => new Board());
  /** It says where it is and what time it is, and is no stream. */
  private readonly receiver = new Board();
  /** By how much the receiver is ahead of true time, since the agent has heard it say so for long enough to believe it. */
  private receiverAheadMs: number | undefined;
  private readonly camera = new StreetCamera();
  /** ffmpeg writes: whatever is wrong with the disk is the agent's concern alone. */
  private isFilming = false;
  private readonly clockFaults: ClockFaults = { skewMs: 0, lateMs: 0 };
  private readonly oldAcks: Uint8Array[] = [];
  private flaky!: FlakyHub;
  /** The agent that runs, from the moment that it has opened. */
  private life: Life | undefined;
  /** Whether the newest program lives; set from before it opens anything. */
  private mortality = new Mortality();
  private readonly wires = new Set<Wire>();
  private hasLostPower = false;
  private isUp = true;
  private swallows = 0;
  private diskState: "well" | "full" | "read-only" = "well";
  private diskFault: { left: number; fault: "undone" | "done" | "part" } | undefined;
  private end: { left: number; isPowerCut: boolean } | undefined;
  private wireFault: (Deed & { kind: "wire" }) | undefined;
  private wireLeft = 0;

  private constructor(fate: Fate) {
    this.fate = fate;
    this.random = seededRandom(`${fate.seed}/world`);
    this.files = new MemoryFiles(seededRandom(`${fate.seed}/disk`));
    this.books = new Books(fate, DEVICE);
    this.files.setFaults(({ kind, path }) => this.diskPlan(kind, path));
  }

  static async begin(fate: Fate): Promise<World> {
    const world = new World(fate);
    await world.files.makeFolder("/data");
    const hub = await ScriptedHub.open(world.clock);
    const visibility = fate.isRestricted ? "restricted" : "public";
    hub.enrol(DEVICE, signer, [...SENSORS.map(({ stream }) => stream), CAMERA_STREAM], visibility);
    world.flaky = new FlakyHub(hub, fate.level, world.clock);
    hub.drop = () => {
      if (world.swallows <= 0) return false;
      world.swallows -= 1;
      return true;
    };
    world.books.hub = world.flaky;
    await world.start();
    return world;
  }

  /** Lets one thing happen. */
  async act(deed: Deed): Promise<void> {
    const { hub } = this.flaky;
    switch (deed.kind) {
      case "read":
        for (let i = 0; i < deed.count; i++) {
          this.read(deed.sensor);
          await this.pass(40);
        }
        break;
      case "film":
        await this.film(deed.seconds);
        break;
      case "wait":
        await this.pass(deed.ms);
        break;
      case "line": {
        const board = this.boards[deed.sensor]!;
        board.isRefusing = deed.how === "refused";
        if (deed.how === "garbage") board.events?.bytes(encodeUtf8("vehicl=9 \u0000\u0007*\n"));
        else board.lose(new Error("pulled out"));
        break;
      }
      case "power-cut":
      case "kill":
        this.end = { left: deed.afterOperations, isPowerCut: deed.kind === "power-cut" };
        break;
      case "stop":
        await this.stop();
        break;
      case "disk":
        this.diskFault = { left: deed.afterOperations, fault: deed.fault };
        break;
      case "disk-state":
        this.diskState = deed.state;
        break;
      case "wire":
        this.wireFault = deed;
        this.wireLeft = deed.nth;
        break;
      case "cut":
        hub.cut();
        break;
      case "network":
        this.isUp = deed.isUp;
        if (!this.isUp) hub.cut();
        break;
      case "seal":
        await this.flaky.seal(deed.isCosigned);
        break;
      case "hub-restarts":
        this.flaky.goBack(deed.share);
        break;
      case "hub-forgets":
        this.flaky.forget(deed.share);
        break;
      case "hub-restored":
        this.flaky.restore();
        break;
      case "hub-silent":
        hub.isSilent = deed.isSilent;
        break;
      case "refuse":
        this.flaky.refusals = { code: deed.code, left: deed.count };
        // No hub says of the statement that it waits for that it is not the one.
        if (deed.code === "broken-chain") this.books.noteLie();
        break;
      case "swallow":
        this.swallows = deed.count;
        break;
      case "acks":
        for (let i = 0; i < deed.count; i++) await this.repeatAck(deed.isOld);
        break;
      case "lie":
        await this.lie(deed);
        break;
      case "clock":
        // What NTP keeps is right.
        if (!this.fate.isKept) this.clockFaults.skewMs = deed.skewMs;
        break;
      case "receiver":
        await this.hearReceiver(deed.aheadMs);
        break;
      case "late":
        this.clockFaults.lateMs = deed.ms;
        break;
    }
    await this.pass(20);
    // As a service manager would, after a while.
    if (this.life === undefined && this.random.unit() < 0.3) await this.start();
  }

  /** Puts everything right, waits until all has been said, and checks the books. */
  async settle(): Promise<void> {
    const { hub } = this.flaky;
    this.end = undefined;
    this.diskFault = undefined;
    this.diskState = "well";
    this.wireFault = undefined;
    this.isUp = true;
    this.swallows = 0;
    this.clockFaults.skewMs = 0;
    this.clockFaults.lateMs = 0;
    for (const board of this.boards) board.isRefusing = false;
    hub.isSilent = false;
    this.flaky.refusals = { code: "malformed", left: 0 };
    this.flaky.restore();
    await this.stop();
    await this.start();
    let isLastRead = false;
    for (let round = 0; round < 600; round++) {
      await this.pass(10_000);
      if (this.life?.agent.status().halted) throw new Error("it stopped for good in the end");
      await this.flaky.seal(true);
      await this.pass(200);
      if (this.isDone()) {
        if (isLastRead) break;
        // Another reading of each sensor, for packs that own up to what was dropped.
        isLastRead = true;
        for (const [at] of this.boards.entries()) this.read(at);
      }
      if (round === 599) throw new Error(`it never came to rest: ${this.describe()}`);
    }
    await this.books.close(this.files);
    const { isExact } = this.books;
    await this.camera.close(this.files, this.books.statements, this.clock.nowMs(), isExact);
  }

  /** Ends everything, whatever came of it. */
  async close(): Promise<void> {
    this.die(false);
    await this.flaky.hub.close();
  }

  private describe(): string {
    return JSON.stringify(this.life?.agent.status());
  }

  private isDone(): boolean {
    const status = this.life?.agent.status();
    if (status === undefined) return false;
    return status.waitingReadings === 0 && status.nextSeq === status.oldestSeq;
  }

  /** Has a sensor say the next number, if anybody listens. */
  private read(sensor: number): void {
    const events = this.boards[sensor]!.events;
    if (events === undefined || this.life === undefined) return;
    const { quantity } = SENSORS[sensor]!;
    const { counters } = this.life.agent;
    const before = { ...counters };
    events.bytes(encodeUtf8(`${quantity}=${this.books.next(sensor)}\n`));
    if (counters.readings === before.readings) throw new Error("a reading was not taken");
    const isDropped = counters.readingsDropped > before.readingsDropped;
    this.books.noteRead(sensor, this.clock.monotonicMs(), this.clock.nowMs(), isDropped);
  }

  /** Has the camera finish a recording, if anybody records. */
  private async film(seconds: number): Promise<void> {
    if (!this.fate.hasCamera) return;
    await this.pass(seconds * 1_000);
    if (this.life === undefined || this.mortality.isDead) return;
    this.isFilming = true;
    await this.camera.film(this.files, this.clock.monotonicMs(), seconds);
    this.isFilming = false;
  }

  /** Has the receiver say for a while what time it is, so much ahead of the true one. */
  private async hearReceiver(wishedMs: number): Promise<void> {
    // Where nobody contradicts it is believed, and a hub lets nobody in who is years ahead.
    const aheadMs = this.fate.isKept ? wishedMs : Math.min(wishedMs, DAY_MS);
    const { life } = this;
    this.receiverAheadMs = undefined;
    for (let fixes = 0; fixes < FIXES_TO_BE_BELIEVED; fixes++) {
      const { events } = this.receiver;
      if (events === undefined || this.life !== life) return;
      events.bytes(encodeUtf8(sayFix(this.clock.nowMs() + aheadMs)));
      await this.pass(100);
    }
    if (this.life === life) this.receiverAheadMs = aheadMs;
  }

  /** Lets time pass, looking at everything four times a second. */
  private async pass(ms: number): Promise<void> {
    for (let left = ms; left > 0; left -= 250) {
      await this.clock.advance(Math.min(left, 250));
      await this.look();
    }
  }

  private async look(): Promise<void> {
    // It may end by itself where its disk fails at the start.
    if (this.life?.isOver) this.die(false);
    if (this.life !== undefined && this.mortality.isDead) await this.autopsy();
    if (this.life === undefined) return;
    const status = this.life.agent.status();
    if (this.fate.isKept) this.books.checkClock(status, this.receiverAheadMs);
    await this.books.look(status, this.clock.monotonicMs(), this.files);
  }

  private async start(): Promise<void> {
    const mortality = new Mortality();
    this.mortality = mortality;
    this.receiverAheadMs = undefined;
    const clock = mortalClock(this.clock, mortality, this.clockFaults);
    const { fate } = this;
    const ground = {
      device: DEVICE,
      files: mortalFiles(this.files, mortality),
      clock,
      random: seededRandom(`${fate.seed}/${this.random.unit()}`),
      logger: this.books.logger,
    };
    let agent: Agent | undefined;
    const opening = Agent.open({
      ...ground,
      origin: ORIGIN,
      signer,
      policy: this.flaky.hub.policy,
      verify: opensslVerify,
      retention: fate.level,
      isRestricted: fate.isRestricted,
      position: { lat: 51.5, lon: -3 },
      pack: { seconds: fate.packSeconds, readingsMax: fate.packReadingsMax },
      outboxBytesMax: fate.outboxBytesMax,
      waitingReadingsMax: fate.waitingReadingsMax,
      notBeforeMs: NOT_BEFORE_MS,
      waitForSyncMs: 0,
      askTimeSync: () => Promise.resolve(fate.isKept ? true : undefined),
      sensors: [
        ...SENSORS.map(({ stream }, at) => ({
          stream,
          driverName: "line-protocol",
          address: "memory",
          driver: DRIVERS.get("line-protocol")!.create({}, { notBeforeMs: NOT_BEFORE_MS }),
          connect: this.boards[at]!.connect,
        })),
        {
          stream: "place",
          driverName: "nmea",
          address: "memory",
          driver: DRIVERS.get("nmea")!.create({ quantities: [] }, { notBeforeMs: NOT_BEFORE_MS }),
          connect: this.receiver.connect,
        },
      ],
      connectHub: (options) =>
        new MqttClient(() => {
          const wire = new Wire((packet) => this.carry(packet));
          this.wires.add(wire);
          if (!this.isUp || mortality.isDead) wire.end();
          else this.flaky.hub.accept(wire.far);
          return wire.near;
        }, options),
      makeCameras: fate.hasCamera ? this.camera.begin(ground) : undefined,
      dataFolder: "/data",
    }).then(
      (opened) => (agent = opened),
      (error: unknown) => this.books.noteFault(error),
    );
    void opening;
    await this.clock.advance(0);
    for (let turns = 0; turns < 20 && agent === undefined; turns++) await this.clock.advance(0);
    if (agent === undefined) {
      // It ended with an error of the disk, or died while it opened; the next try comes.
      this.die(false);
      if (this.hasLostPower) this.powerOn();
      await this.books.end("start", this.clock.monotonicMs(), this.files);
      return;
    }
    const life: Life = { agent, stopping: new AbortController(), isOver: false };
    this.life = life;
    agent.run(life.stopping.signal).then(
      () => (life.isOver = true),
      (error: unknown) => {
        this.books.noteFault(error);
        life.isOver = true;
      },
    );
    this.books.begin(this.clock.monotonicMs());
    await this.clock.advance(0);
  }

  private powerOn(): void {
    this.files.powerOn();
    this.hasLostPower = false;
  }

  /** Stops the agent in good order; it may take its time, and is killed where it does not end. */
  private async stop(): Promise<void> {
    const { life } = this;
    if (life === undefined) return;
    const askedMs = this.clock.monotonicMs();
    life.stopping.abort();
    for (let turns = 0; turns < 400 && !life.isOver && !this.mortality.isDead; turns++)
      await this.clock.advance(100);
    if (this.mortality.isDead) await this.autopsy();
    else if (life.isOver) {
      this.die(false);
      this.life = undefined;
      await this.books.end("stop", askedMs, this.files);
    } else throw new Error("it did not stop");
  }

  /** Ends the agent as a power cut does, or kill -9. */
  private die(isPowerCut: boolean): void {
    if (isPowerCut) this.hasLostPower = true;
    this.mortality.die();
    for (const wire of this.wires) wire.end();
    this.wires.clear();
    for (const board of [...this.boards, this.receiver]) board.events = undefined;
  }

  /** What is left of a dead agent. */
  private async autopsy(): Promise<void> {
    this.life = undefined;
    if (this.hasLostPower) this.powerOn();
    await this.books.end("death", this.clock.monotonicMs(), this.files);
  }

  private diskPlan(
    kind: string,
    path: string,
  ): "undone" | "done" | "part" | "power-cut" | undefined {
    if (!path.startsWith("/data") || this.isFilming) return undefined;
    if (this.end !== undefined && !this.mortality.isDead && this.end.left-- <= 0) {
      const { isPowerCut } = this.end;
      this.end = undefined;
      this.die(isPowerCut);
      if (isPowerCut) return "power-cut";
      return this.random.unit() < 0.5 ? "undone" : "done";
    }
    if (this.diskFault !== undefined && this.diskFault.left-- <= 0) {
      const { fault } = this.diskFault;
      this.diskFault = undefined;
      this.books.noteDiskTrouble();
      return fault;
    }
    const isRefused =
      this.diskState === "read-only" ||
      (this.diskState === "full" && ["append", "write", "makeFolder"].includes(kind));
    if (isRefused) this.books.noteDiskTrouble();
    return isRefused ? "undone" : undefined;
  }

  private carry(packet: Packet): WireFault | undefined {
    if (packet.type === PACKET.publish) {
      const { topic, payload } = publication(packet);
      if (topic.endsWith("/statement")) this.books.notePublished(payload);
      if (topic.endsWith("/ack")) this.oldAcks.push(payload);
    }
    const fault = this.wireFault;
    if (fault?.from !== packet.from || fault.type !== packet.type) return undefined;
    if (this.wireLeft-- > 0) return undefined;
    this.wireFault = undefined;
    return fault.fault;
  }

  private async repeatAck(isOld: boolean): Promise<void> {
    if (!isOld) {
      await this.flaky.hub.ack();
      return;
    }
    const old = this.oldAcks[Math.floor(this.random.unit() * this.oldAcks.length)];
    if (old === undefined) return;
    await this.flaky.hub.publish("ack", JSON.parse(new TextDecoder().decode(old)));
  }

  /** Refuses something in the hub's name that the hub may well have taken. */
  private async lie({ code, share }: Deed & { kind: "lie" }): Promise<void> {
    const last = this.books.lastPublished;
    if (last === undefined) return;
    this.books.noteLie();
    await this.flaky.hub.publish("nack", {
      kid: kidHex(signer.publicKey),
      seq: last.seq,
      hash: encodeHex(last.hash),
      code,
      text: "a lie",
      expected: Math.floor(share * (last.seq + 2)),
    });
  }
}
