/**
 * One sensor: its driver, the line that it hangs on, and where its events go.
 */

import type { Clock } from "../platform/clock.ts";
import type { Logger } from "../platform/log.ts";
import type { Random } from "../platform/random.ts";
import type { Driver, SensorEvent } from "./driver.ts";
import type { FramerCounters } from "./framers/framer.ts";
import { Line } from "./line/line.ts";
import type { Connect, LineCounters, LineState } from "./line/line.ts";
import type { Fix, SensorReading } from "./reading.ts";

/** What a sensor is made of. */
export interface SensorParts {
  readonly stream: string;
  /** As the configuration names them; for people. */
  readonly driverName: string;
  readonly address: string;
  readonly driver: Driver;
  readonly connect: Connect;
  readonly silentMs?: number;
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
  readonly line: LineState;
  readonly lineCounters: LineCounters;
  readonly frameCounters: FramerCounters;
}

/** See the head of the file. */
export class Sensor {
  private readonly parts: SensorParts;
  private readonly line: Line;
  private hasFailedToOpen = false;

  constructor(parts: SensorParts) {
    const { connect, clock, random, silentMs, driver, logger, stream, address } = parts;
    this.parts = parts;
    const about = { stream, address };
    this.line = new Line({
      connect,
      clock,
      random,
      ...(silentMs === undefined ? {} : { silentMs }),
      handlers: {
        opened: (atMs) => {
          this.hasFailedToOpen = false;
          logger.info(about, "the line to a sensor is open");
          this.take(driver.opened(atMs));
        },
        bytes: (chunk, atMs) => this.take(driver.push(chunk, atMs)),
        closed: (_, error) => {
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
    if (this.line.state !== "closed") this.take(this.parts.driver.tick(nowMs));
  }

  /** How it is. */
  status(): SensorStatus {
    const { stream, driverName, address, driver } = this.parts;
    return {
      stream,
      driver: driverName,
      address,
      line: this.line.state,
      lineCounters: this.line.counters(),
      frameCounters: driver.counters(),
    };
  }

  private take(events: readonly SensorEvent[]): void {
    for (const event of events) {
      if (event.kind === "readings") this.parts.readings(this.parts.stream, event.readings);
      else if (event.kind === "fix") this.parts.fix(event.fix);
      else this.line.write(event.bytes);
    }
  }
}
