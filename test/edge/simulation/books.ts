/**
 * What an agent has promised, kept beside it: every reading that it took, every statement that it published, and where
 * each of them must be in the end.
 *
 * The log is judged by the ledger's own admission. A reading is in the log once, or it was refused and is told of, or it
 * was dropped and owned up to, or it was lost with the power before it could have been on the disk.
 */

import { scanSegment } from "../../../edge/outbox/outbox-format.ts";
import { Outbox } from "../../../edge/outbox/outbox.ts";
import type { AgentStatus } from "../../../edge/status/status.ts";
import { admit } from "../../../ledger/admission.ts";
import { decodeCbor } from "../../../ledger/cbor.ts";
import { decodeHex, encodeHex, equalBytes } from "../../../ledger/bytes.ts";
import { Refusal } from "../../../ledger/errors.ts";
import { kidHex } from "../../../ledger/key.ts";
import { decodeGap } from "../../../ledger/kinds/gap.ts";
import { LogState } from "../../../ledger/log-state.ts";
import { openPack } from "../../../ledger/preimage.ts";
import { decodePack } from "../../../ledger/senml.ts";
import type { Pack } from "../../../ledger/senml.ts";
import { decodeStatement } from "../../../ledger/statement.ts";
import type { Statement } from "../../../ledger/statement.ts";
import type { Logger } from "../../../platform/log.ts";
import { silentLogger } from "../../../platform/log.ts";
import { MemoryFiles } from "../../../platform/memory-files.ts";
import { opensslVerify } from "../../../platform/native-verify.ts";
import { UserError } from "../../../platform/user-error.ts";
import type { Fate } from "./deeds.ts";
import type { FlakyHub } from "./flaky-hub.ts";
import { nativeSigner } from "../../support/native-signer.ts";

/** Beyond this a receiver and a kept clock contradict each other. */
const CLOCKS_APART_MS_MAX = 2_500;
const STREAMS = ["road", "path"];
const QUANTITIES = new Map([
  ["road", "vehicles"],
  ["path", "bikes"],
]);
const kid = decodeHex(kidHex(nativeSigner(new Uint8Array(32).fill(9)).publicKey))!;

type Fate1 = "on-its-way" | "dropped" | "lost";

/** A reading that the agent took. */
interface Taken {
  readonly sensor: number;
  readonly value: number;
  readonly atMs: number;
  readonly trueMs: number;
  what: Fate1;
}

/** See the head of the file. */
export class Books {
  hub!: FlakyHub;
  lastPublished: Statement | undefined;
  private readonly fate: Fate;
  private readonly device: string;
  private readonly taken: Taken[] = [];
  private readonly nextValues = [0, 0];
  /** By number, the bytes that were ever published under it. */
  private readonly published = new Map<number, Uint8Array>();
  private readonly preimages = new Map<string, Uint8Array>();
  /** Values by stream that lie in the quarantine, or did. */
  private readonly quarantined = new Set<string>();
  private readonly seenFiles = new Set<string>();
  private beganMs = 0;
  private troubleMs = 0;
  private diskTroubles = 0;
  private oldest = 0;
  private hasLied = false;
  private unownedMax = 0;
  private quarantineFailures = 0;
  private isViolent = false;
  private readonly bugs: string[] = [];

  constructor(fate: Fate, device: string) {
    this.fate = fate;
    this.device = device;
  }

  /** Hears what the agent logs: an error of ours is none that may be logged and forgotten. */
  get logger(): Logger {
    const hear = (fields: object, message: string): void => {
      const { error } = fields as { error?: unknown };
      if (error !== undefined && !isWorldly(error)) this.noteFault(error);
      if (/^(could not put a refused item|the quarantine is full)/.test(message))
        this.quarantineFailures += 1;
    };
    return { ...silentLogger, info: hear, warn: hear, error: hear };
  }

  noteFault(error: unknown): void {
    if (isWorldly(error)) this.noteDiskTrouble();
    else this.bugs.push(error instanceof Error ? (error.stack ?? error.message) : String(error));
  }

  noteDiskTrouble(): void {
    this.diskTroubles += 1;
  }

  noteLie(): void {
    this.hasLied = true;
  }

  next(sensor: number): number {
    return this.nextValues[sensor]!;
  }

  /** Takes note of a reading at `atMs` by the monotonic clock, and `trueMs` by a right one. */
  noteRead(sensor: number, atMs: number, trueMs: number, isDropped: boolean): void {
    const value = this.nextValues[sensor]!++;
    this.taken.push({ sensor, value, atMs, trueMs, what: isDropped ? "dropped" : "on-its-way" });
  }

  notePublished(body: Uint8Array): void {
    const pair = body[0] === 0x82 ? (decodeCbor(body) as [Uint8Array, Uint8Array]) : undefined;
    const statement = decodeStatement(pair?.[0] ?? body);
    if (statement instanceof Refusal) throw new Error(statement.text);
    const { seq, bytes, iat, hash } = statement;
    if (pair) this.preimages.set(encodeHex(hash), pair[1]);
    const before = this.published.get(seq);
    if (before && !equalBytes(before, bytes)) throw new Error(`number ${seq} was signed twice`);
    this.published.set(seq, bytes);
    this.lastPublished = statement;
    if (iat * 1000 < Date.parse("2026-11-01")) throw new Error(`${seq} was signed in the past`);
    if (iat * 1000 > Date.parse("2086-01-01")) throw new Error(`${seq} was signed in 2099`);
  }

  begin(nowMs: number): void {
    this.beganMs = nowMs;
    this.troubleMs = nowMs;
  }

  /** Looks at a running agent. */
  async look(status: AgentStatus, nowMs: number, files: MemoryFiles): Promise<void> {
    this.raise();
    if (status.waitsFor !== undefined || this.diskTroubles > 0) this.troubleMs = nowMs;
    this.diskTroubles = 0;
    const { halted } = status;
    if (halted && halted.reason !== "key-refused")
      throw new Error(`it stopped, and had no reason to: ${halted.text}`);
    if (status.waitingReadings > this.fate.waitingReadingsMax)
      throw new Error(`${status.waitingReadings} readings wait`);
    if (status.outboxBytes > 2 * this.fate.outboxBytesMax + 16_384)
      throw new Error(`the outbox has ${status.outboxBytes} bytes`);
    await this.checkLetGo(status.oldestSeq, files);
    await this.readQuarantine(files);
  }

  /** Looks at whom the agent believes, where NTP keeps its clock and the receiver, if it was heard, is so much ahead. */
  checkClock({ clockSource, clockApartMs }: AgentStatus, aheadMs: number | undefined): void {
    if (aheadMs === undefined) return;
    const isDisputed = Math.abs(aheadMs) > CLOCKS_APART_MS_MAX;
    if (
      clockSource !== (isDisputed ? "ntp" : "gps") ||
      clockApartMs !== (isDisputed ? aheadMs : undefined)
    )
      throw new Error(`a receiver ${aheadMs} ms ahead: ${clockSource}, apart ${clockApartMs}`);
  }

  /** Takes stock of the disk after an agent has ended: what is not there is lost. */
  async end(how: "start" | "stop" | "death", nowMs: number, files: MemoryFiles): Promise<void> {
    this.raise();
    await this.readQuarantine(files);
    const safe = new Set([
      ...(await this.valuesOnDisk(files)),
      ...this.valuesIn(this.hub.hub.entries.map(statementOf)),
      ...this.valuesIn(this.hub.promised.map(statementOf)),
      ...this.quarantined,
    ]);
    for (const statement of this.hub.refused.values())
      for (const value of this.valuesIn([statement])) safe.add(value);
    if (this.diskTroubles > 0) this.troubleMs = nowMs;
    this.diskTroubles = 0;
    const isFull = (await bytesOnDisk(files)) >= this.fate.outboxBytesMax;
    // A pack's age, a tick, and what a late timer adds.
    const ageMsMax = this.fate.packSeconds * 1000 + 2_000;
    if (how !== "stop" || this.troubleMs === nowMs) this.isViolent = true;
    for (const one of this.taken) {
      if (one.what !== "on-its-way" || safe.has(keyOf(one.sensor, one.value))) continue;
      one.what = "lost";
      // Whoever dies at its start has read nothing yet: what is gone now was not safe when it stopped before.
      if (how === "start" || this.quarantineFailures > 0) continue;
      // At its end it signs what it has room for.
      if (how === "stop" && isFull) continue;
      const quietMs = nowMs - Math.max(one.atMs, this.troubleMs, this.beganMs);
      if (quietMs > (how === "stop" ? 1_000 : ageMsMax + 3 * 5_000))
        throw new Error(
          `${STREAMS[one.sensor]} ${one.value} was lost in a ${how}, ${nowMs - one.atMs} ms after it was read, with nothing in its way`,
        );
    }
  }

  /** Checks everything, when all has been said. */
  async close(files: MemoryFiles): Promise<void> {
    this.raise();
    await this.readQuarantine(files);
    const { entries } = this.hub.hub;
    const state = new LogState();
    for (const [index, entry] of entries.entries()) {
      const judged = admit(state, entry, { verify: opensslVerify, entry: (at) => entries[at] });
      if (judged instanceof Refusal) throw new Error(`entry ${index}: ${judged.text}`);
    }
    const { statements } = this;
    for (const [at, stream] of STREAMS.entries()) this.checkStream(at, stream, statements);
  }

  /** All of the device's in the log. */
  get statements(): readonly Statement[] {
    return this.hub.hub.entries.map(statementOf).filter(({ issuer }) => issuer === this.device);
  }

  /** Whether nobody has lied to the agent, and its disk has kept what was refused. */
  get isExact(): boolean {
    return !this.hasLied && this.quarantineFailures === 0;
  }

  private checkStream(sensor: number, stream: string, statements: readonly Statement[]): void {
    const refused = [...this.hub.refused.values()];
    const excused = new Set([...this.valuesIn(refused), ...this.quarantined]);
    const counts = new Map<number, number>();
    let before = -1;
    let owned = 0;
    for (const statement of statements) {
      const readings = this.packIn(statement, stream)?.readings ?? [];
      if (this.fate.isKept && readings.length > 0) this.checkTimes(sensor, readings);
      for (const { quantity, value } of readings) {
        if (quantity === "dropped") owned += value as number;
        if (quantity !== QUANTITIES.get(stream)) continue;
        counts.set(value as number, (counts.get(value as number) ?? 0) + 1);
        // What was refused once may be tried again later.
        if (excused.has(keyOf(sensor, value as number))) continue;
        if (!this.hasLied && this.quarantineFailures === 0 && (value as number) <= before)
          throw new Error(`${stream} ${String(value)} stands behind ${before}`);
        before = value as number;
      }
    }
    let missing = 0;
    let gone = 0;
    for (const one of this.taken) {
      if (one.sensor !== sensor) continue;
      const count = counts.get(one.value) ?? 0;
      if (count > 1 && !this.hasLied) throw new Error(`${stream} ${one.value} is in the log twice`);
      if (one.what === "dropped" && count > 0)
        throw new Error(`${stream} ${one.value} was called dropped, and is in the log`);
      if (one.what !== "on-its-way" && count === 0) gone += 1;
      if (one.what === "on-its-way" && count === 0 && !excused.has(keyOf(sensor, one.value)))
        missing += 1;
    }
    if (missing > 64 * this.quarantineFailures)
      throw new Error(`${missing} readings of ${stream} are nowhere`);
    if (owned > gone && !this.hasLied)
      throw new Error(`${stream} owns up to ${owned} of ${gone} that are gone`);
    if (!this.isViolent && !this.hasLied && this.quarantineFailures === 0 && owned !== gone)
      throw new Error(
        `${stream} owns up to ${owned} of ${gone} that are gone, without a power cut`,
      );
  }

  /** Where NTP keeps the clock every reading has its true time, whatever a receiver said; and where one lied, the pack says so. */
  private checkTimes(sensor: number, readings: Pack["readings"]): void {
    const clock = readings.find(({ quantity }) => quantity === "clock")?.value;
    const apart = readings.find(({ quantity }) => quantity === "clock-apart")?.value;
    if (clock !== "ntp" && (clock !== "gps" || apart !== undefined))
      throw new Error(`time by ${String(clock)}, apart ${String(apart)}`);
    for (const { quantity, value, time } of readings) {
      const one = this.taken.find((each) => each.sensor === sensor && each.value === value);
      if (quantity !== QUANTITIES.get(STREAMS[sensor]!) || one === undefined) continue;
      // Readings of one millisecond stand a millisecond apart.
      if (Math.abs(time * 1000 - one.trueMs) > 1_000)
        throw new Error(`${STREAMS[sensor]} ${one.value} is ${time * 1000 - one.trueMs} ms off`);
    }
  }

  /** What was let go must be where the retention level says that it is. */
  private async checkLetGo(oldest: number, files: MemoryFiles): Promise<void> {
    if (oldest <= this.oldest) return;
    const kept = this.hub.promised.map(statementOf).filter(({ issuer }) => issuer === this.device);
    const inLog = new Map(kept.map((statement) => [statement.seq, statement]));
    for (let seq = this.oldest; seq < oldest; seq++) {
      // Numbers that were skipped, or never left the device, are in nobody's hands.
      const published = this.published.get(seq);
      if (published === undefined) continue;
      const safe = inLog.get(seq);
      if (safe && !equalBytes(safe.bytes, published))
        throw new Error(`${seq} was let go, and the log has something else`);
      if (safe !== undefined || kept.some((statement) => covers(statement, seq))) continue;
      // A gap that is still to be sent says that it is missing.
      if (!this.hasLied && !(await this.isLeftOut(files, seq)))
        throw new Error(`${seq} was let go, and is nowhere`);
    }
    this.oldest = oldest;
  }

  private async isLeftOut(files: MemoryFiles, seq: number): Promise<boolean> {
    for (const name of await files.list("/data/outbox")) {
      const scan = scanSegment((await files.read(`/data/outbox/${name}`))!);
      if (typeof scan === "string") throw new Error(scan);
      if (scan.entries.some(({ gap, seq: at }) => gap && gap.from <= seq && seq < at)) return true;
    }
    return false;
  }

  private raise(): void {
    if (this.bugs.length > 0) throw new Error(`an error of ours:\n${this.bugs[0]}`);
  }

  private async valuesOnDisk(files: MemoryFiles): Promise<Set<string>> {
    const copy = new MemoryFiles();
    await copy.makeFolder("/data/outbox");
    for (const name of await files.list("/data/outbox"))
      await copy.write(`/data/outbox/${name}`, (await files.read(`/data/outbox/${name}`))!);
    const outbox = await Outbox.open({ files: copy, folder: "/data/outbox", kid });
    const statements: Statement[] = [];
    for (let seq = outbox.oldest; seq <= outbox.durable; seq++) {
      const record = await outbox.read(seq);
      if (record === undefined) continue;
      const statement = statementOf(record.statement);
      if (record.preimage) this.preimages.set(encodeHex(statement.hash), record.preimage);
      statements.push(statement);
    }
    return this.valuesIn(statements);
  }

  /** Keeps what is in the quarantine: the oldest files make room for newer ones. */
  private async readQuarantine(files: MemoryFiles): Promise<void> {
    for (const name of await files.list("/data/quarantine").catch(() => [])) {
      const bytes = await files.read(`/data/quarantine/${name}`);
      if (bytes === undefined || this.seenFiles.has(`${name}/${bytes.length}`)) continue;
      this.seenFiles.add(`${name}/${bytes.length}`);
      const pair = bytes[0] === 0x82 ? (decodeCbor(bytes) as [Uint8Array, Uint8Array]) : undefined;
      const statement = decodeStatement(pair?.[0] ?? bytes);
      if (pair && !(statement instanceof Refusal))
        this.preimages.set(encodeHex(statement.hash), pair[1]);
      const pack =
        statement instanceof Refusal
          ? decodePack(bytes, this.device, 2 ** 33)
          : this.packIn({ ...statement, iat: 2 ** 33 }, statement.stream);
      if (pack === undefined || pack instanceof Refusal) continue;
      this.quarantined.add(name);
      for (const { quantity, value } of pack.readings)
        for (const [at, stream] of STREAMS.entries())
          if (QUANTITIES.get(stream) === quantity) this.quarantined.add(keyOf(at, value as number));
    }
  }

  private valuesIn(statements: Iterable<Statement>): Set<string> {
    const values = new Set<string>();
    for (const statement of statements) {
      const sensor = STREAMS.indexOf(statement.stream);
      for (const { quantity, value } of this.packIn(statement, statement.stream)?.readings ?? [])
        if (quantity === QUANTITIES.get(statement.stream))
          values.add(keyOf(sensor, value as number));
    }
    return values;
  }

  private packIn(statement: Statement, stream: string): Pack | undefined {
    if (statement.issuer !== this.device || statement.stream !== stream) return undefined;
    if (statement.kind === "readings") {
      const pack = decodePack(statement.payload, this.device, statement.iat);
      return pack instanceof Refusal ? undefined : pack;
    }
    if (statement.kind !== "salted") return undefined;
    const preimage = this.preimages.get(encodeHex(statement.hash));
    const pack = preimage && openPack(statement, preimage);
    return pack instanceof Refusal ? undefined : pack;
  }
}

async function bytesOnDisk(files: MemoryFiles): Promise<number> {
  let bytes = 0;
  for (const name of await files.list("/data/outbox").catch(() => []))
    bytes += (await files.facts(`/data/outbox/${name}`))?.size ?? 0;
  return bytes;
}

function keyOf(sensor: number, value: number): string {
  return `${sensor}/${value}`;
}

function covers(statement: Statement, seq: number): boolean {
  if (statement.kind !== "gap") return false;
  const gap = decodeGap(statement.payload);
  return !(gap instanceof Refusal) && gap.from <= seq && seq <= gap.to;
}

const decoded = new WeakMap<Uint8Array, Statement>();

function statementOf(bytes: Uint8Array): Statement {
  const known = decoded.get(bytes);
  if (known) return known;
  const statement = decodeStatement(bytes);
  if (statement instanceof Refusal) throw new Error(statement.text);
  decoded.set(bytes, statement);
  return statement;
}

/** Whether an error is the world's, or one of ours. */
function isWorldly(error: unknown): boolean {
  if (error instanceof UserError) return true;
  for (let cause = error; cause instanceof Error; cause = cause.cause as Error)
    if ("code" in cause) return true;
  return false;
}
