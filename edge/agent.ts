/**
 * The agent of one device: sensors → packs → statements → outbox → hub.
 *
 * Sampling never waits: for a clock, an enrolment, the disk or the network packs wait, within bounds. Everything that it
 * touches is an argument; run-command.ts hands in the real things.
 */

import { decodeHex } from "../ledger/bytes.ts";
import { kidHex } from "../ledger/key.ts";
import type { Position } from "../ledger/senml.ts";
import type { Files } from "../platform/files.ts";
import { BackOff } from "../platform/back-off.ts";
import type { AgentParts, SensorSetup } from "./agent-parts.ts";
import { PreviewChannel } from "./cameras/preview-channel.ts";
import { asUserError } from "../platform/system-error.ts";
import { Chain } from "./signing/chain.ts";
import { ClockSource } from "./time/clock-source.ts";
import type { Cameras } from "./cameras/cameras.ts";
import { countingFiles } from "./outbox/counting-files.ts";
import { newCounters } from "./counters.ts";
import type { Counters } from "./counters.ts";
import { Delivery } from "./delivery/delivery.ts";
import { HaltMarks } from "./delivery/halt.ts";
import { Intake } from "./packs/intake.ts";
import type { LatestReading } from "./packs/intake.ts";
import { Inquiries } from "./inquiries.ts";
import { formatLiveView } from "./status/live-view.ts";
import { Outbox } from "./outbox/outbox.ts";
import { PackSigner } from "./packs/pack-signer.ts";
import { Pulse } from "./pulse.ts";
import { Owed } from "./packs/owed.ts";
import type { OwedCounts } from "./packs/owed.ts";
import { Publisher } from "./delivery/publisher.ts";
import { Quarantine } from "./outbox/quarantine.ts";
import { ReceiptTrust } from "./delivery/receipt-trust.ts";
import { Repair } from "./delivery/repair.ts";
import type { Fix, SensorReading } from "./sensors/reading.ts";
import { Sensor } from "./sensors/sensor.ts";
import { Whereabouts } from "./place/whereabouts.ts";
import { readStatus, writeStatus } from "./status/status-file.ts";
import type { AgentStatus } from "./status/status.ts";

const TICK_MS = 1_000;
/** A sensor that says something ten times a second, or five, then wakes the agent as often and no oftener. */
const TICK_EARLY_MS = 250;
const STATE_EVERY_MS = 5_000;
/** Streets throw signals about by tens of metres; a box that was carried off is farther away soon. */
const MOVED_METRES = 150;
const CONTRADICTION_EVERY_MS = 3_600_000;
const OWED_EVERY_MS = 60_000;
/** Cards wear out, and the file is only for those who come when the agent is dead: a live one is asked. */
const STATUS_EVERY_MS = 600_000;
const DISK_RETRY = { firstMs: 1_000, mostMs: 60_000 };

/** See the head of the file. */
export class Agent {
  readonly counters: Counters;
  private readonly parts: AgentParts;
  private readonly kid: string;
  private readonly time: ClockSource;
  private readonly whereabouts: Whereabouts;
  private readonly inquiries: Inquiries;
  private readonly intake: Intake;
  private readonly outbox: Outbox;
  private readonly owed: Owed;
  private readonly repair: Repair;
  private readonly delivery: Delivery;
  private readonly packSigner: PackSigner;
  private readonly publisher: Publisher;
  private readonly previewChannel: PreviewChannel | undefined;
  private readonly sensors: readonly Sensor[];
  private readonly cameras: Cameras | undefined;
  private readonly pulse: Pulse;
  private readonly diskRetry: BackOff;
  private nextFlushMs = 0;
  private nextStateMs = 0;
  private nextOwedMs = 0;
  private nextStatusMs = 0;
  private nextContradictionMs = 0;
  private lastState = "";
  private lastStateConnection = 0;
  private acknowledged = -1;
  private acknowledgedMs: number | undefined;
  private storing: Promise<void> | undefined;
  private diskFault: string | undefined;

  private constructor(
    parts: AgentParts,
    outbox: Outbox,
    counters: Counters,
    acknowledgedBefore: number,
  ) {
    const { device, origin, signer, files, dataFolder, clock, random, logger, sensors } = parts;
    this.parts = parts;
    this.counters = counters;
    this.outbox = outbox;
    this.owed = new Owed(files, `${dataFolder}/owed.json`, outbox);
    this.kid = kidHex(signer.publicKey);
    this.pulse = new Pulse({ clock, everyMs: TICK_MS, earlyMs: TICK_EARLY_MS });
    this.diskRetry = new BackOff(random, DISK_RETRY);
    const { notBeforeMs, waitForSyncMs, preferClock: prefer } = parts;
    const time = new ClockSource({ clock, notBeforeMs, waitForSyncMs, prefer });
    this.time = time;
    this.inquiries = new Inquiries({ ...parts, time });
    const { pack, waitingReadingsMax, movedMetres = MOVED_METRES } = parts;
    const whereabouts = new Whereabouts({ fixed: parts.position, movedMetres });
    this.whereabouts = whereabouts;
    const position = (): Position | undefined => whereabouts.place;
    this.intake = new Intake({ pack, waitingReadingsMax, position, counters });
    const chain = new Chain({ issuer: device, signer, outbox });
    const quarantine = new Quarantine({ files, folder: `${dataFolder}/quarantine`, logger });
    const trust = new ReceiptTrust({ origin, policy: parts.policy, verify: parts.verify });
    const shared = { device, outbox, chain, time, quarantine, counters, logger };
    this.repair = new Repair({
      ...shared,
      stream: parts.gapStream ?? sensors[0]?.stream ?? device,
      owe: (stream, count) => this.intake.inherit(new Map([[stream, count]])),
      renewed: (seq, as) => this.cameras?.renewed(seq, as),
    });
    const { repair } = this;
    this.delivery = new Delivery({
      ...shared,
      repair,
      kid: this.kid,
      level: parts.retention ?? trust.defaultLevel,
      isRestricted: parts.isRestricted,
      trust,
      marks: new HaltMarks(files, dataFolder),
      acknowledgedBefore,
    });
    const { delivery, intake } = this;
    this.packSigner = new PackSigner({
      ...shared,
      isRestricted: parts.isRestricted,
      whereabouts,
      via: new Map(
        sensors.flatMap(({ stream, via }) => (via === undefined ? [] : [[stream, via]])),
      ),
      outboxBytesMax: parts.outboxBytesMax,
      intake,
      delivery,
      repair,
      random,
    });
    this.publisher = new Publisher({
      ...shared,
      origin,
      signer,
      connect: parts.connectHub,
      clock,
      random,
      delivery,
      ...(parts.sending ? { limits: parts.sending } : {}),
    });
    this.sensors = sensors.map((setup) => this.sensorOf(setup));
    const { outboxBytesMax } = parts;
    this.cameras = parts.makeCameras?.({ ...shared, outboxBytesMax, delivery, repair });
    const sources = this.cameras?.previews() ?? [];
    const address = parts.previewAddress;
    this.previewChannel =
      address === undefined || sources.length === 0
        ? undefined
        : new PreviewChannel({ ...shared, origin, signer, sources, address, clock, random });
  }

  /** Opens the agent's outbox. Rejects with `UserError` where that cannot be used. */
  static async open(parts: AgentParts): Promise<Agent> {
    const { dataFolder, signer, outboxBytesMax } = parts;
    const counters = newCounters();
    const files = countingFiles(parts.files, counters);
    const kid = kidHex(signer.publicKey);
    const folder = `${dataFolder}/outbox`;
    const segmentBytes = segmentBytesFor(outboxBytesMax);
    const outbox = await Outbox.open({ files, folder, kid: decodeHex(kid)!, segmentBytes });
    const before = await acknowledgedBefore(files, dataFolder, kid);
    const agent = new Agent({ ...parts, files }, outbox, counters, before);
    agent.intake.inherit(await agent.owed.load());
    return agent;
  }

  /** Runs until the signal; then what was read is signed and on disk, and the hub knows that the device is offline. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, logger } = this.parts;
    await this.cameras?.open();
    await this.delivery.start();
    const { halted } = this.delivery;
    if (halted) logger.error({ reason: halted.reason }, halted.text);
    const running = [
      this.publisher.run(signal),
      this.previewChannel?.run(signal),
      ...this.sensors.map((sensor) => sensor.run(signal)),
      this.cameras?.run(signal),
    ];
    // Before the first pack: whether the clock is kept decides whether it is believed. Sensors are read meanwhile.
    await this.inquiries.askSync();
    while (!signal.aborted) {
      this.tick(signal);
      await this.pulse.next(signal);
    }
    await Promise.all([...running, this.storing]);
    this.intake.close(clock.monotonicMs(), true);
    await this.store(clock.monotonicMs());
    await this.leave();
    await this.writeStatus();
    await this.outbox.close();
  }

  /** The newest value of every quantity, signed or not. */
  get latest(): readonly LatestReading[] {
    return this.intake.latest;
  }

  /** Says what the end of the program takes with it, now and in the next pack. */
  private async leave(): Promise<void> {
    const { logger } = this.parts;
    if (!this.outbox.isFlushed)
      logger.error({}, "the disk fails to the last; what was signed and not stored is lost");
    const { size } = this.intake;
    if (size > 0) {
      const about = { readings: size, reason: this.packSigner.obstacle };
      logger.warn(about, "stopped with readings that could not be signed; they are dropped");
    }
    await this.saveOwed(this.intake.owed());
  }

  /** Keeps what is owed for the next start. What is not on the disk yet will be: then it is tried again. */
  private async saveOwed(counts: OwedCounts): Promise<void> {
    if (!this.outbox.isFlushed) return;
    try {
      await this.owed.save(counts);
    } catch (error) {
      this.parts.logger.warn({ error }, "the count of dropped readings could not be kept");
    }
  }

  /** How it is, for people. */
  status(): AgentStatus {
    const { outbox, delivery, intake, acknowledgedMs } = this;
    const offsetMs = this.time.offsetMs();
    return {
      device: this.parts.device,
      kid: this.kid,
      atMs: this.parts.clock.nowMs(),
      isConnected: this.publisher.isConnected,
      apart: this.apart(),
      isLoginRefused: this.publisher.isLoginRefused,
      standing: this.publisher.isLoginRefused ? this.inquiries.standing : undefined,
      clockSource: this.time.source,
      clockApartMs: this.time.now()?.apartMs,
      movedMetres: this.whereabouts.movedMetres,
      halted: delivery.halted,
      isHubBehind: delivery.isHubBehind,
      waitsFor: this.packSigner.obstacle,
      diskFault: this.outbox.isFlushed ? undefined : this.diskFault,
      waitingReadings: intake.size,
      nextSeq: outbox.tail?.seq,
      oldestSeq: outbox.oldest,
      storedSeq: delivery.storedSeq,
      lastAckMs:
        offsetMs === undefined || acknowledgedMs === undefined
          ? undefined
          : Math.round(acknowledgedMs + offsetMs),
      outboxBytes: outbox.bytes,
      outboxBytesMax: this.parts.outboxBytesMax,
      counters: { ...this.counters, nacksByCode: { ...this.counters.nacksByCode } },
      sensors: this.sensors.map((sensor) => sensor.status(offsetMs)),
      preview: this.previewChannel?.status(),
      cameras: this.cameras?.status() ?? [],
    };
  }

  private apart(): AgentStatus["apart"] {
    const { apart } = this.publisher;
    if (apart === undefined) return undefined;
    const forMs = this.parts.clock.monotonicMs() - apart.sinceMs;
    return { forMs: Math.round(forMs), reason: apart.reason };
  }

  private sensorOf(setup: SensorSetup): Sensor {
    const { clock, random, logger } = this.parts;
    return new Sensor({
      ...setup,
      clock,
      random,
      logger,
      readings: (stream: string, readings: readonly SensorReading[]) => {
        this.intake.push(stream, readings);
        this.pulse.awake();
      },
      fix: (fix: Fix) => this.takeFix(fix),
    });
  }

  private takeFix(fix: Fix): void {
    this.time.hearFix(fix);
    this.whereabouts.hearFix(fix);
  }

  /** What is to be done about once a second. Waits for nothing: a card that stalls must not hold up the sensors. */
  private tick(signal: AbortSignal): void {
    const nowMs = this.parts.clock.monotonicMs();
    for (const sensor of this.sensors) sensor.tick(nowMs);
    this.intake.close(nowMs);
    this.noteProgress(nowMs);
    this.noteContradictions(nowMs);
    this.inquiries.tick(signal, this.publisher.isLoginRefused);
    if (nowMs >= this.nextStateMs) this.publishState(nowMs);
    this.storing ??= this.work(nowMs).finally(() => {
      this.storing = undefined;
    });
  }

  /** Remembers when the hub last said that it has more than before. */
  private noteProgress(nowMs: number): void {
    const { storedSeq } = this.delivery;
    if (storedSeq > this.acknowledged) this.acknowledgedMs = nowMs;
    this.acknowledged = storedSeq;
  }

  /** Says in the log that a receiver contradicts clock or place, now and then: it may come and go with every fix. */
  private noteContradictions(nowMs: number): void {
    if (nowMs < this.nextContradictionMs) return;
    const { logger } = this.parts;
    const now = this.time.now();
    const { movedMetres } = this.whereabouts;
    if (now?.apartMs === undefined && movedMetres === undefined) return;
    this.nextContradictionMs = nowMs + CONTRADICTION_EVERY_MS;
    if (now?.apartMs !== undefined) {
      const about = { believed: now.source, otherAheadMs: now.apartMs };
      logger.warn(about, "receiver and system clock contradict each other");
    }
    if (movedMetres !== undefined)
      logger.warn({ movedMetres }, "the receiver is not where the settings put the device");
  }

  /** What takes the disk. Never rejects for the disk's faults: the next tick tries again. */
  private async work(nowMs: number): Promise<void> {
    // The disk is left alone for a while where it has failed, unless somebody else has found it well meanwhile.
    if (nowMs >= this.nextFlushMs || this.outbox.isFlushed) await this.store(nowMs);
    if (nowMs >= this.nextOwedMs) {
      this.nextOwedMs = nowMs + OWED_EVERY_MS;
      // Where something stands in the way for long, what waits may go with the power.
      const mayBeLost = this.packSigner.obstacle !== undefined;
      await this.saveOwed(mayBeLost ? this.intake.owed() : this.intake.droppedByStream);
    }
    if (nowMs >= this.nextStatusMs) {
      this.nextStatusMs = nowMs + STATUS_EVERY_MS;
      await this.writeStatus();
    }
  }

  private async store(nowMs: number): Promise<void> {
    try {
      if (this.delivery.isUnsettled) await this.delivery.settle();
    } catch (error) {
      this.diskFailed(error, nowMs);
      return;
    }
    // What was signed and is not safe stands in the way of whoever signs next, so packs must not keep clips waiting.
    for (let isMore = true; isMore;) {
      isMore = this.packSigner.signWaiting();
      if (!(await this.flush())) return;
    }
    await this.cameras?.sign();
    if (await this.flush()) this.diskRetry.reset();
  }

  /** Makes what was signed durable, and sends it. False where the disk fails; nothing is lost then. */
  private async flush(): Promise<boolean> {
    if (this.outbox.isFlushed) return true;
    try {
      await this.outbox.flush();
    } catch (error) {
      this.diskFailed(error, this.parts.clock.monotonicMs());
      return false;
    }
    this.counters.flushes += 1;
    this.publisher.wake();
    return true;
  }

  private diskFailed(error: unknown, nowMs: number): void {
    this.counters.flushesFailed += 1;
    this.diskFault = asUserError(error)?.message ?? (error as Error).message;
    this.nextFlushMs = nowMs + this.diskRetry.nextMs();
    this.parts.logger.error({ error }, "the disk fails; what was signed waits in memory");
  }

  private publishState(nowMs: number): void {
    this.nextStateMs = nowMs + STATE_EVERY_MS;
    const state = formatLiveView({
      device: this.parts.device,
      offsetMs: this.time.offsetMs(),
      clockSource: this.time.source,
      clockApartMs: this.time.now()?.apartMs,
      movedMetres: this.whereabouts.movedMetres,
      halted: this.delivery.halted?.reason,
      values: this.intake.latest,
      sensors: this.sensors.map((sensor) => sensor.status(undefined)),
      cameras: this.cameras?.status() ?? [],
    });
    const { connections } = this.counters;
    // A hub that was restarted has forgotten the last one.
    const isKnown = state === this.lastState && connections === this.lastStateConnection;
    if (isKnown || !this.publisher.isConnected) return;
    this.lastState = state;
    this.lastStateConnection = connections;
    this.publisher.publishState(state);
  }

  private async writeStatus(): Promise<void> {
    const { files, dataFolder, logger } = this.parts;
    try {
      await writeStatus(files, dataFolder, this.status());
    } catch (error) {
      logger.warn({ error }, "the status file could not be written");
    }
  }
}

/** Space is given back a segment at a time, so a small outbox has small ones; a large one must not have too many. */
function segmentBytesFor(outboxBytesMax: number): number {
  const usual = Math.min(262_144, Math.ceil(outboxBytesMax / 8));
  return Math.max(usual, Math.ceil(outboxBytesMax / 8_192));
}

/** How far the hub had acknowledged this key's statements when the status was last written; -1 where nobody knows. */
async function acknowledgedBefore(files: Files, folder: string, kid: string): Promise<number> {
  const before = await readStatus(files, folder).catch(() => undefined);
  return before?.kid === kid && Number.isSafeInteger(before.storedSeq) ? before.storedSeq : -1;
}
