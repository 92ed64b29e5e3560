/**
 * A smart meter that prints a DSMR telegram on its P1 port, with a gas meter that reports to it.
 *
 * After the P1 Companion Standards 2.2, 4.2 and 5.0.2: version 5 each second with gas each five minutes; version 4 with
 * gas each hour; version 2 without checksum. It obeys no commands. The meter's clock shows winter time all the year.
 */
import { encodeUtf8 } from "../../ledger/bytes.ts";
import type { Board } from "./board.ts";
import type { Values } from "../models/model.ts";
import { crc16 } from "./crc16.ts";

/** The name of a version. */
export type P1Version = "v5" | "v4" | "v2";

interface VersionSort {
  /** What the telegram says; nothing where it says none. */
  readonly version?: string;
  readonly gasEveryMs: number;
  /** Digits before the point of energy and power. */
  readonly energyDigits: number;
  readonly powerDigits: number;
}

/** Versions by the name that scenarios use. */
export const P1_VERSIONS: Readonly<Record<P1Version, VersionSort>> = {
  v5: { version: "50", gasEveryMs: 300_000, energyDigits: 6, powerDigits: 2 },
  v4: { version: "42", gasEveryMs: 3_600_000, energyDigits: 6, powerDigits: 2 },
  v2: { gasEveryMs: 3_600_000, energyDigits: 5, powerDigits: 4 },
};

const HOUR_MS = 3_600_000;
/** Three letters of the maker, the speed, and what the maker likes. */
const IDENTIFICATION = "KRB5\\SIMULATED-METER";
const EQUIPMENT = "53494D554C41544544";
/** How much of all energy was taken and fed in at low tariff. */
const LOW_TARIFF_SHARE = 0.4;

/** How a telegram ends: four digits, as few digits as the number needs, or none. */
export type P1Checksum = "padded" | "unpadded" | "none";

/** Puts a telegram together: identification without the slash, lines without their ends. */
export function formatP1Telegram(
  identification: string,
  lines: readonly string[],
  checksum: P1Checksum,
): string {
  const body = `${[`/${identification}`, "", ...lines].join("\r\n")}\r\n!`;
  const digits = crc16(encodeUtf8(body), 0).toString(16).toUpperCase();
  const ending = { padded: digits.padStart(4, "0"), unpadded: digits, none: "" }[checksum];
  return `${body}${ending}\r\n`;
}

/** A simulated meter. By law it forgets nothing of what it has counted. */
export class P1MeterBoard implements Board {
  readonly bootMs = 5000;
  readonly #sort: VersionSort;
  #gas: { readonly value: number; readonly timeMs: number } | undefined;

  constructor(version: P1Version) {
    this.#sort = P1_VERSIONS[version];
  }

  measure(values: Values, timeMs: number): Uint8Array[] {
    const { power, energy, gas } = values;
    if (power === undefined || energy === undefined) return [];
    const capturedMs = Math.floor(timeMs / this.#sort.gasEveryMs) * this.#sort.gasEveryMs;
    if (gas !== undefined && this.#gas?.timeMs !== capturedMs)
      this.#gas = { value: gas, timeMs: capturedMs };
    const lines = [
      ...this.#headLines(timeMs),
      ...this.#energyLines(energy, values["energy-out"] ?? 0),
      "0-0:96.14.0(0002)",
      ...this.#powerLines(power, values["power-out"] ?? 0),
      ...this.#voltageLines(values),
      ...this.#gasLines(),
    ];
    const checksum = this.#sort.version === undefined ? "none" : "padded";
    return [encodeUtf8(formatP1Telegram(IDENTIFICATION, lines, checksum))];
  }

  receive(): Uint8Array[] {
    return [];
  }

  restart(): Uint8Array[] {
    return [];
  }

  #headLines(timeMs: number): string[] {
    const { version } = this.#sort;
    const equipment = `0-0:96.1.1(${EQUIPMENT})`;
    if (version === undefined) return [equipment];
    return [`1-3:0.2.8(${version})`, `0-0:1.0.0(${formatTime(timeMs)}W)`, equipment];
  }

  #energyLines(taken: number, fedIn: number): string[] {
    return [taken, fedIn].flatMap((energy, at) => {
      const wattHours = Math.round(energy * 1000);
      const low = Math.round(wattHours * LOW_TARIFF_SHARE);
      return [low, wattHours - low].map(
        (part, tariff) =>
          `1-0:${at + 1}.8.${tariff + 1}(${decimal(part / 1000, this.#sort.energyDigits, 3)}*kWh)`,
      );
    });
  }

  #powerLines(taken: number, fedIn: number): string[] {
    const { powerDigits, version } = this.#sort;
    const decimals = version === undefined ? 2 : 3;
    return [taken, fedIn].map(
      (power, at) => `1-0:${at + 1}.7.0(${decimal(power / 1000, powerDigits, decimals)}*kW)`,
    );
  }

  #voltageLines(values: Values): string[] {
    if (this.#sort.version !== P1_VERSIONS.v5.version) return [];
    return [32, 52, 72].flatMap((code, at) => {
      const voltage = values[`voltage-l${at + 1}`];
      return voltage === undefined ? [] : [`1-0:${code}.7.0(${decimal(voltage, 3, 1)}*V)`];
    });
  }

  #gasLines(): string[] {
    if (this.#gas === undefined) return [];
    const time = formatTime(this.#gas.timeMs);
    const value = decimal(this.#gas.value, 5, 3);
    if (this.#sort.version === undefined)
      return [
        "0-1:24.1.0(3)",
        "0-1:96.1.0(000000000000)",
        `0-1:24.3.0(${time})(00)(60)(1)(0-1:24.2.1)(m3)`,
        `(${value})`,
        "0-1:24.4.0(1)",
      ];
    return ["0-1:24.1.0(003)", `0-1:96.1.0(${EQUIPMENT})`, `0-1:24.2.1(${time}W)(${value}*m3)`];
  }
}

/** Digits before and after the point; what does not fit in front is cut to the greatest that does. */
function decimal(value: number, digits: number, decimals: number): string {
  const most = 10 ** digits - 10 ** -decimals;
  const text = Math.min(most, Math.max(0, value)).toFixed(decimals);
  return text.padStart(digits + decimals + 1, "0");
}

function formatTime(timeMs: number): string {
  return new Date(timeMs + HOUR_MS).toISOString().slice(2, 19).replace(/\D/g, "");
}
