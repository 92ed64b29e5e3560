/**
 * One sensor: its driver, the line that it hangs on, and where its events go.
 */

import { explainPortError } from "./lines/port-fault.ts";
import type { PortFault } from "./lines/port-fault.ts";
import type { Clock } from "../../platform/clock.ts";
import type { Logger } from "../../platform/log.ts";
import type { Random } from "../../platform/random.ts";
import type { Driver, PartStatus, PassedOver, SensorEvent } from "./driver.ts";
import type { FramerCounters } from "./framers/framer.ts";
import { Line } from "./lines/line.ts";
import type { Connect, LineCounters, LineState } from "./lines/line.ts";
import type { Fix, SensorReading } from "./reading.ts";
import { SENSOR_LIMITS, SensorHealth } from "./sensor-state.ts";
import type { SensorCondition, SensorState } from "./sensor-state.ts";

/** What a sensor is made of. */
export interface SensorParts {
  readonly stream: string;
  /** As the configuration names them; for people. */
  readonly driverName: string;
  readonly address: string;
  readonly driver: Driver;
  readonly connect: Connect;
  /** How long it may say nothing; a minute, or longer by the driver's options, unless given. */
  readonly silentMs?: number;
  /** How long a value may repeat; 0 for ever. */
  readonly stuckMs?: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly readings: (stream: string, readings: readonly SensorReading[]) => void;
  readonly fix: (fix: Fix) => void;
}

/** How a sensor is, for people. */
export interface SensorStatus {
  readonly stream: string;
  readonly driver: string;
  readonly address: string;
  readonly state: SensorState;
  /** What is stuck, out of range or faulty. */
  readonly quantities: readonly string[];
  /** It is `faulty` because it warms up, for so long still; absent where it does not. */
  readonly warmUpLeftMs?: number;
  /** When its newest reading was taken, milliseconds since 1970; absent before the first, or without a clock. */
  readonly lastSampleMs: number | undefined;
  readonly line: LineState;
  /** Why the line is closed, and what to do about it; absent while it is open. */
  readonly lineFault?: PortFault | undefined;
  readonly lineCounters: LineCounters;
  readonly frameCounters: FramerCounters;
  /** For lines with several units on them. */
  readonly parts?: readonly PartStatus[];
  /** For drivers of messages. */
  readonly passedOver?: PassedOver;
}

/** See the head of the file. */
export class Sensor {
  private readonly parts: SensorParts;
  private readonly line: Line;
  private readonly health: SensorHealth;
  private hasFailedToOpen = false;
  private lineFault: PortFault | undefined;
  private framesHeard = 0;
  private stateLogged: SensorState = "ok";

  constructor(parts: SensorParts) {
    const { connect, clock, random, driver, logger, stream, address } = parts;
    const { stuckMs = SENSOR_LIMITS.stuckMs } = parts;
    const silentMs = parts.silentMs ?? Math.max(driver.silentMs ?? 0, SENSOR_LIMITS.silentMs);
    this.parts = parts;
    this.health = new SensorHealth({ silentMs, stuckMs });
    const about = { stream, address };
    this.line = new Line({
      connect,
      clock,
      random,
      silentMs,
      handlers: {
        opened: (atMs) => {
          this.hasFailedToOpen = false;
          this.lineFault = undefined;
          this.health.opened(atMs);
          logger.info(about, "the line to a sensor is open");
          this.take(driver.opened(atMs));
        },
        bytes: (chunk, atMs) => {
          const readings = this.take(driver.push(chunk, atMs));
          this.noteFrames(atMs);
          return readings;
        },
        closed: (_, error) => {
          this.health.closed();
          this.lineFault = error && explainPortError(address, error);
          // Once is enough: the line tries again for as long as it takes.
          if (!this.hasFailedToOpen)
            logger.warn({ ...about, reason: error?.message }, "no line to a sensor");
          this.hasFailedToOpen = true;
        },
        silent: () => logger.warn(about, "a sensor says nothing"),
      },
    });
  }

  /** Keeps the line open until the signal. */
  run(signal: AbortSignal): Promise<void> {
    return this.line.run(signal);
  }

  /** To be called about once a second. */
  tick(nowMs: number): void {
    if (this.line.state !== "closed") {
      this.take(this.parts.driver.tick(nowMs));
      this.noteFrames(nowMs);
    }
    this.logFaults(nowMs);
  }

  /** How it is. `offsetMs` is wall minus monotonic time, absent while no clock is believed. */
  status(offsetMs: number | undefined): SensorStatus {
    const { stream, driverName, address, driver, clock } = this.parts;
    const { lastSampleMs } = this.health;
    const nowMs = clock.monotonicMs();
    const condition = this.condition(nowMs);
    const warmUpLeftMs = this.warmUpLeftMs(condition, nowMs);
    return {
      stream,
      driver: driverName,
      address,
      ...condition,
      ...(warmUpLeftMs > 0 ? { warmUpLeftMs: Math.round(warmUpLeftMs) } : {}),
      lastSampleMs:
        offsetMs === undefined || lastSampleMs === undefined
          ? undefined
          : Math.round(lastSampleMs + offsetMs),
      line: this.line.state,
      ...(this.lineFault === undefined ? {} : { lineFault: this.lineFault }),
      lineCounters: this.line.counters(),
      frameCounters: driver.counters(),
      ...(driver.parts === undefined ? {} : { parts: driver.parts() }),
      ...(driver.passedOver === undefined ? {} : { passedOver: driver.passedOver() }),
    };
  }

  /** Does what the events ask for; gives how many readings were among them. */
  private take(events: readonly SensorEvent[]): number {
    const { stream, clock } = this.parts;
    let readings = 0;
    for (const event of events) {
      if (event.kind === "readings") {
        const taken = this.health.take(event.readings, event.stream).filter(isValue);
        if (taken.length > 0) this.parts.readings(event.stream ?? stream, taken);
        readings += taken.length;
      } else if (event.kind === "fix") this.parts.fix(event.fix);
      else if (event.afterMs === undefined) this.line.write(event.bytes);
      else clock.after(event.afterMs, () => this.line.write(event.bytes));
    }
    return readings;
  }

  /** A board that is said to be gone is gone, whatever the line. */
  private condition(nowMs: number): SensorCondition {
    if (this.parts.driver.isOffline?.() === true) return { state: "offline", quantities: [] };
    return this.health.condition(nowMs);
  }

  private warmUpLeftMs({ state }: SensorCondition, nowMs: number): number {
    return state === "faulty" ? (this.parts.driver.warmUpLeftMs?.(nowMs) ?? 0) : 0;
  }

  /** Frames that bring no reading, such as those of a receiver without a fix, are heard as well. */
  private noteFrames(atMs: number): void {
    const { framesGood } = this.parts.driver.counters();
    if (framesGood > this.framesHeard) this.health.heard(atMs);
    this.framesHeard = framesGood;
  }

  /**
   * Says in the log when values become wrong, or right again, or a board is said to be gone; what the line does is said as
   * it happens.
   */
  private logFaults(nowMs: number): void {
    const { logger, stream, address } = this.parts;
    const condition = this.condition(nowMs);
    const { state, quantities } = condition;
    const isLine = this.line.state === "closed" || state === "silent";
    if (state === this.stateLogged || isLine) return;
    this.stateLogged = state;
    const about = { stream, address, state, quantities };
    if (state === "ok") logger.info(about, "a sensor is well again");
    else if (this.warmUpLeftMs(condition, nowMs) > 0)
      logger.info(about, "a sensor warms up; until then its values are flagged");
    else if (state === "offline") logger.warn(about, "a board is said to be gone");
    else logger.warn(about, "a sensor says what cannot be");
  }
}

/**
 * Whether there is a value at all. A Modbus float that is no number is how a unit says that it has none: it tells how the
 * sensor is, and cannot be written down.
 */
function isValue({ value }: SensorReading): boolean {
  return typeof value !== "number" || Number.isFinite(value);
}
