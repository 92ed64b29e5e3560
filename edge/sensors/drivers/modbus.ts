/**
 * Master of a Modbus RTU line, such as RS-485: asks the units in turn for what the configuration says is in them.
 *
 * It only reads. One question is on the line at a time; the next one follows the answer at once, or the timeout at the
 * next tick. Why no library does this here is in docs/drivers.md, "Modbus".
 */

import {
  type Driver,
  type DriverKind,
  driverKind,
  type PartStatus,
  type SensorEvent,
  silentAfterTurns,
} from "../driver.ts";
import type { Framed, Framer, FramerCounters } from "../framers/framer.ts";
import { type ModbusAnswer, modbusFramer } from "../framers/modbus.ts";
import type { SensorReading } from "../reading.ts";
import { type ModbusOptions, modbusOptions } from "./modbus-options.ts";
import { decodeBlock, encodeReadQuestion, type RegisterBlock } from "./modbus-registers.ts";
import { ModbusUnit } from "./modbus-unit.ts";

/** Exceptions of a unit that would answer, had it the time. */
const BUSY: readonly number[] = [5, 6];
/** Exceptions of a gateway in place of a unit that does not answer. */
const ABSENT: readonly number[] = [10, 11];

/** A Modbus RTU line, as the registry lists it. */
export const modbus: DriverKind = driverKind<ModbusOptions>({
  name: "modbus",
  title: "Units on a Modbus RTU line",
  baudRate: 9600,
  options: modbusOptions,
  create: (options) => new ModbusMaster(options),
});

interface Round {
  readonly unit: ModbusUnit;
  readonly block: RegisterBlock;
  readonly rest: readonly RegisterBlock[];
  readonly askedMs: number;
}

class ModbusMaster implements Driver {
  readonly silentMs: number;
  private readonly framer: Framer<ModbusAnswer>;
  private readonly units: readonly ModbusUnit[];
  private readonly timeoutMs: number;
  private readonly gapMs: number;
  private round: Round | undefined;
  private isOpen = false;

  constructor({ units, everySeconds, failuresMax, quarantineSeconds, ...times }: ModbusOptions) {
    // The line is heard as often as the unit that is asked most.
    const turns = units.map((unit) => unit.everySeconds ?? everySeconds);
    this.silentMs = silentAfterTurns(Math.min(...turns) * 1000);
    const patience = { failuresMax, quarantineMs: quarantineSeconds * 1000 };
    this.units = units.map((unit) => new ModbusUnit(unit, everySeconds * 1000, patience));
    this.timeoutMs = times.timeoutMs;
    this.gapMs = times.gapMs;
    this.framer = modbusFramer(() =>
      this.round === undefined
        ? undefined
        : {
            unit: this.round.unit.id,
            functionCode: this.round.block.functionCode,
            dataBytes: this.round.block.count * 2,
          },
    );
  }

  opened(atMs: number): SensorEvent[] {
    this.isOpen = true;
    this.round = undefined;
    for (const unit of this.units) unit.reset(atMs);
    return this.proceed(atMs);
  }

  push(chunk: Uint8Array, atMs: number): SensorEvent[] {
    // One question has one answer: what looks like a second one is not the answer to the next question.
    const [framed] = this.framer.push(chunk, atMs);
    return framed === undefined ? [] : this.take(framed);
  }

  tick(atMs: number): SensorEvent[] {
    const [framed] = this.framer.silence(atMs);
    if (framed !== undefined) return this.take(framed);
    if (this.round !== undefined) {
      if (atMs - this.round.askedMs < this.gapMs + this.timeoutMs) return [];
      this.round.unit.failed(atMs, this.round);
      this.round = undefined;
    }
    return this.proceed(atMs);
  }

  counters(): FramerCounters {
    return this.framer.counters();
  }

  /** Gives the state of each unit. */
  parts(): readonly PartStatus[] {
    return this.units.map(({ status }) => status);
  }

  private take({ frame, atMs }: Framed<ModbusAnswer>): SensorEvent[] {
    const { round } = this;
    if (round === undefined) return [];
    const { unit, block, rest } = round;
    this.round = undefined;
    if (frame.kind === "data") {
      unit.answered(atMs, block);
      return [...readingEvents(block, frame.data, atMs), ...this.proceed(atMs, unit, rest)];
    }
    if (ABSENT.includes(frame.code)) {
      unit.failed(atMs);
      return this.proceed(atMs);
    }
    unit.answered(atMs);
    if (!BUSY.includes(frame.code)) unit.refused(block, atMs);
    return this.proceed(atMs, unit, rest);
  }

  /** Asks the next question of a round, or the first one of the unit that has waited longest. */
  private proceed(
    atMs: number,
    unit?: ModbusUnit,
    blocks: readonly RegisterBlock[] = [],
  ): SensorEvent[] {
    if (!this.isOpen) return [];
    if (unit !== undefined && blocks.length > 0) return [this.ask(unit, blocks, atMs)];
    const due = this.units.filter(({ dueMs }) => dueMs <= atMs).sort((a, b) => a.dueMs - b.dueMs);
    for (const next of due) {
      const found = next.begin(atMs);
      if (found.length > 0) return [this.ask(next, found, atMs)];
    }
    return [];
  }

  private ask(unit: ModbusUnit, blocks: readonly RegisterBlock[], atMs: number): SensorEvent {
    const [block, ...rest] = blocks;
    if (block === undefined) throw new Error("a unit is asked for nothing");
    this.framer.reset();
    this.round = { unit, block, rest, askedMs: atMs };
    return { kind: "write", bytes: encodeReadQuestion(unit.id, block), afterMs: this.gapMs };
  }
}

/** One event a stream, in the order of the registers. */
function readingEvents(block: RegisterBlock, data: readonly number[], atMs: number): SensorEvent[] {
  const byStream = new Map<string | undefined, SensorReading[]>();
  for (const { stream, reading } of decodeBlock(block, data, atMs)) {
    const readings = byStream.get(stream);
    if (readings === undefined) byStream.set(stream, [reading]);
    else readings.push(reading);
  }
  return Array.from(byStream, ([stream, readings]) => ({
    kind: "readings",
    readings,
    ...(stream === undefined ? {} : { stream }),
  }));
}
