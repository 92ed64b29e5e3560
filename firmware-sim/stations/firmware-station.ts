/**
 * A processor with firmware of its own, kept at the pace of life: its serial port on a line, a model at its analog inputs.
 *
 * It is run in short slices, so that others get their turn. Asleep it costs nothing until something wakes it. What a
 * machine is too slow for is left out and counted: the firmware's clock then runs late, as with a slow crystal.
 */
import { setImmediate as nextTurn } from "node:timers/promises";
import type { Random } from "../../platform/random.ts";
import { UserError } from "../../platform/user-error.ts";
import { voltsAt } from "../avr/analog-sensors.ts";
import { Atmega328p } from "../avr/atmega328p.ts";
import type { FlashImage } from "../avr/intel-hex.ts";
import { StationFaults } from "../faults/station-faults.ts";
import type { CityClock } from "../models/city-clock.ts";
import type { Model, Values } from "../models/model.ts";
import type { BytesReceived, Outlet } from "../outlet/outlet.ts";
import type { FirmwarePlan } from "../scenario/station-plan.ts";
import { FirmwareNotices } from "./firmware-notices.ts";
import type { Noticed, Station, StationReport } from "./station.ts";
import { StationLine } from "./station-line.ts";

/** What it is made from. */
export interface FirmwareStationParts {
  readonly plan: FirmwarePlan;
  readonly image: FlashImage;
  readonly model: Model;
  readonly clock: CityClock;
  /** Draws the faults. */
  readonly random: Random;
  /** Draws what the processor leaves to chance. */
  readonly chipRandom: Random;
  /** Opens the line; bytes from the other side go to the function. */
  readonly openOutlet: (received: BytesReceived) => Promise<Outlet>;
}

/** From power to the first instruction, with the fuses of an Arduino. */
const BOOT_MS = 65;
/** Instructions between two looks at the clock, and how long a turn may take. */
const SLICE_STEPS = 20_000;
const SLICES_MAX = 10;
const TURN_MS_MAX = 4;
/** How long it is left alone while it is awake, and without power. */
const AWAKE_MS = 5;
const DARK_MS = 50;
/** Asleep it is looked at this often at least. */
const ASLEEP_MS_MAX = 10_000;
/** How far it may be behind before the rest is left out. */
const BEHIND_MS_MAX = 1000;
/** Sensors take a moment to follow what they measure; and a model is not asked more often. */
const SENSOR_MS = 100;

/** A processor whose line is open. */
export class FirmwareStation implements Station {
  readonly plan: FirmwarePlan;
  readonly #parts: FirmwareStationParts;
  readonly #faults: StationFaults;
  readonly #chip: Atmega328p;
  readonly #notices: FirmwareNotices;
  #line: StationLine | undefined;
  #sent: number[] = [];
  #restarts = 0;
  /** Time of the line's at which the chip had no power or was left out. */
  #missedMs = 0;
  #skippedMs = 0;
  #values: { readonly values: Values; readonly untilMs: number } = { values: {}, untilMs: 0 };
  #wake: () => void = () => undefined;

  private constructor(parts: FirmwareStationParts, faults: StationFaults) {
    const { plan, image, chipRandom } = parts;
    this.plan = plan;
    this.#parts = parts;
    this.#faults = faults;
    const { outlet } = plan;
    this.#notices = new FirmwareNotices(outlet.kind === "serial" ? outlet.baud : undefined);
    this.#chip = new Atmega328p({
      flash: image.bytes,
      clockHz: plan.clockHz,
      volts: (channel) => voltsAt(plan.inputs.get(channel), this.#measured()),
      sent: (byte) => this.#sent.push(byte),
      random: chipRandom,
    });
  }

  /** Opens the line. Rejects with the system's error. */
  static async open(parts: FirmwareStationParts): Promise<FirmwareStation> {
    const { plan, random, clock, openOutlet } = parts;
    const faults = new StationFaults(plan.faults, random, BOOT_MS);
    const station = new FirmwareStation(parts, faults);
    const line = { faults, clock: clock.clock, openOutlet };
    station.#line = await StationLine.open(line, (chunk) => station.#receive(chunk));
    return station;
  }

  get address(): string {
    return this.#opened().address;
  }

  report(): StationReport {
    const { bytesSent, bytesLost } = this.#opened();
    const { timeMs, sleptMs, watchdogResets, usart } = this.#chip;
    const firmware = {
      seconds: timeMs / 1000,
      asleepSeconds: sleptMs / 1000,
      skippedSeconds: this.#skippedMs / 1000,
      watchdogResets,
      bytesUnheard: usart.bytesLost,
    };
    return { bytesSent, bytesLost, firmware };
  }

  /** Runs until the signal. Rejects with a `UserError` when the firmware cannot go on, as when its line is lost. */
  run(signal: AbortSignal, noticed: Noticed): Promise<void> {
    return this.#opened().run(signal, (either) => this.#keepPace(either, noticed));
  }

  close(): Promise<void> {
    return this.#opened().close();
  }

  async #keepPace(signal: AbortSignal, noticed: Noticed): Promise<void> {
    // It gets its power now, not when its line was opened.
    this.#missedMs = this.#opened().elapsedMs();
    for (;;) {
      const waitMs = this.#turn(noticed);
      if (waitMs > 0) await this.#pause(waitMs, signal);
      // Node calls timers as long as one is due: several stations that are behind would leave sockets and signals no turn.
      else await nextTurn(undefined, { signal });
    }
  }

  /** Runs the chip up to the present, or for a turn's length; gives how long it may be left alone, 0 where it is behind. */
  #turn(noticed: Noticed): number {
    if (!this.#hasPower()) return DARK_MS;
    const { clock } = this.#parts.clock;
    const chip = this.#chip;
    const untilMs = this.#presentMs();
    const endMs = clock.monotonicMs() + TURN_MS_MAX;
    for (let slice = 0; slice < SLICES_MAX && chip.timeMs < untilMs; slice++) {
      chip.run(untilMs, SLICE_STEPS);
      if (chip.crash !== undefined || clock.monotonicMs() >= endMs) break;
    }
    const bytesSent = this.#sent.length;
    if (bytesSent > 0) this.#opened().send(Uint8Array.from(this.#sent.splice(0)));
    for (const notice of this.#notices.look(chip, bytesSent)) noticed(notice);
    if (chip.crash !== undefined) throw new UserError(`the firmware cannot go on: ${chip.crash}`);
    const behindMs = untilMs - chip.timeMs;
    if (behindMs > BEHIND_MS_MAX) this.#skip(behindMs, noticed);
    if (behindMs > 0) return 0;
    const asleepMs = chip.wakesMs - chip.timeMs;
    return asleepMs > 0 ? Math.min(ASLEEP_MS_MAX, asleepMs) : AWAKE_MS;
  }

  /** How far the chip should be. */
  #presentMs(): number {
    return this.#opened().elapsedMs() - this.#missedMs;
  }

  #skip(behindMs: number, noticed: Noticed): void {
    if (this.#skippedMs === 0)
      noticed("this machine did not keep up with it; its clock is late from now on");
    this.#skippedMs += behindMs;
    this.#missedMs += behindMs;
  }

  /** Says whether the chip has power, and starts it where it has got it back. */
  #hasPower(): boolean {
    const elapsedMs = this.#opened().elapsedMs();
    const { isOn, restarts } = this.#faults.power.at(elapsedMs);
    if (!isOn) this.#missedMs = elapsedMs - this.#chip.timeMs;
    if (!isOn || restarts === this.#restarts) return isOn;
    this.#restarts = restarts;
    this.#chip.restart();
    this.#notices.restarted(this.#chip.timeMs);
    this.#missedMs = elapsedMs - this.#chip.timeMs;
    return true;
  }

  /** What there is to be measured at the chip's own moment. */
  #measured(): Values {
    const elapsedMs = this.#chip.timeMs + this.#missedMs;
    if (elapsedMs < this.#values.untilMs) return this.#values.values;
    const { clock, model } = this.#parts;
    const bornMs = clock.clock.monotonicMs() - this.#opened().elapsedMs();
    const values = this.#faults.values(model.at(clock.atMs(bornMs + elapsedMs)), elapsedMs);
    this.#values = { values, untilMs: elapsedMs + SENSOR_MS };
    return values;
  }

  #receive(chunk: Uint8Array): void {
    if (!this.#hasPower()) return;
    // Asleep it may be where it was looked at last; what it hears, it hears now.
    this.#chip.run(this.#presentMs(), SLICE_STEPS);
    for (const byte of chunk) this.#chip.receive(byte);
    this.#wake();
  }

  /** Waits, unless something comes on the line. */
  #pause(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const settle = (act: () => void) => (): void => {
        cancel();
        signal.removeEventListener("abort", stop);
        this.#wake = () => undefined;
        act();
      };
      const stop = settle(() => reject(new Error("stopped", { cause: signal.reason })));
      const cancel = this.#parts.clock.clock.after(ms, settle(resolve));
      this.#wake = settle(resolve);
      signal.addEventListener("abort", stop);
      if (signal.aborted) stop();
    });
  }

  #opened(): StationLine {
    if (this.#line === undefined) throw new Error("a station is used before it is open");
    return this.#line;
  }
}
