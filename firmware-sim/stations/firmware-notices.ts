/**
 * What an engineer should be told of firmware that runs, since it does not show on the line: sentences, each of them once
 * until the processor gets power anew.
 */
import type { Atmega328p } from "../avr/atmega328p.ts";
import type { UsartSettings } from "../avr/usart.ts";

/** How long firmware may take to switch its serial port on. */
const SILENT_MS = 10_000;
/** How long it has to send without a pause to be called a flood, and how much of a pause is none. */
const FLOOD_MS = 10_000;
const FLOOD_SHARE = 0.98;
/** Two ends of a line may differ by so much, and understand each other. */
const BAUD_TOLERANCE = 0.03;

/** Watches one processor. */
export class FirmwareNotices {
  readonly #lineBaud: number | undefined;
  readonly #said = new Set<string>();
  #poweredMs = 0;
  #watchdogResets = 0;
  #settings = "";
  #windowMs = 0;
  #windowBytes = 0;

  /** `lineBaud` is the speed of the line at which it hangs, where that has one. */
  constructor(lineBaud?: number) {
    this.#lineBaud = lineBaud;
  }

  /** Says that it got its power back: everything may be said again. */
  restarted(timeMs: number): void {
    this.#said.clear();
    this.#poweredMs = timeMs;
    this.#settings = "";
    this.#windowMs = timeMs;
    this.#windowBytes = 0;
  }

  /** Looks at it after it ran; `bytesSent` is how many bytes it has sent since the last look. */
  look(chip: Atmega328p, bytesSent: number): string[] {
    return [
      ...this.#portNotices(chip),
      ...this.#resetNotices(chip),
      ...this.#once(
        chip.isDead,
        "it sleeps, and nothing can wake it: no timer, no watchdog, no interrupt is left",
      ),
      ...this.#floodNotices(chip, bytesSent),
    ];
  }

  #portNotices({ usart, timeMs }: Atmega328p): string[] {
    if (!usart.isOn) {
      const isLate = this.#settings === "" && timeMs - this.#poweredMs >= SILENT_MS;
      return this.#once(
        isLate,
        `after ${SILENT_MS / 1000} s it has not switched on its serial port (TXEN0 in UCSR0B)`,
      );
    }
    const settings = formatSettings(usart.settings);
    if (settings === this.#settings) return [];
    this.#settings = settings;
    const { baud } = usart.settings;
    const line = this.#lineBaud;
    const isOff = line !== undefined && Math.abs(baud / line - 1) > BAUD_TOLERANCE;
    return [
      isOff
        ? `its serial port speaks at ${settings}; the line is at ${line} baud, and would make nothing of it`
        : `its serial port speaks at ${settings}`,
    ];
  }

  #resetNotices({ watchdogResets }: Atmega328p): string[] {
    if (watchdogResets === this.#watchdogResets) return [];
    this.#watchdogResets = watchdogResets;
    return this.#once(true, "its watchdog has reset it");
  }

  #floodNotices({ usart, timeMs }: Atmega328p, bytesSent: number): string[] {
    this.#windowBytes += bytesSent;
    const windowMs = timeMs - this.#windowMs;
    if (windowMs < FLOOD_MS) return [];
    const { baud, dataBits, parity, stopBits } = usart.settings;
    const bits = 1 + dataBits + (parity === "N" ? 0 : 1) + stopBits;
    const share = (this.#windowBytes * bits * 1000) / baud / windowMs;
    const perSecond = Math.round((this.#windowBytes * 1000) / windowMs);
    this.#windowMs = timeMs;
    this.#windowBytes = 0;
    return this.#once(
      share >= FLOOD_SHARE,
      `it has sent for ${FLOOD_MS / 1000} s without a pause, ${perSecond} bytes a second`,
    );
  }

  #once(isSo: boolean, sentence: string): string[] {
    if (!isSo || this.#said.has(sentence)) return [];
    this.#said.add(sentence);
    return [sentence];
  }
}

function formatSettings({ baud, dataBits, parity, stopBits }: UsartSettings): string {
  return `${Math.round(baud)} baud, ${dataBits}${parity}${stopBits}`;
}
